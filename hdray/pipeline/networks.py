"""The networks that instances share, trained on the points of the training shapes: once for all runs of a store."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.fields.kinds import kind_of
from hdray.fields.sharing import network_keys
from hdray.fitting.trainees import trainee_of
from hdray.generators.trainee import Trainee
from hdray.pipeline.cluster import Resources
from hdray.pipeline.inputs import Input
from hdray.pipeline.lease import Lease
from hdray.pipeline.point_store import points_keys, read_points
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import join, read_bytes
from hdray.pipeline.training import MODEL_FILE, Training, WorkerResources, train
from hdray.pipeline.training_rows import trained_on
from hdray.signals.animation import frame_times

STAGE = "share"
TRAINEE = "shared"
LATENTS = "latents."
"""Names of what only training knows begin so."""


@dataclass(frozen=True)
class StoredPointsTrainee:
    """Builds the trainee in a worker: each worker reads the points once (7 bytes a point)."""

    config: Config
    points_url: str
    ids: tuple[str, ...]

    def __call__(self) -> Trainee:
        """Raises UserError where none of the training shapes can be read."""
        config = self.config
        points = read_points(RunDirectory(self.points_url), self.ids)
        network = kind_of(config.field.kind).network
        assert network is not None, "only the networks of kinds that have some are trained"
        times = frame_times(config.signal)
        of_frames = None if times is None else torch.from_numpy(times)
        return trainee_of(network)(points, config.field, config.shared, config.seed, of_frames)


def ensure_networks(
    config: Config, inputs: Sequence[Input], points: RunDirectory, resources: Resources
) -> RunDirectory:
    """Train the networks that the run's instances share, unless a run of the store has; where they lie.

    They see the training split alone. Another run that is at it is waited for. Raises UserError where training diverges.
    """
    ids = trained_on(config, inputs)
    keys = {**network_keys(config.field), **result_keys(config, "shared"), **points_keys(config)}
    name = content_hash(*(f"{key}={value!r}" for key, value in sorted(keys.items())), *ids)
    directory = RunDirectory(join(config.store or config.run, "networks", name))
    with Lease(directory, patient=True):
        made = directory.begin(STAGE, keys, {"the shapes trained on": content_hash(*ids)}, f"training/{TRAINEE}")
        begin = time.monotonic()
        if not made["complete"]:
            print(
                f"training what {config.field.kind} fields share on {len(ids)} shapes, in {directory.url}", flush=True
            )
        training = Training(
            name=TRAINEE,
            build=StoredPointsTrainee(config, points.url, tuple(ids)),
            settings=config.shared,
            section="shared",
        )
        workers = WorkerResources(
            gpus=resources.gpus_per_actor,
            cpus=config.execution.task_cpus,
            threads=config.execution.training_threads,
        )
        train([training], directory.path("training"), workers)
        if not made["complete"]:
            directory.finish(STAGE, time.monotonic() - begin)
    return directory


def read_networks(directory: RunDirectory) -> dict[str, torch.Tensor]:
    """The tensors of what was trained there, by name."""
    from safetensors.torch import load

    tensors = load(read_bytes(directory.path("training", TRAINEE, MODEL_FILE)))
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(LATENTS)}
