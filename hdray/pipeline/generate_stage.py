"""A trained generator to new meshes: vectors sampled in batches, each turned into a mesh file and surface points."""

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.fields.cloud import PointCloud
from hdray.fields.frame import FrozenTime
from hdray.generators.build import build_generator
from hdray.generators.vector_diffusion import VectorDiffusion
from hdray.pipeline.belonging import check_generator
from hdray.pipeline.cluster import Resources, use_threads, worker_device
from hdray.pipeline.exactly_once import CommittedTable
from hdray.pipeline.field import field_of
from hdray.pipeline.instances import matrix
from hdray.pipeline.run_directory import RunDirectory, content_hash
from hdray.pipeline.storage import read_bytes, write_bytes
from hdray.pipeline.train_stage import TRAINEE
from hdray.pipeline.training import MODEL_FILE
from hdray.seeds import numpy_stream
from hdray.signals.animation import frame_times
from hdray.signals.mesh import Mesh
from hdray.surfaces.animation_file import write_animation
from hdray.surfaces.beads import bead_centres, beads
from hdray.surfaces.bodies import bodies
from hdray.surfaces.extract import extract
from hdray.surfaces.files import write_mesh
from hdray.surfaces.grid import Field
from hdray.surfaces.points import surface_points
from hdray.surfaces.polygonise import EmptySurface

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

STAGE = "generate"
EXTRACTED_TOGETHER = 4
"""Vectors that an actor is handed at a time: what a killed one loses. (Rows with surfaces, larger than short vectors, leave it in
blocks of fewer.)"""
MODEL = ("training", TRAINEE, MODEL_FILE)
NAME = "sample-"
"""What the names of generated shapes begin with; a number follows."""


def check_generate(run: RunDirectory, config: Config, alone: bool) -> None:
    """Raise UserError where there is nothing to sample from and this job does not train it, or what there is is another run's."""
    if alone and not run.has(*MODEL):
        raise UserError(f"{run.url} holds no trained generator; run jobs/train.py --run {run.url} first")
    if alone:
        check_generator(run, run.path(*MODEL))


def samples_table(run: RunDirectory) -> CommittedTable:
    """The generated vectors and their commits."""
    return CommittedTable(run.path("samples", "vectors"), run.path("samples", "commits"))


def sample_schema() -> "pa.Schema":
    """A row per generated shape.

    theta: its vector. reason: why it has no surface, null where it has one. surface: points on it (S x 3, float32, in
    the box; of an animation S of each frame, frame after frame), null where it has none. mesh: its file below samples/.
    vertices, faces: the counts of all its meshes. bodies: connected pieces of at least 1 % of the volume; of an animation
    the most in any frame, null of a cloud of points.
    """
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            ("theta", pa.list_(pa.float32())),
            ("reason", pa.string()),
            ("surface", pa.list_(pa.float32())),
            ("mesh", pa.string()),
            ("vertices", pa.int64()),
            ("faces", pa.int64()),
            ("bodies", pa.int32()),
        ]
    )


def sample_ids(config: Config) -> list[str]:
    """Names of the shapes to generate; a sample is seeded by (the generator's seed, name)."""
    return [f"{NAME}{number:05d}" for number in range(config.generate.count)]


def generate_keys(config: Config) -> dict[str, object]:
    """What samples depend on beside the model; how many there are and how many are denoised together is neither."""
    keys = flatten(config.generate, "generate.")
    kept = {key: value for key, value in keys.items() if key not in ("generate.count", "generate.batch_size")}
    if not config.generate.legacy_grid:  # samples made before there was one go on
        del kept["generate.legacy_grid"]
    return {**kept, "seed": config.generator_seed, "signal.surface_points": config.signal.surface_points}


