"""Training under Ray: workers, kills, resumption, errors."""

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from hdray.errors import UserError
from hdray.fields.layout import linear_layout
from hdray.generators.hyperdiffusion import HyperDiffusion
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings
from hdray.generators.trainee import Trainee
from hdray.pipeline.storage import read_bytes
from hdray.pipeline.training import Training, WorkerResources, train, trained_steps

pytestmark = [pytest.mark.ray]

ROOT = Path(__file__).parents[2]
GENERATOR = GeneratorSettings(width=32, layers=2, heads=4)
RESOURCES = WorkerResources(threads=1)


def builder(before_batch: Callable[[int], None] | None = None) -> Callable[[], Trainee]:
    """Builds a small trainee in the worker; `before_batch(step)` may do harm. (Local, so that it is pickled whole.)"""
    generator = GENERATOR

    def build() -> Trainee:
        import torch

        from hdray.fields.layout import linear_layout
        from hdray.generators.vector_training import VectorTraining

        layout = linear_layout([3, 8, 1])
        theta = torch.randn(20, layout.size, generator=torch.Generator().manual_seed(0))
        trainee = VectorTraining(theta, layout, generator, 0, None)
        if before_batch is not None:
            plain = trainee.batch

            def batch(step: int, rows: range, size: int) -> dict[str, torch.Tensor]:
                before_batch(step)
                return plain(step, rows, size)

            trainee.batch = batch  # type: ignore[method-assign]
        return trainee

    return build


def settings(**changes: object) -> TrainSettings:
    """fp32, where runs on one worker and on two differ by rounding alone."""
    values: dict[str, object] = {"steps": 30, "batch_size": 8, "log_steps": 5, "checkpoint_steps": 12, "ema": 0.9}
    values |= {"learning_rate": 3e-3, "precision": "fp32", **changes}
    return TrainSettings(**values)  # type: ignore[arg-type]


def curve(url: str) -> list[tuple[int, float]]:
    rows = csv.DictReader(read_bytes(f"{url}/loss.csv").decode().splitlines())
    return [(int(row["step"]), float(row["loss"])) for row in rows]


def samples(model: str) -> torch.Tensor:
    """Vectors drawn from a trained model. (Not its weights: biases of keys have no gradient but rounding errors.)"""
    trained = HyperDiffusion(linear_layout([3, 8, 1]), GENERATOR)
    trained.load_state_dict(weights(model))
    return trained.sample(["a", "b", "c"], 0, GenerateSettings(steps=10, batch_size=4))


