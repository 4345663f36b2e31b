"""What went wrong with a trial, kept in its run as failed.json: what failed twice, given the same, is left alone.

What went wrong with fits that trials share is kept likewise, for the other trials of the command that it happened in.
"""

from dataclasses import asdict, dataclass

from hdray.pipeline.run_directory import RunDirectory

FILE = "failed.json"
MOST = 2
"""Times that a trial may fail: once, and once more when the sweep's command is given again."""


@dataclass(frozen=True)
class Failure:
    """That a job failed, of a trial or of fits that several share."""

    error: str
    """Of the last time."""
    times: int
    """How often it failed."""
    made_with: str
    """A hash of what the trial was given, or the name of the command that made the fits: with another one, all starts anew."""


def failure_of(run: RunDirectory, made_with: str) -> Failure | None:
    """How it failed with this; None where it did not, or was with something else then."""
    if not run.has(FILE):
        return None
    found = Failure(**run.read_json(FILE))
    return found if found.made_with == made_with else None


def record_failure(run: RunDirectory, made_with: str, error: str) -> None:
    """Keep that it failed, once more if it did before."""
    before = failure_of(run, made_with)
    run.write_json(asdict(Failure(error, 1 + (before.times if before else 0), made_with)), FILE)


def forget_failure(run: RunDirectory) -> None:
    """What failed has succeeded."""
    run.remove(FILE)
