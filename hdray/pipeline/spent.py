"""What finished stages took: a run's own, and those that made what it used and other runs may use too."""

from hdray.pipeline.run_directory import RunDirectory

STAGES = ("fit", "train", "generate", "evaluate", "report")
USERS = ("fit", "evaluate")
"""Those that use what other runs may use too."""

Spent = dict[tuple[str, str], float]
"""Seconds by stage and by where it made something: what has the same key was made once, whoever has it."""


def own_seconds(run: RunDirectory) -> Spent:
    """Of the run's stages, fits that were taken over among them, which are their donor's."""
    records = {stage: run.record(stage) for stage in STAGES}
    return {
        (stage, record.get("copied_from", run.url)): record["seconds"] for stage, record in records.items() if record
    }


def used_seconds(run: RunDirectory) -> Spent | None:
    """Of the stages that made what the run used; None where that is gone, or former versions kept nothing of it."""
    found: Spent = {}
    for record in (run.record(stage) for stage in USERS):
        if record is None:
            continue
        if "uses" not in record:
            return None
        for stage, url in record["uses"].items():
            made = RunDirectory(url).record(stage)
            if made is None:
                return None
            found[stage, url] = made["seconds"]
    return found
