"""A search under Tune: stopped trials, one that fails, and kill -9. The jobs are stand-ins; what Tune does is real."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from hdray.errors import UserError
from hdray.pipeline.sweep import run_sweep
from hdray.pipeline.trial_job import Jobs
from tests.pipeline.searches import SEARCH

ROOT = Path(__file__).parents[2]

# The second hangs in its first job, holding a placement group, and the third fails, each until a file says otherwise. The
# nearer its rate to 0.3, the better a trial.
JOB = """
import json, os, pathlib, sys, time, yaml
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
run, config = pathlib.Path(options["--run"]), yaml.safe_load(open(options["--config"]))
folder = pathlib.Path({folder!r})
run.mkdir(parents=True, exist_ok=True)
if "/fits/" in str(run):
    (run / "stages").mkdir()
    record = {{"keys": {{}}, "inputs": {{}}, "folder": "commits", "complete": True, "seconds": 1.0}}
    (run / "stages" / "fit.json").write_text(json.dumps(record))
    with open(folder / "fitted", "a") as log:
        log.write("once\\n")
    sys.exit()
assert (pathlib.Path(options["--fits"]) / "stages" / "fit.json").exists()
steps = int(options.get("--execution.pause-at", 0)) or config["train"]["steps"]
if steps == 10 and run.name in ("trial-00000", "trial-00001"):
    import ray
    ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False)
    ray.get(ray.util.placement_group([{{"CPU": 0.01}}]).ready())
if run.name == "trial-00001" and not (folder / "awake").exists():
    (folder / "asleep").write_text(str(os.getpid()))
    time.sleep(600)
if run.name == "trial-00002" and not (folder / "mended").exists():
    sys.exit(3)
worse = abs(config["train"]["learning_rate"] - 0.3) + 1 / steps
with open(folder / "log", "a") as log:
    log.write(f"{{run.name}} {{steps}} {{worse!r}}\\n")
(run / "metrics.json").write_text(json.dumps({{"metrics": {{"mmd_cd": worse}}, "cost": {{"parameters": 7}}}}))
(run / "report.html").write_text("a page")
"""

DRIVER = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
from hdray.pipeline.sweep import run_sweep
from hdray.pipeline.trial_job import Jobs
from tests.pipeline.searches import SEARCH
job = (sys.executable, sys.argv[2])
run_sweep(SEARCH, "", sys.argv[3], 1, jobs=Jobs(job, job))
"""


def draws(sweep: Path) -> dict[str, Any]:
    return {file.stem: json.loads(file.read_text()) for file in sorted((sweep / "trials").glob("*.json"))}


def logged(folder: Path) -> list[tuple[str, int, float]]:
    lines = [line.split() for line in (folder / "log").read_text().splitlines()]
    return [(name, int(steps), float(worse)) for name, steps, worse in lines]


def stopped(log: list[tuple[str, int, float]]) -> dict[str, int]:
    """Successive halving, once more: whom it stops where, given scores in the order in which they came."""
    rungs: dict[int, list[float]] = {10: [], 20: []}
    found = {}
    for name, steps, worse in log:
        if steps in rungs:
            if rungs[steps] and -worse < np.percentile(rungs[steps], 50):
                found[name] = steps
            rungs[steps].append(-worse)
    return found


def no_placement_group_is_left() -> bool:
    import ray

    groups = ray.util.placement_group_table().values()
    return bool(groups) and all(group["state"] == "REMOVED" for group in groups)


def wait_until(true: Any, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(580)
def test_a_killed_search_ends_with_the_same_trials(ray_cluster: None, tmp_path: Path) -> None:
    import ray

    script, sweep = tmp_path / "job.py", tmp_path / "sweep"
    script.write_text(JOB.format(folder=str(tmp_path)))
    jobs = Jobs(*[(sys.executable, str(script))] * 2)
    command = [sys.executable, "-c", DRIVER, ray.get_runtime_context().gcs_address, str(script), str(sweep)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as driver:
        try:
            wait_until(lambda: (tmp_path / "asleep").exists() or driver.poll() is not None)
            assert driver.poll() is None, "the driver ended by itself"
            job = psutil.Process(int((tmp_path / "asleep").read_text()))
            assert job.is_running()
        finally:
            driver.send_signal(signal.SIGKILL)
    psutil.wait_procs([job], timeout=30)
    assert not job.is_running(), "the job outlived the trial"
    wait_until(no_placement_group_is_left)

    before = draws(sweep)
    assert list(before) == ["trial-00000", "trial-00001"]
    (tmp_path / "awake").touch()
    with pytest.raises(UserError, match=r"1 of 4 trials have no metrics, trial-00002 .*exit code 3"):
        run_sweep(SEARCH, "", str(sweep), 1, jobs=jobs)
    standings = {row["trial"]: row for row in csv.DictReader((sweep / "leaderboard.csv").read_text().splitlines())}
    assert (standings["trial-00002"]["status"], standings["trial-00002"]["steps"]) == ("failed", "")
    all_draws = draws(sweep)
    assert len(all_draws) == 4 and all_draws.items() >= before.items()

    (tmp_path / "mended").touch()
    table = run_sweep(SEARCH, "", str(sweep), 1, jobs=jobs)
    assert draws(sweep) == all_draws
    log = logged(tmp_path)
    assert len({(name, steps) for name, steps, _ in log}) == len(log), "what was scored is not scored again"
    assert (tmp_path / "fitted").read_text() == "once\n"
    ends = stopped(log)
    assert 0 < len(ends) < 4
    standings = {row["trial"]: row for row in csv.DictReader((sweep / "leaderboard.csv").read_text().splitlines())}
    for name, row in standings.items():
        assert (row["status"], int(row["steps"])) == (("stopped", ends[name]) if name in ends else ("finished", 40))
        assert float(row["train.learning_rate"]) == all_draws[name]["drawn"]["train.learning_rate"]
        assert float(row["mmd_cd"]) == [worse for other, _, worse in log if other == name][-1]
    assert table["counts"] == {"finished": 4 - len(ends), "stopped": len(ends)}
    finals = {name: worse for name, steps, worse in log if steps == 40}
    assert list(table["best_first"]) == sorted(finals, key=lambda name: finals[name])
    wait_until(no_placement_group_is_left)
    assert "train.learning_rate" in (sweep / "report.html").read_text()
