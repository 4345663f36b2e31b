"""What a trial leaves behind whose job fails. Nothing of Ray runs."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hdray.pipeline.job_log import JobFailed
from hdray.pipeline.trial_job import Driver, Jobs, TrialJob
from hdray.pipeline.trials import SweepTrial, known_trials
from hdray.report.leaderboard import Status
from tests.pipeline.searches import measure
from tests.pipeline.test_sweep import SWEEP

SAYS = """
import os, sys, own
sys.exit(f"error: {own.NAME} in {os.getcwd()} of {os.environ.get('RAY_JOB_CONFIG_JSON_ENV_VAR')}")
"""
FITS = """
import pathlib, sys
with open({log!r}, "a") as log:
    log.write("once\\n")
sys.exit(None if pathlib.Path({mended!r}).exists() else "error: no space is left")
"""
REFUSES = Jobs((sys.executable, "-c", "import sys; sys.exit('error: no shape is left')"), ("never called",))


def test_results_of_other_values_are_not_passed_off_as_those_of_a_run_that_refuses(tmp_path: Path) -> None:
    def first(steps: int) -> SweepTrial:
        return known_trials(replace(SWEEP, set={"train.steps": steps}), str(tmp_path), "")[0]

    one = first(40)
    one.begin()
    measure(one, {"mmd_cd": 0.5, "nna_cd": 0.5})
    assert (one.status(), one.scores()) == (Status.UNFINISHED, []), "its job has not returned yet"
    one.succeed()
    assert one.status() == Status.FINISHED and one.scores()[-1].metrics["mmd_cd"] == 0.5

    for _ in range(2):
        assert (first(60).status(), first(60).scores()) == (Status.UNFINISHED, [])
        with pytest.raises(JobFailed) as found:
            TrialJob(first(60), REFUSES, (), Driver.of_this_process(""), None).carry_out()
        log = tmp_path / "trials" / one.name / "job.log"
        assert str(found.value) == f"no shape is left (exit code 1; its log is {log})"
    assert log.read_text().count("\nerror: no shape is left\n") == 2, "of both times"
    assert first(60).status() == Status.UNFINISHED
    # Whatever the job came to before it failed: these are no longer known to be results of the former values either.
    assert first(40).status() == Status.UNFINISHED


def test_jobs_start_where_the_sweep_does_and_find_what_it_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However Tune moves their trial, and whatever Ray was told of the sweep when it was submitted."""
    mine, moved = tmp_path / "mine", tmp_path / "moved"
    mine.mkdir()
    moved.mkdir()
    (mine / "own.py").write_text("NAME = 'a kind'")
    monkeypatch.chdir(mine)
    monkeypatch.setenv("PYTHONPATH", ".")
    monkeypatch.syspath_prepend(mine)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    driver = Driver.of_this_process("")
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR")
    monkeypatch.chdir(moved)
    one = known_trials(SWEEP, str(tmp_path), "")[0]
    says = Jobs((sys.executable, "-c", SAYS), ("never called",))
    with pytest.raises(JobFailed, match=f"^a kind in {mine} of {{}} "):
        TrialJob(one, says, (), driver, None).carry_out()
    elsewhere = replace(driver, folder=str(tmp_path / "on another machine"))
    with pytest.raises(JobFailed, match=f"^a kind in {moved} of {{}} "):
        TrialJob(one, says, (), elsewhere, None).carry_out()


def test_fits_that_trials_share_fail_once_for_all_trials_of_a_command(tmp_path: Path) -> None:
    log, mended = tmp_path / "log", tmp_path / "mended"
    fit = (sys.executable, "-c", FITS.format(log=str(log), mended=str(mended)))
    jobs, trials = Jobs(REFUSES.pipeline, fit), known_trials(SWEEP, str(tmp_path / "sweep"), "")
    for times in (1, 2):
        driver = Driver.of_this_process("")
        with pytest.raises(
            JobFailed, match=r"^no space is left \(exit code 1; its log is .*fit\.steps=10,seed=0/job\.log"
        ):
            TrialJob(trials[0], jobs, (), driver, "hash").carry_out()
        with pytest.raises(
            JobFailed, match=r"^the fits that it shares with other trials failed: no space is left \(exit"
        ):
            TrialJob(trials[1], jobs, (), driver, "hash").carry_out()
        with pytest.raises(JobFailed, match=r"^no space is left"):
            TrialJob(trials[2], jobs, (), driver, "another hash").carry_out()
        assert log.read_text() == "once\n" * 2 * times
    mended.touch()
    with pytest.raises(JobFailed, match=r"^no shape is left"):
        TrialJob(trials[1], jobs, (), Driver.of_this_process(""), "hash").carry_out()
    assert not (tmp_path / "sweep" / "fits" / "hash" / "failed.json").exists()
