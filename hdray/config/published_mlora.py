"""The mLoRA paper's presets: its six weight spaces at the sizes of its Table 1, on ShapeNet's airplanes.

Yang, Salzmann and Süsstrunk, *Weight Space Representation Learning with Neural Fields* (arXiv 2512.01759 v2), sections
3.1 to 3.5 and 8. Its code is not public: where the text is silent, docs/presets.md says what is taken here and why.
"""

from collections.abc import Callable
from functools import partial

from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings
from hdray.metrics.settings import EvaluateSettings

AIRPLANES = 4_045
"""Airplanes of ShapeNet, all of which the paper uses."""
STAGES = 5


def paper(kind: str, asymmetric: bool) -> Config:
    """As the paper says, of one weight space."""
    alone = kind == "fourier-mlp"
    return Config(
        field=FieldSettings(
            kind=kind,
            asymmetric=asymmetric,
            width=99 if alone else 512,
            layers=3,
            omega=1.0,
            rank=3,
            blocks=4,
            latent=128,
            mapping_layers=4,
            mapping_width=256,
            lora_start="normal",
            frozen_variance=6.0,
        ),
        shared=SharedSettings(
            steps=350_000,
            batch_size=16,
            points_per_row=32_768,
            stages=STAGES,
            latent_weight=1e-4,
            # From 1e-3 to 1e-5, equal steps of the logarithm from stage to stage.
            learning_rate=1e-3,
            schedule="stages",
            step_factor=1e-2 ** (1 / (STAGES - 1)),
            ema=0.999,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        fit=FitSettings(
            batch_size=16,
            steps=10_000,
            points_per_step=8_192,
            learning_rate=1e-2,
            schedule="plateau",
            minimum_learning_rate=1e-5,
            stop_patience=10_000,  # every instance takes all its steps
            initialisation="fitted" if alone else "random",
            precision="fp32",
            minimum_near_iou=0.0,
        ),
        generator=GeneratorSettings(
            kind="hyperdiffusion" if alone else "lora-diffusion",
            predict="noise",
            normalisation="none",
            delta=False,
        ),
        train=TrainSettings(
            steps=6_000 * -(-AIRPLANES // 256),
            batch_size=256,
            learning_rate=2e-4,
            schedule="constant",
            decay_everything=True,
            precision="fp32",
            checkpoint_steps=5_000,
        ),
        generate=GenerateSettings(count=2_048, steps=100, resolution=356),
        evaluate=EvaluateSettings(protocol="hyperdiffusion-paper"),
    )


MLORA: dict[str, Callable[[], Config]] = {
    "mlora-mlp-paper": partial(paper, "fourier-mlp", asymmetric=False),
    "mlora-mlp-asym-paper": partial(paper, "fourier-mlp", asymmetric=True),
    "mlora-lora-paper": partial(paper, "lora", asymmetric=False),
    "mlora-lora-asym-paper": partial(paper, "lora", asymmetric=True),
    "mlora-mlora-paper": partial(paper, "mlora", asymmetric=False),
    "mlora-mlora-asym-paper": partial(paper, "mlora", asymmetric=True),
}
