"""What is told of a trial that Tune gives up. Nothing of Ray runs."""

import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest

from hdray.errors import UserError
from hdray.pipeline.halving import NAME
from hdray.pipeline.job_log import JobFailed
from hdray.pipeline.tune_failures import TuneFailures


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (JobFailed("no shape is left (exit code 2; its log is a/job.log)"), None),
        (UserError("width = 97 is not accepted"), None),
        (ValueError("hdray.errors: of others"), "ValueError: hdray.errors: of others"),
    ],
)
def test_the_message_of_an_error_of_ours_is_told_alone(tmp_path: Path, error: Exception, told: str | None) -> None:
    file = tmp_path / "error.txt"  # as Tune writes it: a line of its own, then the traceback of the actor
    file.write_text(f"Failure # 1 (occurred at 2026-01-01)\n{''.join(traceback.format_exception(error))}\n")
    found: list[tuple[str, str]] = []
    failures = TuneFailures(lambda name, text: found.append((name, text)))
    failures.on_trial_error(1, [], SimpleNamespace(config={NAME: "trial-00003"}, error_file=str(file)))
    assert found == [("trial-00003", told or str(error))]
