import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from hdray.config.measured import evaluation_keys
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.generators.build import build_generator
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.metrics.classify import separation
from hdray.metrics.controls import KINDS
from hdray.metrics.names import OF_CATEGORIES, metric_names
from hdray.pipeline import evaluate_stage
from hdray.pipeline.clock import Clock
from hdray.pipeline.cluster import Resources
from hdray.pipeline.evaluate_stage import check_evaluate, evaluated, run_evaluate
from hdray.pipeline.field import field_of
from hdray.pipeline.instances import read_fitted
from hdray.pipeline.report_stage import closest_names
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.score import parse
from hdray.pipeline.score_stage import score
from hdray.pipeline.storage import write_bytes
from hdray.pipeline.train_stage import generator_cost
from tests.pipeline.ellipsoids import POINTS, config, radii, write_run

RESOURCES = Resources(sampling_actors=1, fitting_actors=1, gpus_per_actor=0)


@pytest.fixture(scope="module")
def copying(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose samples are ten of the training shapes, two of them without a surface, evaluated with controls."""
    run = write_run(tmp_path_factory.mktemp("copying"), radii(20, 0)[:10], empty=2)
    run_evaluate(run, config(run.url), RESOURCES)
    return run


@pytest.mark.ray
def test_a_run_is_scored_as_any_two_sets_are(copying: RunDirectory) -> None:
    """The same numbers, with intervals over families, as jobs/evaluate.py --samples RUN --reference RUN."""
    request = parse(
        ["--samples", copying.url, "--reference", copying.url, "--protocol", "none", "--out", "o.json"],
        "jobs/evaluate.py",
    )
    expected = score(request, b"")
    result = copying.read_json("evaluations", "none.json")
    assert {name: result["metrics"][name] for name in expected["metrics"]} == expected["metrics"]
    assert result["intervals"] == expected["intervals"]
    assert result["intervals"]["mmd_cd"]["families"] == 14
    protocol = result["protocol"]
    assert (protocol["generated"], protocol["misses"], protocol["references"]) == (10, 2, 15)
    assert (result["counts"]["generated"], result["counts"]["empty"]) == (10, 2)
    brief = copying.read_json("metrics.json")
    assert (brief["metrics"], brief["intervals"]) == (result["metrics"], result["intervals"])


@pytest.mark.ray
def test_categories_of_all_fits_are_told_apart_where_there_may_be_several(copying: RunDirectory) -> None:
    assert not set(OF_CATEGORIES) & copying.read_json("evaluations", "none.json")["metrics"].keys()
    several = replace(config(copying.url, controls=False), data="shapes")
    result = evaluated(copying, several, RESOURCES, Clock())
    fitted = read_fitted(copying, ["train", "test"])
    labels = ["even" if int(one[1:]) % 2 == 0 else "odd" for one in fitted.ids]
    found = separation(torch.from_numpy(fitted.theta), labels, seed=several.seed)
    expected = (found.clustering.mean, found.nearest.mean, found.logistic.mean)
    assert tuple(result["metrics"][name] for name in OF_CATEGORIES) == expected
    assert result["categories"]["of each"] == {"even": 18, "odd": 17}


@pytest.mark.ray
def test_a_generator_that_copies_is_found_out(copying: RunDirectory) -> None:
    result = copying.read_json("evaluations", "none.json")
    metrics, controls = result["metrics"], result["controls"]
    assert metrics["nearest_chamfer_copying_z"] < -1.96
    assert metrics["nearest_weights_generated"] == 0
    assert set(metrics) == set(metric_names(animated=False, cloud=False, withheld=False, categories=False))
    assert controls["training"]["copying_z"] < -1.96
    assert abs(controls["real"]["copying_z"]) < 1.96
    assert "20 training shapes, and the 14 of 15 held-out ones whose fits" in result["protocol"]["audit"]
    assert len(result["audit"]["chamfer"]["generated"]) == len(result["neighbours"]) == 8
    # The audit's noised copies and the control of that name are the same shapes.
    assert metrics["nearest_chamfer_noise"] == controls["noise-0.02"]["nearest_chamfer"]


@pytest.mark.ray
def test_every_control_says_how_many_were_compared(copying: RunDirectory) -> None:
    controls = copying.read_json("evaluations", "none.json")["controls"]
    assert set(controls) == {"real", *KINDS}
    for row in controls.values():
        assert (row["count"], row["empty"]) == (10, 0)
        assert row["mmd_cd"] > 0
    assert controls["repeated"]["cov_cd"] <= 2 / 15, "points differ, the surface does not"


@pytest.mark.ray
def test_results_of_two_protocols_stand_side_by_side(copying: RunDirectory) -> None:
    former = copying.read_json("evaluations", "none.json")
    other = config(copying.url, points=64, controls=False)
    run_evaluate(copying, other, RESOURCES)
    assert copying.read_json("evaluations", "none.json") == former
    changed = copying.read_json("evaluations", "none-changed-to-64-points.json")
    assert changed["protocol"]["name"] == "none, changed to 64 points"
    assert changed["protocol"]["points"] == 64
    assert "controls" not in changed
    assert copying.read_json("metrics.json")["metrics"] == changed["metrics"]


@pytest.mark.ray
def test_an_evaluation_that_was_killed_leaves_numbers_that_are_known_to_be_others(
    copying: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it was: metrics.json has a record of what it holds, or of what it does not hold yet, at all times."""
    run_evaluate(copying, config(copying.url, points=64, controls=False), RESOURCES)
    former, killed = copying.read_json("metrics.json"), config(copying.url, points=32, controls=False)
    remove = RunDirectory.remove

    def kept(run: RunDirectory, *parts: str) -> None:
        remove(run, *parts)
        assert run.has("stages", "evaluate.json")

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunDirectory, "remove", kept)
        patched.setattr(evaluate_stage, "evaluated", kill)
        with pytest.raises(KeyboardInterrupt):
            run_evaluate(copying, killed, RESOURCES)
    record = copying.record("evaluate")
    assert record is not None and not record["complete"] and record["keys"] == evaluation_keys(killed)
    assert copying.read_json("metrics.json") == former
    run_evaluate(copying, killed, RESOURCES)
    assert copying.record("evaluate")["complete"] and copying.read_json("metrics.json") != former