def run_generate(run: RunDirectory, config: Config, resources: Resources) -> None:
    """Generate what is missing; samples of another model or other settings are replaced, being cheap."""
    keys = generate_keys(config)
    inputs = {"the model": content_hash(read_bytes(run.path(*MODEL)))}
    made = run.record(STAGE)
    if made is not None and (made["keys"] != keys or made["inputs"] != inputs):
        print("the samples were made by another model or with other settings: making them again")
        run.write_json({**made, "keys": {}}, "stages", f"{STAGE}.json")  # killed from here on, it is begun again
        for made_of_them in ("metrics.json", "evaluations", "samples"):
            run.remove(made_of_them)
        run.remove("stages", f"{STAGE}.json")
    run.begin(STAGE, keys, inputs, "samples")
    begin = time.monotonic()
    done = samples_table(run).committed()
    missing = [name for name in sample_ids(config) if name not in done]
    if missing:
        _generate(run, config, missing, resources)
    if missing or not (run.record(STAGE) or {}).get("complete"):
        run.finish(STAGE, time.monotonic() - begin)


def _generate(run: RunDirectory, config: Config, missing: list[str], resources: Resources) -> None:
    """Sample these names and extract their surfaces."""
    import pyarrow as pa

    samples_table(run).append(
        run.path("stages", "generate-manifest.parquet"),
        pa.table({"id": missing}),
        lambda rows: sample_and_extract(rows, run, config, resources, -(-len(missing) // config.generate.batch_size)),
        what="shapes generated",
        cpus=config.execution.task_cpus,
        progress_s=config.execution.progress_s,
        silence_s=3600.0,
    )


def sample_and_extract(
    rows: "Dataset", run: RunDirectory, config: Config, resources: Resources, batches: int
) -> "Dataset":
    """From names to rows of the samples table, streamed between two pools of actors."""
    from ray.data import ActorPoolStrategy

    cpus, gpus = config.execution.task_cpus, resources.gpus_per_actor
    # The two pools work at the same time, so each takes half of a GPU.
    pool = ActorPoolStrategy(size=resources.fitting_actors)
    arguments = {"config": config, "run_url": run.url}
    # A block per actor's turn: otherwise one actor would extract all of a batch, and nothing be written until then. It is
    # said in bytes, since the task of repartition() asks for a whole CPU: jobs that hold actors on all of them wait for ever.
    rows.context.target_max_block_size = EXTRACTED_TOGETHER * field_of(config).layout.size * torch.float32.itemsize
    vectors = rows.map_batches(
        VectorActor,
        fn_constructor_kwargs=arguments,
        batch_size=config.generate.batch_size,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=min(batches, resources.fitting_actors)),  # each holds the generator
        num_cpus=cpus,
        num_gpus=gpus / 2 or None,
    )
    return vectors.map_batches(
        ExtractionActor,
        fn_constructor_kwargs=arguments,
        batch_size=1,
        batch_format="pyarrow",
        compute=pool,
        num_cpus=cpus,
        num_gpus=gpus / 2 or None,
    )


def load_generator(run: RunDirectory, config: Config) -> VectorDiffusion:
    """The run's trained generator on the device of this worker. Raises UserError where it was trained on another run's vectors."""
    from safetensors.torch import load

    check_generator(run, run.path(*MODEL))
    model = build_generator(field_of(config).layout, config.generator)
    model.load_state_dict(load(read_bytes(run.path(*MODEL))))
    return model.to(worker_device()).eval()


class VectorActor:
    """Ray Data actor: names in, vectors out."""

    def __init__(self, config: Config, run_url: str) -> None:
        use_threads(config.execution.fitting_threads)
        self.config = config
        self.model = load_generator(RunDirectory(run_url), config)

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Sample one vector per name."""
        import pyarrow as pa

        names = batch["id"].to_pylist()
        # However Ray divides the names, a vector keeps its row of the batch, and so its last bit.
        numbers = [int(name.removeprefix(NAME)) for name in names]
        theta = self.model.sample(names, self.config.generator_seed, self.config.generate, numbers)
        return pa.table({"id": batch["id"], "theta": pa.array(list(theta.numpy()), pa.list_(pa.float32()))})


class Extraction:
    """Vectors to surfaces, as the settings of generation say, on the device of this worker."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.field = field_of(config)
        self.device = worker_device()
        times = frame_times(config.signal)
        self.moments: list[Field] = []  # one, or one per frame; a cloud has no surface to extract
        if not isinstance(self.field, PointCloud):
            field = self.field
            self.moments = [field] if times is None else [FrozenTime(field, float(time)) for time in times]

    def meshes(self, theta: torch.Tensor) -> list[Mesh] | EmptySurface:
        """The surface of a vector (D,), or of each frame of an animation, which is empty if one of its frames is;
        of a cloud of points, beads around them."""
        if isinstance(self.field, PointCloud):
            if not theta.isfinite().all():
                return EmptySurface("the vector holds numbers that are not finite")
            return [beads(self.field.points(theta).numpy())]
        settings = self.config.generate
        meshes: list[Mesh] = []
        for field in self.moments:
            found = extract(
                field,
                theta,
                resolution=settings.resolution,
                level=settings.level,
                method=settings.method,
                legacy_grid=settings.legacy_grid,
                device=self.device,
            )
            if isinstance(found, EmptySurface):
                where = f"in frame {len(meshes) + 1} of {len(self.moments)}, " if len(self.moments) > 1 else ""
                return EmptySurface(where + found.reason)
            meshes.append(found)
        return meshes

    def points(self, meshes: list[Mesh], name: str) -> np.ndarray:
        """Points (S, 3) float32 on each mesh, one after the other, drawn for the shape's name; of a cloud, itself."""
        if isinstance(self.field, PointCloud):
            return bead_centres(meshes[0])
        count, seed = self.config.signal.surface_points, self.config.seed
        streams = [(name, "surface", *((frame,) if len(meshes) > 1 else ())) for frame in range(len(meshes))]
        drawn = [
            surface_points(mesh, count, numpy_stream(seed, *words)) for mesh, words in zip(meshes, streams, strict=True)
        ]
        return np.concatenate(drawn)


class ExtractionActor:
    """Ray Data actor: vectors in, rows of the samples table out, their meshes written to the run."""

    def __init__(self, config: Config, run_url: str) -> None:
        use_threads(config.execution.fitting_threads)
        self.run, self.extraction = RunDirectory(run_url), Extraction(config)

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Extract each vector's surface."""
        import pyarrow as pa

        theta = matrix(batch["theta"], np.float32)
        rows = [self.row(name, vector) for name, vector in zip(batch["id"].to_pylist(), theta, strict=True)]
        return pa.Table.from_pylist(rows, schema=sample_schema())

    def row(self, name: str, theta: np.ndarray) -> dict[str, Any]:
        """The row of one vector (D,); an empty field is a row with a reason."""
        found = self.extraction.meshes(torch.from_numpy(theta.copy()))
        row: dict[str, Any] = {"id": name, "theta": theta}
        if isinstance(found, EmptySurface):
            return {**row, "reason": found.reason, "vertices": 0, "faces": 0, "bodies": 0}
        mesh_format = self.extraction.config.generate.mesh_format
        path = f"meshes/{name}.{mesh_format}"
        content = write_mesh(found[0], mesh_format) if len(found) == 1 else write_animation(found)
        write_bytes(self.run.path("samples", path), content)
        sizes = {
            "vertices": sum(len(mesh.vertices) for mesh in found),
            "faces": sum(len(mesh.faces) for mesh in found),
            # The beads that stand for points are not bodies.
            "bodies": None if isinstance(self.extraction.field, PointCloud) else max(bodies(mesh) for mesh in found),
        }
        return {**row, "surface": self.extraction.points(found, name).reshape(-1), "mesh": path, **sizes}
