"""Fits of known error: balls as grids of logits, compared with points on balls of known radii."""

from dataclasses import replace

import pytest
import torch

from hdray.config.presets import PRESETS
from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.reconstruction import MOST_SHAPES, MOST_SURFACES, reconstruction
from hdray.pipeline.shapes import Shapes
from hdray.signals.settings import OccupancySettings
from hdray.surfaces.polygonise import EmptySurface

VOXELS, POINTS, RADIUS, OFF = 32, 512, 0.3, 0.06


def config(frames: int = 0, kind: str = "voxels") -> Config:
    return replace(
        PRESETS["demo"](),
        signal=OccupancySettings(surface_points=POINTS, frames=frames),
        field=FieldSettings(kind=kind, voxels=VOXELS),
        generator=GeneratorSettings(kind={"voxels": "voxel-diffusion", "points": "point-diffusion"}[kind]),
        generate=GenerateSettings(resolution=32, mesh_format="glb"),
        evaluate=EvaluateSettings(points=POINTS),
    )


def ball(radius: float = RADIUS) -> torch.Tensor:
    """Logits (D,) of a ball, 0 on its surface."""
    centres = (torch.arange(VOXELS) + 0.5) / VOXELS - 0.5
    distance = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij")).norm(dim=0)
    return (20 * (radius - distance)).flatten()


def points_on(radius: float, seed: int) -> torch.Tensor:
    """Points (P, 3) uniform on a sphere."""
    draw = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(seed))
    return radius * draw / draw.norm(dim=1, keepdim=True)


def shapes(ids: list[str], theta: torch.Tensor, off: float = 0.0) -> Shapes:
    """Shapes that are balls larger by `off` than the field of the ball is."""
    return Shapes(ids, theta, torch.stack([points_on(RADIUS + off, seed) for seed in range(len(ids))]))


def test_a_good_fit_comes_to_the_floor_and_a_bad_one_to_its_error() -> None:
    names, theta = ["a", "b"], ball().expand(2, -1)
    good = reconstruction([shapes(names, theta)], config())
    # Of a uniform sample of n points on an area A the mean squared distance to the nearest is A / (pi n).
    floor = 2 * 4 * RADIUS**2 / POINTS
    assert good["reconstruction_cd_floor"] == pytest.approx(floor, rel=0.1)
    assert good["reconstruction_cd"] == pytest.approx(good["reconstruction_cd_floor"], rel=0.1)
    assert good["reconstruction_empty"] == 0
    bad = reconstruction([shapes(names, theta, off=OFF)], config())
    # Between balls the way along them counts as well, by the geometric mean of their radii.
    expected = 2 * OFF**2 + floor * (1 + OFF / RADIUS)
    assert bad["reconstruction_cd"] == pytest.approx(expected, rel=0.05)
    straight = replace(config(), evaluate=EvaluateSettings(points=POINTS, squared=False))
    assert reconstruction([shapes(names, theta, off=OFF)], straight)["reconstruction_cd"] > 2 * OFF


def test_fields_without_a_surface_are_counted_and_left_out() -> None:
    both = reconstruction([shapes(["a"], ball()[None]), shapes(["b"], -torch.ones(1, VOXELS**3))], config())
    alone = reconstruction([shapes(["a"], ball()[None])], config())
    assert both == {**alone, "reconstruction_empty": 0.5}
    none = reconstruction([shapes(["b"], -torch.ones(1, VOXELS**3))], config())
    assert none["reconstruction_empty"] == 1
    assert none["reconstruction_cd"] != none["reconstruction_cd"]


def test_animations_are_means_over_frames() -> None:
    theta = torch.cat([ball(), ball(0.2), ball(0.25)])[None]
    clouds = torch.stack([points_on(radius, seed) for seed, radius in enumerate((RADIUS, 0.2, 0.25 + OFF))])[None]
    found = reconstruction([Shapes(["a"], theta, clouds)], config(frames=3))
    assert found["reconstruction_cd"] - found["reconstruction_cd_floor"] == pytest.approx(2 * OFF**2 / 3, rel=0.2)


@pytest.mark.parametrize(("frames", "most"), [(0, MOST_SHAPES), (16, MOST_SURFACES // 16), (256, 1)])
def test_the_first_in_order_of_ids_are_looked_at(frames: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever split they are in, and no more than can be paid for."""
    looked_at = []

    class Nothing:
        def __init__(self, config: Config) -> None: ...

        def meshes(self, theta: torch.Tensor) -> object:
            looked_at.append(int(theta))
            return EmptySurface("it is not looked for")

    monkeypatch.setattr("hdray.pipeline.reconstruction.Extraction", Nothing)
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0)).float()[:, None]
    every = [Shapes([f"{int(n):03d}" for n in part], part, torch.zeros(50, 1, 3)) for part in order.split(50)]
    reconstruction(every, config(frames))
    assert looked_at == list(range(most))


def test_clouds_are_taken_as_they_are() -> None:
    chosen = replace(config(), field=FieldSettings(kind="points"), generator=GeneratorSettings(
        kind="point-diffusion", normalisation="scalar", width=64, heads=4,
    ))  # fmt: skip
    assert reconstruction([], chosen) == {}
