"""Fits of a run whose fields are grids of voxels, read and measured by other means."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch.nn.functional import grid_sample

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.fields.kinds import KINDS
from hdray.pipeline.fidelity import _measured
from hdray.pipeline.instances import Fitted
from hdray.pipeline.run_directory import content_hash
from hdray.pipeline.sampled_again import as_fitted, sampled_again
from hdray.pipeline.shapes import shapes_of
from hdray.signals.occupancy import MeshSampling
from hdray.signals.points import decode, encode, unpack
from tests.pipeline.ellipsoids import POINTS, VOXELS, config, fields, surfaces

SIZES = np.array([[0.4, 0.3, 0.2], [0.3, 0.3, 0.3]])


@pytest.fixture
def data(mesh_folder: Path) -> Config:
    """A run on files of which some are used."""
    chosen = config()
    return replace(chosen, data=str(mesh_folder), signal=replace(chosen.signal, held_out_points=256))


def row(name: str, source: str) -> dict[str, Any]:
    return {"id": name, "source": source, "content_hash": None}


def fitted(theta: torch.Tensor) -> Fitted:
    """Two fits whose own surfaces are ellipsoids, whatever their files hold."""
    return Fitted(["a", "b"], ["box.obj", "cone.ply"], theta.numpy(), encode(surfaces(SIZES, 0)))


ROWS = [row("a", "box.obj"), row("b", "cone.ply")]


def test_each_fit_by_other_means(data: Config, mesh_folder: Path) -> None:
    theta = fields(SIZES)
    theta[1] = 0.0  # says one half everywhere, and has no surface
    found = _measured(fitted(theta), ROWS, data, *sampled_again(ROWS, data, {}))

    made, _ = shapes_of(["a", "b"], theta, data, "reconstructed")
    assert made.ids == ["a"]
    squared = cdist(made.clouds[0].numpy(), decode(encode(surfaces(SIZES, 0)))[0].reshape(POINTS, 3)) ** 2
    assert found.chamfer[0] == pytest.approx(squared.min(axis=0).mean() + squared.min(axis=1).mean(), rel=1e-4)
    assert np.isnan(found.chamfer[1])

    half = 10 * np.log10(1 / 0.25)
    assert [found.psnr[1], found.near_psnr[1]] == pytest.approx([half, half])
    sampled = MeshSampling(data.signal, data.seed)("a", ((mesh_folder / "box.obj").read_bytes(), ".obj"))
    for kind, value in (("uniform", found.psnr[0]), ("near", found.near_psnr[0])):
        codes = getattr(sampled, f"held_out_{kind}").reshape(1, -1, 3)
        inside = unpack(getattr(sampled, f"held_out_{kind}_labels")).astype(np.float64)
        places = 2 * torch.as_tensor(decode(codes)).float().flip(-1)[:, :, None, None]
        grid = theta[:1].view(1, 1, VOXELS, VOXELS, VOXELS)
        logits = grid_sample(grid, places, "bilinear", "border", align_corners=False).flatten().double().numpy()
        errors = 1 / (1 + np.exp(-logits)) - inside
        assert value == pytest.approx(10 * np.log10(1 / np.square(errors).mean()), rel=1e-5)
    assert found.psnr[0] != pytest.approx(found.near_psnr[0], rel=1e-3)


OWN_CLOUD = replace(KINDS["points"], name="own cloud")


@pytest.mark.parametrize("kind", ["points", f"{__name__}:OWN_CLOUD"])
def test_clouds_have_no_inside(kind: str) -> None:
    clouds = config(kind=kind)
    own = surfaces(SIZES, 0)
    theta = torch.from_numpy(own.reshape(2, -1).astype(np.float32))
    found = _measured(fitted(theta), ROWS, clouds)
    assert np.isnan(found.psnr).all() and np.isnan(found.near_psnr).all()
    assert found.chamfer == pytest.approx([0, 0], abs=1e-8)  # of 16-bit coordinates


def test_a_file_that_has_changed_is_named(data: Config, mesh_folder: Path) -> None:
    known = content_hash((mesh_folder / "box.obj").read_bytes())
    rows = [{**ROWS[0], "content_hash": known}, {**ROWS[1], "content_hash": known}]
    with pytest.raises(UserError, match=r"^cone\.ply of .* cannot be sampled again \(the file has changed since"):
        as_fitted(rows, sampled_again(rows, data, {}), data)


def test_a_file_that_is_gone_is_named(data: Config, mesh_folder: Path) -> None:
    (mesh_folder / "box.obj").unlink()
    with pytest.raises(UserError, match=r"^box\.obj of .*the file cannot be read.*put it back into"):
        as_fitted(ROWS[:1], sampled_again(ROWS[:1], data, {}), data)
