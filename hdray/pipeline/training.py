"""Trains an ordered list of trainees by Ray Train and DeepSpeed, each into a directory of its own.

<directory>/<name>/model.safetensors holds what was trained (the moving average of the weights where there is one) and
is there if and only if training is finished, or paused; its header says after how many steps. loss.csv and tensorboard/
hold the curve; the rest is Ray Train's. Batches depend on the step alone and checkpoints fit any number of workers, so a
run that is killed, whole or in part, or paused, continues as if nothing had happened, on as many workers as there are then.
"""

import json
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from hdray.errors import UserError
from hdray.generators.optimiser import learning_rate
from hdray.generators.settings import TrainSettings
from hdray.generators.trainee import Trainee
from hdray.pipeline.model_file import model_header
from hdray.pipeline.storage import exists, join, write_bytes
from hdray.pipeline.training_log import TrainingLog
from hdray.pipeline.training_state import Progress, open_state, write_state

if TYPE_CHECKING:
    from hdray.pipeline.deepspeed_engine import DeepSpeedTraining

MODEL_FILE = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class Training:
    """One trainee and how to train it."""

    name: str
    """Its directory below the training directory."""
    build: Callable[[], Trainee]
    """Builds the trainee inside every worker; it is pickled, so let it load data rather than hold it."""
    settings: TrainSettings
    section: str = "train"
    """Section of the configuration that the settings are, as messages name it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What to write into the header of model.safetensors, such as the hashes of what it was trained on."""
    pause_at: int = 0
    """Step to end at for now, with a checkpoint and the model so far; 0: only at the last one."""

    @property
    def end(self) -> int:
        """The step to end at for now."""
        return self.pause_at or self.settings.steps


@dataclass(frozen=True, kw_only=True)
class WorkerResources:
    """What each worker asks of Ray, and its threads."""

    gpus: float = 0.0
    """GPUs of each worker, a fraction where others share them, and NCCL between the workers; 0: CPUs and gloo."""
    cpus: float = 0.25
    """Logical CPUs; a fraction, so that two workers and the rest of a job fit on two CPUs."""
    threads: int = 0
    """Torch threads; 0 divides the node's cores among its workers."""


def train(trainings: Sequence[Training], directory: str, resources: WorkerResources) -> list[str]:
    """Train what is not trained yet, in order, each to its end or its pause; the URLs of the models.

    `directory` is an absolute path or an s3:// URL that every node sees; Ray must be connected. A later trainee may
    read the model of an earlier one. Raises UserError for what a worker found to be the user's to mend, at once, and
    RuntimeError with the worker's error once `max_failures` restarts did not help.
    """
    models = []
    for training in trainings:
        url = join(directory, training.name, MODEL_FILE)
        if trained_steps(url) < training.end:
            _train_one(training, directory, resources)
        models.append(url)
    return models


def trained_steps(url: str) -> int:
    """After how many steps a model was written; 0 where there is none."""
    if not exists(url):
        return 0
    written = model_header(url)
    # Former versions wrote models of finished trainings alone.
    return int(written.get("steps") or json.loads(written["settings"])["steps"])


