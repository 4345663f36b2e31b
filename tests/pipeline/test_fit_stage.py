from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdray.config.tree import Config, ExecutionSettings, InputSettings
from hdray.errors import UserError
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.cluster import connect
from hdray.pipeline.fit_stage import STAGE, check_fit, fit_keys, run_fit
from hdray.pipeline.instances import ACCEPTED, REJECTED, instances_schema, read_columns, read_fitted
from hdray.pipeline.point_store import points_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import read_initialisation
from hdray.signals.settings import OccupancySettings
from tests.conftest import write_meshes

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TINY = Config(
    inputs=InputSettings(chairs=5, validation_share=0.0, test_share=0.2),
    signal=OccupancySettings(uniform_points=2048, near_points=2048, held_out_points=512, surface_points=128),
    field=FieldSettings(width=16, layers=2),
    fit=FitSettings(batch_size=2, steps=20, points_per_step=256, minimum_near_iou=0.0, initialisation="random"),
    evaluate=EvaluateSettings(points=128),
    execution=ExecutionSettings(progress_s=0.0, sampling_actors=1, fitting_actors=1),
)


def fitted(config: Config, url: Path | str) -> RunDirectory:
    run = RunDirectory(str(url))
    run_fit(run, config, *check_fit(run, config), connect(config.execution))
    return run


@pytest.fixture(scope="module")
def chairs(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Fitted chairs, sampled by one actor."""
    return fitted(TINY, tmp_path_factory.mktemp("chairs"))


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six good files and three bad ones."""
    folder = write_meshes(tmp_path_factory.mktemp("files") / "meshes")
    (folder / "empty.obj").write_text("")
    (folder / "noise.ply").write_bytes(bytes(range(256)))
    (folder / "points.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")
    return folder


@pytest.fixture(scope="module")
def of_meshes(ray_cluster: None, meshes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, RunDirectory]:
    """A run of them and its configuration."""
    config = replace(TINY, data=str(meshes), inputs=InputSettings(validation_share=0.0, test_share=0.0))
    return config, fitted(config, tmp_path_factory.mktemp("of_meshes"))


def test_one_and_three_sampling_actors_give_the_same_bits(chairs: RunDirectory, tmp_path: Path) -> None:
    three = replace(TINY, execution=replace(TINY.execution, sampling_actors=3, fitting_actors=1))
    other = fitted(three, tmp_path)
    columns = [
        "source",
        "split",
        "status",
        "content_hash",
        "surface",
        "theta",
        "loss",
        "iou",
        "near_iou",
        "shared_hash",
    ]
    table = read_columns(chairs, columns)
    assert table.num_rows == 5
    assert table.equals(read_columns(other, columns))


def test_a_finished_run_is_left_alone(chairs: RunDirectory) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in Path(chairs.url).rglob("*") if path.is_file()}

    before = stamps()
    fitted(TINY, chairs.url)
    assert stamps() == before
    assert read_columns(chairs, []).num_rows == 5


def test_bad_files_are_rows_with_reasons(of_meshes: tuple[Config, RunDirectory]) -> None:
    _, run = of_meshes
    rows = {row["source"]: row for row in read_columns(run, instances_schema().names).to_pylist()}
    assert len(rows) == 9
    for name in ("empty.obj", "noise.ply", "points.obj"):
        assert rows[name]["status"] == REJECTED
        assert len(rows[name]["reason"]) > 10
        assert rows[name]["theta"] is None
    for name in ("box.obj", "cylinder.off", "cone.ply", "capsule.stl", "round/ball.glb", "round/torus.gltf"):
        assert rows[name]["status"] == ACCEPTED, rows[name]["reason"]
        assert len(rows[name]["theta"]) == 27 * 16 + 16 + 16 * 16 + 16 + 16 + 1
        assert 0 <= rows[name]["iou"] <= 1
    assert len(read_fitted(run, ["train"]).ids) == 6


def test_every_vector_refers_to_the_initialisation(ray_cluster: None, tmp_path: Path) -> None:
    config = replace(TINY, fit=replace(TINY.fit, initialisation="fitted"))
    run = fitted(config, tmp_path)
    theta, shared = read_initialisation(run.path("shared", "initialisation.safetensors"))
    assert set(read_columns(run, ["shared_hash"])["shared_hash"].to_pylist()) == {shared}
    assert np.isfinite(theta.numpy()).all()
    assert not any(np.array_equal(row, theta.numpy()) for row in read_fitted(run, ["train", "test"]).theta)


def test_another_configuration_or_a_changed_file_is_refused(
    of_meshes: tuple[Config, RunDirectory], meshes: Path
) -> None:
    config, run = of_meshes
    with pytest.raises(UserError, match=r"fit\.steps was 20 and is now 30"):
        run.check(STAGE, fit_keys(replace(config, fit=replace(config.fit, steps=30))), {})
    run.check(STAGE, fit_keys(replace(config, execution=ExecutionSettings(sampling_actors=2))), {})
    box = meshes / "box.obj"
    content = box.read_bytes()
    box.write_bytes(content + b"\n# touched\n")
    with pytest.raises(UserError, match=r"box\.obj has changed"):
        check_fit(run, config)
    box.write_bytes(content)
    check_fit(run, config)


def test_more_files_are_added_to_a_finished_run(of_meshes: tuple[Config, RunDirectory], meshes: Path) -> None:
    config, run = of_meshes
    before = read_columns(run, ["sampled_at"]).to_pylist()
    (meshes / "second.obj").write_bytes((meshes / "box.obj").read_bytes())
    fitted(config, run.url)
    after = read_columns(run, ["sampled_at"]).to_pylist()
    assert len(after) == len(before) + 1
    assert all(row in after for row in before)


def test_runs_of_a_store_sample_once_and_fit_as_others_do(chairs: RunDirectory, tmp_path: Path) -> None:
    """Also where nothing is learned from the points."""
    for name in ("first", "second"):
        run = fitted(replace(TINY, store=str(tmp_path / "store")), tmp_path / name)
        (points,) = (run.record(STAGE) or {})["uses"].values()
        assert len(points_table(RunDirectory(points)).committed()) == 5
        rows = read_columns(run, ["theta", "iou", "split"])
        assert rows.equals(read_columns(chairs, ["theta", "iou", "split"]))
    first, second = (read_columns(RunDirectory(str(tmp_path / name)), ["sampled_at"]) for name in ("first", "second"))
    assert first.equals(second)