def weights(model: str) -> dict[str, torch.Tensor]:
    with safe_open(model, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.fixture(scope="module")
def undisturbed(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run on one worker that nothing happens to."""
    directory = tmp_path_factory.mktemp("undisturbed")
    training = Training(name="generator", build=builder(), settings=settings(), metadata={"vectors": "abc"})
    assert train([training], str(directory), RESOURCES) == [f"{directory}/generator/model.safetensors"]
    return directory / "generator"


def assert_same_run(directory: Path, undisturbed: Path, tolerance: float) -> None:
    """The same curve, with every point once, and the same model."""
    expected = curve(str(undisturbed))
    found = curve(str(directory))
    assert [step for step, _ in found] == [5, 10, 15, 20, 25, 30]
    assert [loss for _, loss in found] == pytest.approx([loss for _, loss in expected], rel=tolerance)
    ours, theirs = (samples(f"{run}/model.safetensors") for run in (directory, undisturbed))
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def test_a_finished_training_has_everything_and_is_not_repeated(undisturbed: Path) -> None:
    losses = [loss for _, loss in curve(str(undisturbed))]
    assert losses[-1] < losses[0]
    model = undisturbed / "model.safetensors"
    with safe_open(model, "pt") as file:
        header = file.metadata()
    assert header["vectors"] == "abc" and json.loads(header["settings"])["steps"] == 30
    HyperDiffusion(linear_layout([3, 8, 1]), GENERATOR).load_state_dict(weights(str(model)))
    assert list((undisturbed / "tensorboard").glob("events.out.tfevents.*"))
    before = time.monotonic()

    def build() -> Trainee:
        raise AssertionError("trained again")

    train([Training(name="generator", build=build, settings=settings())], str(undisturbed.parent), RESOURCES)
    assert time.monotonic() - before < 1


@pytest.mark.slow
def test_a_pause_changes_nothing(undisturbed: Path, tmp_path: Path) -> None:
    """Neither a checkpoint's step nor a point of the curve: the same bits come out as without a pause."""
    training = Training(name="generator", build=builder(), settings=settings(), metadata={"vectors": "abc"})
    model = tmp_path / "generator" / "model.safetensors"
    assert trained_steps(str(model)) == 0
    train([replace(training, pause_at=17)], str(tmp_path), RESOURCES)
    assert trained_steps(str(model)) == 17
    train([training], str(tmp_path), RESOURCES)
    assert trained_steps(str(model)) == 30
    assert_same_run(tmp_path / "generator", undisturbed, tolerance=0.0)
    ours, theirs = weights(str(model)), weights(str(undisturbed / "model.safetensors"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_mistakes_in_a_worker_reach_the_user_at_once(ray_cluster: None, tmp_path: Path) -> None:
    def build() -> Trainee:
        raise UserError("the table of vectors is empty")

    training = Training(name="generator", build=build, settings=settings(workers=2))
    with pytest.raises(UserError, match=r"^the table of vectors is empty$"):
        train([training], str(tmp_path), RESOURCES)


@pytest.mark.slow
def test_divergence_is_explained(ray_cluster: None, tmp_path: Path) -> None:
    training = Training(name="generator", build=builder(), settings=settings(learning_rate=1e38, zero_stage=0))
    with pytest.raises(UserError, match=r"diverged.*learning_rate"):
        train([training], str(tmp_path), RESOURCES)


@pytest.mark.slow
def test_errors_in_a_worker_reach_the_user_as_they_are(ray_cluster: None, tmp_path: Path) -> None:
    def fail(step: int) -> None:
        if step == 3:
            raise ZeroDivisionError("in the third batch")

    training = Training(name="generator", build=builder(fail), settings=settings(max_failures=0))
    with pytest.raises(RuntimeError, match="training generator failed: worker 0: ZeroDivisionError: in the third"):
        train([training], str(tmp_path), RESOURCES)


def last_checkpoint(folder: Path) -> int:
    """The step of the last checkpoint that is complete, 0 without one."""
    snapshot = folder / "checkpoint_manager_snapshot.json"
    found = json.loads(snapshot.read_text())["latest_checkpoint_result"] if snapshot.exists() else None
    return int(found["metrics"]["step"]) if found else 0


DRIVER = """
import sys
import ray
ray.init(address=sys.argv[1], log_to_driver=False)
sys.path.insert(0, sys.argv[2])
from tests.pipeline.test_training import RESOURCES, builder, settings
from hdray.pipeline.training import Training, train
folder = sys.argv[3]
def harm(step):
    import os, signal, time, torch
    marker = folder + "/killed"
    if step == 15 and torch.distributed.get_rank() == 1 and not os.path.exists(marker):
        open(marker, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.0 if step < 24 else 600.0)
train([Training(name="generator", build=builder(harm), settings=settings(workers=2))], folder, RESOURCES)
"""


@pytest.mark.slow
def test_killed_workers_and_a_killed_driver_cost_nothing_but_time(
    ray_cluster: None, undisturbed: Path, tmp_path: Path
) -> None:
    """Two workers see the batches of one. One is killed after step 12, the driver after step 24; one worker finishes."""
    import ray

    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), address, str(ROOT), str(tmp_path)]
    folder = tmp_path / "generator"
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as driver:
        deadline = time.monotonic() + 150
        while last_checkpoint(folder) != 24:
            assert driver.poll() is None, "the driver ended by itself"
            assert time.monotonic() < deadline, "no second checkpoint after 150 s"
            time.sleep(0.5)
        driver.send_signal(signal.SIGKILL)
    assert (tmp_path / "killed").exists()
    assert not (folder / "model.safetensors").exists()
    train([Training(name="generator", build=builder(), settings=settings(workers=1))], str(tmp_path), RESOURCES)
    assert_same_run(folder, undisturbed, tolerance=1e-2)
