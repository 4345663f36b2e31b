"""Sweeps: trials under Tune, a failure among them, resumption, and the table."""

import csv
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.measured import evaluation_keys
from hdray.config.search import Distribution, Search
from hdray.config.sweep import Sweep
from hdray.errors import UserError
from hdray.pipeline import inputs, lease
from hdray.pipeline.lease import Lease
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared_fits import fits_of_search, shared_in_grid
from hdray.pipeline.storage import list_files
from hdray.pipeline.sweep import run_sweep
from hdray.pipeline.trial_job import Jobs
from hdray.pipeline.trials import known_trials
from tests.pipeline.searches import SEARCH, measure

SWEEP = Sweep(
    title="steps",
    preset="demo",
    set={},
    key="fit.steps",
    values=(10, 20),
    seed_key="seed",
    seeds=(0, 1, 2),
    metrics={"mmd_cd": "lower", "nna_cd": "half"},
    published={"10": {"mmd_cd": 3.5}},
)

JOB = """
import json, pathlib, sys, yaml
run, config = pathlib.Path(sys.argv[4]), yaml.safe_load(open(sys.argv[2]))
if "seed=1" in run.name and not pathlib.Path({marker!r}).exists():
    sys.exit(2)
run.mkdir(exist_ok=True)
with open({log!r}, "a") as log:
    log.write(run.name + "\\n")
metrics = {{"mmd_cd": 1 / config["fit"]["steps"] + config["seed"] / 1000, "nna_cd": 0.6}}
(run / "metrics.json").write_text(json.dumps({{"metrics": metrics}}))
record = {{"keys": {{**{keys!r}, "seed": config["seed"]}}, "complete": True, "seconds": 0.0}}
(run / "stages").mkdir(exist_ok=True)
(run / "stages" / "evaluate.json").write_text(json.dumps(record))
(run / "report.html").write_text("a page")
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_failed_trial_stops_no_other_and_is_run_again(ray_cluster: None, tmp_path: Path) -> None:
    """The job is a stand-in: what Tune does with it is real."""
    marker, log = tmp_path / "mended", tmp_path / "log"
    script = tmp_path / "job.py"
    keys = evaluation_keys(SWEEP.config(10, 0, ""))
    script.write_text(JOB.format(marker=str(marker), log=str(log), keys=keys))
    jobs = Jobs((sys.executable, str(script)), ("never called: the seeds have fits of their own",))
    run, sweep = str(tmp_path / "sweep"), replace(SWEEP, seeds=(0, 1))
    with pytest.raises(UserError, match=r"2 of 4 trials have no metrics, fit\.steps=10,seed=1 .*exit code 2"):
        run_sweep(sweep, "", run, 2, jobs=jobs)
    assert len(log.read_text().splitlines()) == 2
    standings = list(csv.DictReader((tmp_path / "sweep" / "leaderboard.csv").read_text().splitlines()))
    assert [row["status"] for row in standings] == ["finished"] * 2 + ["failed"] * 2
    assert "exit code 2" in standings[-1]["error"] and standings[0]["nna_cd"] == "0.6"
    assert "fit.steps=20,seed=1" in (tmp_path / "sweep" / "report.html").read_text()
    kept = json.loads((tmp_path / "sweep" / "sweep.json").read_text())
    assert kept["rows"]["20"]["mmd_cd"]["seeds"] == [pytest.approx(0.05), None], "the table is of what finished"
    failure = tmp_path / "sweep" / "trials" / "fit.steps=20,seed=1" / "failed.json"
    assert json.loads(failure.read_text())["times"] == 1
    marker.touch()
    table = run_sweep(sweep, "", run, 2, jobs=jobs)
    done = log.read_text().splitlines()
    assert len(done) == len(set(done)) == 4, "what was finished is not run again"
    assert table["rows"]["20"]["mmd_cd"]["mean"] == pytest.approx(0.0505)
    assert not failure.exists() and not table["failed"]
    assert (tmp_path / "sweep" / "sweep.json").exists()
    # Another configuration of a trial is given to its run, whatever metrics it holds.
    run_sweep(replace(SWEEP, seeds=(0,), set={"train.steps": 7}), "", run, 2, jobs=jobs)
    assert len(log.read_text().splitlines()) == 6


def test_a_sweep_with_a_trial_that_failed_twice_ends(tmp_path: Path) -> None:
    """Nothing is left to run, and so nothing of Ray is started."""
    url = str(tmp_path)
    *finished, failing = known_trials(SWEEP, url, "")
    for one in finished:
        one.succeed()
        measure(one, {"mmd_cd": 1 / one.value, "nna_cd": 0.5})
    failing.fail("exit code 2")
    failing.fail("exit code 3")
    table = run_sweep(SWEEP, "", url, 1)
    assert table["failed"] == {failing.name: "exit code 3"}
    assert table["rows"]["10"]["mmd_cd"]["mean"] == pytest.approx(0.1)
    assert table["rows"]["20"]["mmd_cd"]["seeds"] == [0.05, 0.05, None]
    assert json.loads((tmp_path / "sweep.json").read_text()) == table
    last = list(csv.DictReader((tmp_path / "leaderboard.csv").read_text().splitlines()))[-1]
    assert (last["trial"], last["status"], last["error"]) == (failing.name, "failed", "exit code 3")


def test_trials_that_differ_in_training_alone_share_their_fits() -> None:
    def shared(sweep: Sweep) -> bool:
        if sweep.search is None:
            trials = known_trials(sweep, "nowhere", "/data")
            return trials[0].name in shared_in_grid(trials)
        config = sweep.config(sweep.values[0], sweep.seeds[0], "/data", next(sweep.search.corners()))
        return fits_of_search(sweep, config) is not None

    assert not shared(SWEEP)
    assert shared(replace(SWEEP, key="generator.width", values=(64, 96), seed_key="generator.seed"))
    assert shared(replace(SWEEP, seed_key="generator.seed"))
    assert shared(SEARCH)
    assert shared(replace(SEARCH, seed_key="seed")), "4 trials take turns at 2 seeds"
    assert not shared(replace(SEARCH, seed_key="seed", seeds=(0, 1, 2, 3)))
    drawn = {"field.width": Distribution("choice", (16, 32))}
    assert shared(replace(SEARCH, search=Search(9, drawn, 0)))
    drawn["fit.learning_rate"] = Distribution("loguniform", (1e-4, 1e-3))
    assert not shared(replace(SEARCH, search=Search(9, drawn, 0)))


def test_what_cannot_be_carried_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--gpus 3 makes 3 training workers .* do not divide train\.batch_size = 32"):
        run_sweep(SWEEP, "", str(tmp_path), 1, gpus=3)
    with pytest.raises(UserError, match="--gpus nan must be a fraction of one GPU"):
        run_sweep(SWEEP, "", str(tmp_path), 1, gpus=math.nan)
    with pytest.raises(UserError, match="--together 0 is not accepted; it must be 1 or more"):
        run_sweep(SWEEP, "", str(tmp_path), 0)
    assert not list(tmp_path.iterdir())


def test_one_command_at_a_time_works_on_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.2)
    with Lease(RunDirectory(str(tmp_path))), pytest.raises(UserError, match="is in use: process"):
        run_sweep(SWEEP, "", str(tmp_path), 1)


def test_what_jobs_of_trials_would_refuse_is_refused_before_anything_starts(
    tmp_path: Path, mesh_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(sweep: Sweep, data: object = "", run: Path = tmp_path / "sweep") -> str:
        with pytest.raises(UserError) as found:
            run_sweep(sweep, str(data), str(run), 1)
        assert not (tmp_path / "sweep").exists()
        return str(found.value)

    assert "nowhere holds no shapes" in refusal(SWEEP, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert "/file cannot be used" in refusal(SWEEP, run=tmp_path / "file")
    assert "lies within --data" in refusal(SWEEP, mesh_folder, mesh_folder / "sweep")
    assert sorted(path.name for path in mesh_folder.iterdir())[-1] == "round"
    nothing_held_out = {"inputs.test_share": 0.0, "inputs.validation_share": 0.0}
    message = refusal(replace(SWEEP, set=nothing_held_out))
    assert "none of the 128 shapes is in the split" in message
    assert "(found of the trial fit.steps=10,seed=0; none was started)" in message
    # Of one value alone, and of one end of what is drawn.
    variants = {"all": {}, "few": {"inputs.exclude_file": str(tmp_path / "none.txt")}}
    message = refusal(replace(SWEEP, key="list", values=("all", "few"), variants=variants, published={}))
    assert "none.txt cannot be read" in message and "list=few,seed=0" in message
    drawn = {"inputs.validation_share": Distribution("uniform", (0.0, 0.2))}
    assert "split that generated ones are compared with, validation" in refusal(
        replace(SEARCH, search=Search(4, drawn, 0))
    )
    # The data is listed once for all trials.
    listings = []
    monkeypatch.setattr(inputs, "list_files", lambda url: listings.append(url) or list_files(url))
    several = replace(SWEEP, key="list", values=("all", "few"), variants=variants, published={})
    message = refusal(replace(several, set={"inputs.test_share": 0.5}), mesh_folder)
    assert "list=few,seed=0" in message and listings == [str(mesh_folder)]