@pytest.mark.ray
def test_a_protocol_that_takes_more_shapes_is_refused_before_anything_is_written(copying: RunDirectory) -> None:
    check_evaluate(copying, config(copying.url), alone=True)
    with pytest.raises(UserError, match="takes 2048 reference shapes, and the split test has 15"):
        check_evaluate(copying, config(copying.url, points=64, protocol="mlora"), alone=True)
    with pytest.raises(UserError, match=r"takes 15 generated shapes .* give --generate\.count 15 or more"):
        check_evaluate(copying, config(copying.url, points=64, protocol="hyperdiffusion-paper"), alone=True)


@pytest.mark.ray
def test_as_hyperdiffusions_code_does_it(ray_cluster: None, tmp_path: Path) -> None:
    """Of 17 samples for 15 references the first 16 are looked at and the empty ones replaced: one can be, two cannot."""
    run = write_run(tmp_path, radii(17, 3), empty=2)
    asked = config(run.url, count=17, points=POINTS, protocol="hyperdiffusion-code", controls=False)
    with pytest.raises(UserError, match="of the 17 generated, 16 were considered and 14 can be used"):
        evaluated(run, asked, RESOURCES, Clock())
    distinct = replace(asked, evaluate=replace(asked.evaluate, deduplicate=True, protocol="hyperdiffusion-paper"))
    result = evaluated(run, distinct, RESOURCES, Clock())
    assert "the 15 of 17 generated shapes whose nearest other one" in result["protocol"]["deduplicated"]
    assert result["protocol"]["name"] == f"hyperdiffusion-paper, changed to {POINTS} points"
    plain = evaluated(
        run, replace(distinct, evaluate=replace(distinct.evaluate, points=0, protocol="none")), RESOURCES, Clock()
    )
    assert result["metrics"]["mmd_cd"] > 50 * plain["metrics"]["mmd_cd"], "a hundred times that of scaled clouds"
    assert result["intervals"]["mmd_cd"]["low"] < result["metrics"]["mmd_cd"] < result["intervals"]["mmd_cd"]["high"]


@pytest.mark.ray
def test_clouds_of_points_are_taken_as_they_are(ray_cluster: None, tmp_path: Path) -> None:
    run = write_run(tmp_path, radii(5, 3), kind="points")
    result = evaluated(run, config(run.url, 5, kind="points"), RESOURCES, Clock())
    assert set(result["controls"]) == {"real", "repeated"}
    assert set(result["audit"]) == {"chamfer"}
    assert set(result["metrics"]) == set(metric_names(animated=False, cloud=True, withheld=False, categories=False))
    assert math.isnan(result["metrics"]["one_body"])
    assert result["controls"]["repeated"]["nearest_chamfer"] == 0, "its vector is its cloud"


@pytest.mark.ray
def test_animations_are_audited_frame_by_frame(ray_cluster: None, tmp_path: Path) -> None:
    run = write_run(tmp_path, radii(20, 0)[:8], frames=2)
    result = evaluated(run, config(run.url, 8, frames=2, controls=False), RESOURCES, Clock())
    assert result["protocol"]["frames"] == "2, distances averaged over them"
    assert result["metrics"]["nearest_chamfer_copying_z"] < -1.96
    assert result["metrics"]["frame_step_cd_generated"] > 0
    assert set(result["metrics"]) == set(metric_names(animated=True, cloud=False, withheld=False, categories=False))


def test_the_closest_pairs_are_chosen_among_all_samples() -> None:
    def near(name: str, chamfer: float | None, rank: int) -> dict[str, object]:
        return {"id": name, "chamfer": chamfer, "chamfer_rank": rank}

    found = {
        "a": [near("x", 0.3, 1), near("y", 0.31, 2)],
        "b": [near("y", 0.1, 1), near("z", 0.15, 2)],
        "c": [near("z", 0.9, 5), near("x", 0.2, 1)],
        "nowhere": [near("x", None, 1)],
    }
    assert closest_names(found, 2) == [(0.1, "b", "y"), (0.2, "c", "x")]
    assert len(closest_names(found, 9)) == 3


def test_what_a_generator_took(tmp_path: Path) -> None:
    small = Config(
        generator=GeneratorSettings(width=32, layers=2, heads=4), train=TrainSettings(steps=60, batch_size=4)
    )
    run = RunDirectory(str(tmp_path))
    network = build_generator(field_of(small).layout, small.generator).network
    parameters = sum(math.prod(parameter.shape) for parameter in network.parameters())
    assert generator_cost(run, small) == {"parameters": parameters, "samples_seen": 0}
    # Paused at 30 of 60 steps: what counts is how far the model was trained, not what any job was told.
    write_bytes(
        run.path("training", "generator", "model.safetensors"), save({"weight": torch.zeros(1)}, {"steps": "30"})
    )
    assert generator_cost(run, small)["samples_seen"] == 120
    curve = "step,loss,learning_rate,seconds\n50,0.1,0.01,2.5\n60,0.1,0.01,3.25\n"
    (tmp_path / "training" / "generator" / "loss.csv").write_text(curve)
    assert generator_cost(run, small)["train_seconds"] == 3.25
