"""Animations through the actors of the pipeline, called as Ray calls them: files in, fields, animated meshes out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.fitting.initialisation import random_start
from hdray.fitting.settings import FitSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.field import field_of
from hdray.pipeline.fitting import FittingActor
from hdray.pipeline.generate_stage import ExtractionActor
from hdray.pipeline.inputs import list_inputs
from hdray.pipeline.instances import matrix
from hdray.pipeline.sampling import SamplingActor
from hdray.signals.settings import OccupancySettings
from hdray.surfaces.animation_file import read_frames
from tests.signals.animations import anime, growing_ball

FRAMES = 3


KINDS = {
    "mlp": (FieldSettings(width=32, layers=2), GeneratorSettings()),
    "voxels": (FieldSettings(kind="voxels", voxels=16), GeneratorSettings(kind="voxel-diffusion")),
}


@pytest.fixture(params=KINDS)
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    field, generator = KINDS[request.param]
    data = tmp_path / "data"
    data.mkdir()
    for number in range(2):
        (data / f"ball{number}.anime").write_bytes(anime(growing_ball(frames=6, step=0.05 + 0.05 * number)))
    (data / "broken.anime").write_bytes(b"nothing of the kind")
    return Config(
        data=str(data),
        run=str(tmp_path / "run"),
        signal=OccupancySettings(
            frames=FRAMES, uniform_points=2_400, near_points=1_600, held_out_points=800, surface_points=64
        ),
        field=field,
        fit=FitSettings(batch_size=2, steps=200, points_per_step=512),
        generator=generator,
        generate=GenerateSettings(resolution=32, mesh_format="glb"),
        evaluate=EvaluateSettings(points=64),
    )


def test_from_files_to_animated_meshes(config: Config, tmp_path: Path) -> None:
    import pyarrow as pa

    start = tmp_path / "start.safetensors"
    start.write_bytes(save({"theta": random_start(field_of(config), 0)}))
    inputs, _ = list_inputs(config)
    manifest = pa.table({name: [getattr(item, name) for item in inputs] for name in ("id", "source", "split")})
    fitted = FittingActor(config, str(start))(SamplingActor(config)(manifest))
    rows = {row["source"]: row for row in fitted.to_pylist()}
    assert rows["broken.anime"]["status"] == "rejected"
    assert "could not be read as .anime" in rows["broken.anime"]["reason"]
    good = rows["ball0.anime"]
    assert good["iou"] > 0.6
    assert good["near_iou"] > (0.6 if config.field.kind == "mlp" else 0.5)  # near: within a sixth of a voxel
    assert len(good["surface"]) == FRAMES * 64 * 3

    table = pa.table({"id": ["a"], "theta": pa.array([np.array(good["theta"], np.float32)], pa.list_(pa.float32()))})
    extraction = ExtractionActor(config, config.run)
    (made,) = extraction(table).to_pylist()
    assert made["bodies"] == 1
    assert len(made["surface"]) == FRAMES * 64 * 3
    frames = read_frames(Path(config.run, "samples", made["mesh"]).read_bytes())
    sizes = [np.ptp(frame.vertices[:, 1]) for frame in frames]
    assert len(frames) == FRAMES
    assert sizes[0] < sizes[1] < sizes[2], "the ball grows"

    below = -abs(torch.tensor(good["theta"]))  # of an MLP the last entry decides, which stands alone
    empty = below if config.field.kind == "voxels" else torch.cat([0 * below[:-1], torch.tensor([-5.0])])
    assert matrix(table["theta"], np.float32).shape == (1, len(empty))
    row = extraction.row("b", empty.numpy())
    assert "in frame 1 of 3, the field is below the level" in row["reason"]