def _train_one(training: Training, directory: str, resources: WorkerResources) -> None:
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.torch import TorchTrainer

    settings = training.settings
    trainer = TorchTrainer(
        _worker,  # type: ignore[arg-type]  # what rank 0 returns comes back, though the signature says None
        train_loop_config={
            "training": training, "url": join(directory, training.name), "threads": resources.threads
        },
        scaling_config=ScalingConfig(
            num_workers=settings.workers,
            use_gpu=resources.gpus > 0,
            resources_per_worker={"CPU": resources.cpus, **({"GPU": resources.gpus} if resources.gpus else {})},
        ),
        run_config=RunConfig(
            name=training.name,
            storage_path=directory,
            failure_config=FailureConfig(max_failures=settings.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )  # fmt: skip
    try:
        mistake = trainer.fit().return_value  # type: ignore[attr-defined]  # Train V2 has it, the stub is of V1
    except TrainingFailedError as error:
        raise RuntimeError(f"training {training.name} failed: {_cause(error)}") from error
    if mistake is not None:
        raise UserError(mistake)


def _cause(error: Exception) -> str:
    """The first worker's own error, below Ray's wrapping."""
    failures = getattr(error, "worker_failures", None) or {0: getattr(error, "controller_failure", error)}
    rank, failure = min(failures.items())
    cause = getattr(failure, "_base_exc", failure)
    return f"worker {rank}: {type(cause).__name__}: {cause}"


def _worker(config: dict[str, Any]) -> str | None:
    """Runs in every worker. Returns the message of a UserError, which would fail again if Ray tried it again."""
    import ray.train
    import ray.train.torch

    context = ray.train.get_context()
    threads = config["threads"] or len(os.sched_getaffinity(0)) // context.get_local_world_size()
    torch.set_num_threads(max(1, threads))
    device = ray.train.torch.get_device()
    training: Training = config["training"]
    try:
        trainee = _build(training)
        _Loop(training, trainee, config["url"], device).run()
    except UserError as error:
        return str(error)
    return None


def _build(training: Training) -> Trainee:
    """The trainee, or a UserError in all workers if any of them has one: a worker must not wait for one that left."""
    trainee, mistake = None, None
    try:
        trainee = training.build()
    except UserError as error:
        mistake = str(error)
    mistakes: list[str | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(mistakes, mistake)
    for message in mistakes:
        if message is not None:
            raise UserError(message)
    assert trainee is not None
    return trainee


class _Loop:
    """The steps of one worker, from the last checkpoint (or the start) to the export."""

    def __init__(self, training: Training, trainee: Trainee, url: str, device: torch.device) -> None:
        self.training, self.settings, self.trainee = training, training.settings, trainee
        self.worker, self.workers = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.engine, self.progress = _start(trainee, self.settings, device)
        self.url = url
        self.log = TrainingLog(url, training.name, self.settings.steps, self.progress) if self.worker == 0 else None

    def run(self) -> None:
        settings, progress, end = self.settings, self.progress, self.training.end
        window = torch.tensor(progress.window_loss, device=self.engine.device)
        mark = time.monotonic()
        with ThreadPoolExecutor(1) as ahead:  # draws the next batch while this one trains
            upcoming = ahead.submit(self.engine.batch, progress.step)
            for step in range(progress.step, end):
                batch = upcoming.result()
                if step + 1 < end:
                    upcoming = ahead.submit(self.engine.batch, step + 1)
                window += self.engine.step(step, batch)
                progress.step = step + 1
                progress.window_steps += 1
                last = progress.step == settings.steps
                log = progress.step % settings.log_steps == 0
                save = progress.step % settings.checkpoint_steps == 0 or progress.step == end
                if log or last or save:
                    progress.window_loss = self.engine.mean(window)
                    now = time.monotonic()
                    progress.seconds, mark = progress.seconds + now - mark, now
                if log or last:
                    self._point()
                    window.zero_()
                if save and not last:
                    self._checkpoint()
                    mark = time.monotonic()
        self._export()

    def _point(self) -> None:
        """Add a point to the loss curve. Raises UserError, in all workers alike, when the loss is not finite."""
        progress = self.progress
        loss = progress.window_loss / progress.window_steps
        if not math.isfinite(loss):
            raise UserError(diverged(self.training, progress, self.url))
        rate = learning_rate(progress.step - 1, self.settings, self.trainee.records)
        progress.curve.append((progress.step, loss, rate, round(progress.seconds, 3)))
        progress.window_loss, progress.window_steps = 0.0, 0
        if self.log:
            self.log.point()

    def _checkpoint(self) -> None:
        """Save all state through Ray Train: every worker its share, merged into one directory."""
        import ray.train

        metrics = {"step": self.progress.step}
        with tempfile.TemporaryDirectory() as folder:
            write_state(Path(folder), self.engine.state(*self.engine.kinds), self.progress, self.worker, self.workers)
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
        if self.log:
            self.log.save()

    def _export(self) -> None:
        """Write the model, which says how far training has come; so it comes last."""
        from safetensors.torch import save

        from hdray.pipeline.deepspeed_engine import AVERAGE, WEIGHT

        kind = AVERAGE if self.settings.ema else WEIGHT
        weights = {}
        for key, tensor in self.engine.state(kind):
            if self.worker == 0:
                weights[key.removeprefix(f"{kind}/")] = tensor.cpu()
        if self.log:
            self.log.save()
            metadata = {**self.training.metadata, "settings": json.dumps(asdict(self.settings))}
            metadata["steps"] = str(self.progress.step)
            model = {name: tensor.contiguous() for name, tensor in self.trainee.export(weights).items()}
            write_bytes(join(self.url, MODEL_FILE), save(model, metadata))
        torch.distributed.barrier()


def diverged(training: Training, progress: Progress, url: str) -> str:
    """What to say of a training whose loss is not finite: where, and what to change."""
    section, loss = training.section, progress.window_loss / progress.window_steps
    return (
        f"training {training.name} diverged: its loss is {loss} within the {progress.window_steps} steps before step "
        f"{progress.step}. A lower {section}.learning_rate (now {training.settings.learning_rate}), longer "
        f"{section}.warmup_steps or {section}.clip = 1.0 would be right; delete {url} to train anew with them."
    )


def _start(trainee: Trainee, settings: TrainSettings, device: torch.device) -> "tuple[DeepSpeedTraining, Progress]":
    """The engine and the progress of the latest checkpoint, or of the start where there is none."""
    import ray.train

    from hdray.pipeline.deepspeed_engine import DeepSpeedTraining, SavedState

    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return DeepSpeedTraining(trainee, settings, device), Progress()
    with checkpoint.as_directory() as folder, open_state(Path(folder)) as (progress, read):
        return DeepSpeedTraining(trainee, settings, device, SavedState(progress.step, read)), progress
