"""Every job: a user's mistake is one paragraph that says what, where and what would be right, and exit code 2."""

from pathlib import Path

import pytest

from tests.jobs.tiny import ROOT, start_job

JOBS = ("full_pipeline", "fit", "train", "generate", "evaluate", "report")
READING_JOBS = ("full_pipeline", "fit")


def mistake(name: str, *arguments: object) -> str:
    process = start_job(name, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert "Traceback" not in output
    return " ".join(output.replace("│", " ").split())


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_wrong_words_on_the_command_line(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    message = mistake(name, "--preset", "demmo", "--run", run)
    assert "--preset demmo is not known; the presets are demo, airplanes" in message
    message = mistake(name, "--fit.bath_size", 3, "--run", run)
    assert "--fit.bath_size" in message
    assert "--fit.batch-size" in message
    message = mistake(name, "--fit.steps", "many", "--run", run)
    assert "--fit.steps" in message
    assert "'many'" in message
    message = mistake(name, "--generator.heads", 7, "--run", run)
    assert "heads = 7 is not accepted; it must be a divisor of generator.width" in message
    message = mistake(name, "--config", tmp_path / "none.yaml", "--run", run)
    assert "none.yaml cannot be read" in message
    assert not run.exists(), "nothing is half-written"


@pytest.mark.slow
@pytest.mark.parametrize("name", [job for job in JOBS if job not in READING_JOBS])
def test_a_run_without_what_the_stage_needs(name: str, tmp_path: Path) -> None:
    message = mistake(name, "--run", tmp_path / "run")
    assert str(tmp_path / "run") in message
    assert "run jobs/" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", READING_JOBS)
def test_data_that_cannot_be_used(name: str, tmp_path: Path, s3: str) -> None:
    run = tmp_path / "run"
    (tmp_path / "empty").mkdir()
    assert "holds no shapes" in mistake(name, "--data", tmp_path / "empty", "--run", run)
    assert "holds no shapes" in mistake(name, "--data", tmp_path / "missing", "--run", run)
    assert "cannot be listed" in mistake(name, "--data", "s3://no-such-bucket-of-mine", "--run", run)
    assert "gs://" in mistake(name, "--data", "gs://somewhere", "--run", run)
    assert not run.exists()


def test_every_job_is_a_screenful() -> None:
    assert {path.stem for path in (ROOT / "jobs").glob("*.py")} == set(JOBS)
    for name in JOBS:
        assert len((ROOT / "jobs" / f"{name}.py").read_text().splitlines()) < 40
