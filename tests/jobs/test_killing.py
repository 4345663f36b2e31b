"""kill -9, anywhere: the same command finishes the run; nothing is lost, doubled or done again."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hdray.pipeline.instances import instances_table, read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.train_stage import read_loss_curve
from tests.conftest import RayHead
from tests.jobs.conftest import Mistake
from tests.jobs.tiny import arguments, finish, start_job

CHAIRS, STEPS = 12, 600
pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(580)]


def wait_for(done: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"did not get there:\n{process.communicate()[0]}")
        time.sleep(0.1)


def kill_one(words: str, head: RayHead) -> bool:
    """Kill -9 one of this cluster's processes whose title has these words."""
    for process in psutil.Process(head.process.pid).children(recursive=True):
        try:
            if words in " ".join(process.cmdline()) or words in process.name():
                process.kill()
                return True
        except psutil.NoSuchProcess:
            continue
    return False


def kill_driver(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def table(run: RunDirectory) -> dict[str, float]:
    rows = read_columns(run, ["sampled_at"])
    ids = rows["id"].to_pylist()
    assert len(ids) == len(set(ids)), "no duplicates"
    return dict(zip(ids, rows["sampled_at"].to_pylist(), strict=True))


def test_a_run_survives_every_kill(tmp_path: Path, start_ray_head: Callable[..., RayHead], mistake: Mistake) -> None:
    head = start_ray_head(num_cpus=2)
    # Training lasts a second a checkpoint at least: long enough to be killed in its midst, however fast the machine.
    environment = {**head.environment, "RAY_ADDRESS": head.address, "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1"}
    run = RunDirectory(str(tmp_path / "run"))
    settings = arguments(
        inputs__chairs=CHAIRS, fit__initialisation="random", fit__steps=1500,
        train__steps=STEPS, train__checkpoint_steps=100, train__log_steps=50,
    )  # fmt: skip

    def start() -> subprocess.Popen[str]:
        return start_job("full_pipeline", *settings, "--run", run.url, environment=environment)

    # The driver, in mid-fit.
    driver = start()
    wait_for(lambda: run.has("commits") and bool(instances_table(run).committed()), driver)
    kill_driver(driver)
    first_rows = instances_table(run).committed()
    assert len(first_rows) < CHAIRS
    former = {key: value for key, value in table(run).items() if key in first_rows}

    # A fitting actor; then, after a second driver was refused, the same driver in mid-training.
    driver = start()
    wait_for(lambda: len(instances_table(run).committed()) > len(first_rows), driver)
    assert kill_one("FittingActor", head)
    wait_for(lambda: (run.record("fit") or {"complete": False})["complete"], driver)
    assert f"process {driver.pid}" in mistake("full_pipeline", *settings, "--run", run.url)
    wait_for(lambda: bool(checkpoints(run)), driver)
    kill_driver(driver)
    rows = table(run)
    assert len(rows) == CHAIRS
    assert {key: rows[key] for key in former} == former, "no committed shape is fitted again"

    # A training worker, once it has gone on (the killed driver's may live a little): Ray Train restarts it from the last
    # checkpoint.
    driver = start()
    former_checkpoints = checkpoints(run)
    wait_for(lambda: bool(checkpoints(run) - former_checkpoints), driver)
    assert kill_one("RayTrainWorker", head)
    finish(driver)
    assert table(run) == rows
    steps = [int(point["step"]) for point in read_loss_curve(run)]
    assert steps == sorted(set(steps)), "the loss curve has every step once"
    assert steps[-1] == STEPS

    # Finished: nothing is added, nothing is done again.
    before = stamps(run)
    finish(start())
    after = stamps(run)
    assert {name for name in after if after[name] != before.get(name)} <= {"report.html", "samples.png", "config.yaml"}


def checkpoints(run: RunDirectory) -> set[Path]:
    return set(Path(run.url, "training").rglob("checkpoint_*"))


def stamps(run: RunDirectory) -> dict[str, int]:
    return {
        str(path.relative_to(run.url)): path.stat().st_mtime_ns for path in Path(run.url).rglob("*") if path.is_file()
    }
