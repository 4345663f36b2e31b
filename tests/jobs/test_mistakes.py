"""Every job: a user's mistake is one paragraph that says what, where and what would be right, and exit code 2."""

from pathlib import Path

import pytest

from hdray.config.presets import demo
from hdray.pipeline.fit_stage import fit_keys
from hdray.pipeline.run_directory import RunDirectory
from tests.jobs.conftest import Mistake
from tests.jobs.tiny import ROOT

JOBS = ("full_pipeline", "fit", "train", "generate", "evaluate", "report")
READING_JOBS = ("full_pipeline", "fit")


@pytest.mark.parametrize("name", JOBS)
def test_wrong_words_on_the_command_line(mistake: Mistake, name: str, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("name", [*JOBS, "sweep"])
def test_a_place_that_a_variable_should_have_named(
    mistake: Mistake, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one would be the working directory, or the default."""
    monkeypatch.chdir(tmp_path)
    space = ("--space", ROOT / "tune_spaces" / "generator_search.yaml") if name == "sweep" else ()
    assert "--run is empty, as by a variable of the shell" in mistake(name, *space, "--run", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [job for job in JOBS if job not in READING_JOBS])
def test_a_run_without_what_the_stage_needs(mistake: Mistake, name: str, tmp_path: Path) -> None:
    message = mistake(name, "--run", tmp_path / "run")
    assert str(tmp_path / "run") in message
    assert "run jobs/" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", READING_JOBS)
def test_data_that_cannot_be_used(mistake: Mistake, name: str, tmp_path: Path, s3: str) -> None:
    run = tmp_path / "run"
    (tmp_path / "empty").mkdir()
    assert "holds no shapes" in mistake(name, "--data", tmp_path / "empty", "--run", run)
    assert "holds no shapes" in mistake(name, "--data", tmp_path / "missing", "--run", run)
    assert "cannot be listed" in mistake(name, "--data", "s3://no-such-bucket-of-mine", "--run", run)
    assert "gs://" in mistake(name, "--data", "gs://somewhere", "--run", run)
    assert not run.exists()


@pytest.mark.parametrize("name", JOBS)
def test_a_place_where_no_run_can_be(mistake: Mistake, name: str, tmp_path: Path, s3: str) -> None:
    (tmp_path / "file").write_text("in the way")
    for url in (tmp_path / "file", tmp_path / "file" / "run", "s3://no-such-bucket-of-mine/run"):
        message = mistake(name, "--run", url)
        assert str(url) in message
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize("name", READING_JOBS)
def test_inputs_that_cannot_make_a_whole_run(mistake: Mistake, name: str, tmp_path: Path, mesh_folder: Path) -> None:
    run = mesh_folder / "run"
    assert "lies within --data" in mistake(name, "--data", mesh_folder, "--run", run)
    if name == "full_pipeline":
        split = ("--inputs.validation_share", 0, "--inputs.test_share", 0)
        message = mistake(name, "--run", tmp_path / "run", *split)
        assert "none of the 128 shapes is in the split that generated ones are compared with, held-out" in message
    assert not run.exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", JOBS)
def test_a_run_made_with_another_configuration(mistake: Mistake, name: str, tmp_path: Path) -> None:
    run = RunDirectory(str(tmp_path / "run"))
    run.begin("fit", fit_keys(demo()), {}, "commits")
    run.finish("fit", 1.0, output="")
    message = mistake(name, "--preset", "demo", "--fit.steps", 7, "--run", run.url)
    assert f"{run.url} holds results of the stage 'fit'" in message
    assert "fit.steps was 600 and is now 7. Give the former values, or another --run" in message
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["stages"]


def test_every_job_is_a_screenful() -> None:
    names = {path.stem for path in (ROOT / "jobs").glob("*.py")}
    assert names == {*JOBS, "sweep", "analyse"}
    for name in names:
        assert len((ROOT / "jobs" / f"{name}.py").read_text().splitlines()) < 40


def test_a_sweep_that_cannot_be(mistake: Mistake, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    assert "space.yaml cannot be read" in mistake("sweep", "--space", space, "--run", tmp_path / "run")
    good = (ROOT / "tune_spaces" / "table3_initialisation.yaml").read_text()
    space.write_text(good.replace("fit.initialisation", "fit.initialization"))
    assert "did you mean fit.initialisation?" in mistake("sweep", "--space", space, "--run", tmp_path / "run")
    published = ROOT / "tune_spaces" / "table1_baselines.yaml"
    message = mistake("sweep", "--space", published, "--run", tmp_path / "run")
    assert "'HyperDiffusion, Table 1 (the voxel baseline)' needs --data (a folder or s3:// URL" in message
    message = mistake("sweep", "--space", published, "--run", tmp_path / "run", "--preset", "demo")
    assert "--preset demo would not be heeded, as vary gives every trial a preset of its own" in message
    assert not (tmp_path / "run").exists(), "nothing is half-written"


def test_an_analysis_that_cannot_be(mistake: Mistake, tmp_path: Path) -> None:
    out, run = ("--out", tmp_path / "out"), f"mlp={tmp_path / 'run'}"
    assert "is not NAME=URL; give such as mlp=runs/mlp" in mistake("analyse", "--runs", tmp_path / "run", *out)
    assert "--out is empty" in mistake("analyse", "--runs", run, "--out", "")
    assert "has a name twice" in mistake("analyse", "--runs", run, run, *out)
    assert "--shapes 0 is not accepted; it must be 1 or more" in mistake("analyse", "--runs", run, *out, "--shapes", 0)
    assert "--strengths 1.5 is not accepted" in mistake("analyse", "--runs", run, *out, "--strengths", 1.5)
    assert "holds no complete set of fits; run jobs/fit.py" in mistake("analyse", "--runs", run, *out)
    assert not (tmp_path / "out").exists(), "nothing is half-written"
