"""The DeepSpeed configuration that training settings ask for: one pure function."""

from typing import Any

from hdray.generators.settings import TrainSettings


def deepspeed_config(settings: TrainSettings, workers: int) -> dict[str, Any]:
    """What `deepspeed.initialize` is given for `workers` data-parallel workers.

    ZeRO 1 to 3 in bf16 keep fp32 master weights in the partitioned optimiser and sum gradients in fp32. ZeRO 0 has no
    place for master weights: there the module stays fp32 and bf16 is the loss's autocast (see DeepSpeedTraining).
    Batches are never accumulated: a worker's share of the global batch is one micro batch.
    """
    partitioned_bf16 = settings.precision == "bf16" and settings.zero_stage > 0
    return {
        "train_batch_size": settings.batch_size,
        "train_micro_batch_size_per_gpu": settings.batch_size // workers,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": settings.clip,
        "bf16": {"enabled": partitioned_bf16},
        "data_types": {"grad_accum_dtype": "fp32"},
        # Overlapping communication was found to race in stages 1 and 2 and buys little at nine tokens a vector.
        "zero_optimization": {"stage": settings.zero_stage, "overlap_comm": False},
        # AdamW with a moving average is a torch optimiser that DeepSpeed does not know by name.
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 2**62,
    }
