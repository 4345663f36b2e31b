"""Fits taken over from another run."""

from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.presets import demo
from hdray.errors import UserError
from hdray.pipeline.fit_stage import STAGE, check_fit, fit_keys
from hdray.pipeline.other_fits import FOLDERS, copy_fits
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.storage import list_files


@pytest.fixture
def donor(tmp_path: Path) -> RunDirectory:
    """A run whose fit stage says that it is complete; what its files hold does not matter here."""
    run = RunDirectory(str(tmp_path / "donor"))
    for number, folder in enumerate(FOLDERS):
        (tmp_path / "donor" / folder).mkdir(parents=True)
        (tmp_path / "donor" / folder / "file").write_bytes(bytes([number]))
    run.begin(STAGE, fit_keys(demo()), {}, "commits")
    return run


def test_fits_are_copied_with_their_record(donor: RunDirectory, tmp_path: Path) -> None:
    donor.finish(STAGE, 7.0, output="a hash")
    run = RunDirectory(str(tmp_path / "run"))
    config = replace(demo(), fits=donor.url, generator=replace(demo().generator, seed=3))
    check_fit(run, config)
    copy_fits(run, donor, STAGE)
    assert list_files(run.url).keys() == list_files(donor.url).keys()
    assert (tmp_path / "run" / "commits" / "file").read_bytes() == bytes([FOLDERS.index("commits")])
    assert run.record(STAGE) == donor.record(STAGE)
    check_fit(run, replace(config, fits=str(tmp_path / "gone")))  # a run that has its fits does not look elsewhere


def test_fits_that_are_not_those_of_this_run_are_refused(donor: RunDirectory, tmp_path: Path) -> None:
    run, config = RunDirectory(str(tmp_path / "run")), replace(demo(), fits=donor.url)
    with pytest.raises(UserError, match=r"donor holds no complete set of fits; run jobs/fit\.py"):
        check_fit(run, config)
    donor.finish(STAGE, 7.0, output="a hash")
    with pytest.raises(UserError, match=r"fit\.steps was 600 and is now 5\. Give .* or leave --fits out"):
        check_fit(run, replace(config, fit=replace(config.fit, steps=5)))
    assert not (tmp_path / "run").exists()
