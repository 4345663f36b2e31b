"""By what trials of a sweep are drawn, compared and stopped: said once, in search.json, as scores depend on it."""

import json
from typing import Any

from hdray.config.sweep import Sweep
from hdray.errors import UserError
from hdray.pipeline.run_directory import RunDirectory

FILE = "search.json"


def keep_choosing(sweep: Sweep, sweep_url: str) -> None:
    """Record by what the sweep chooses among trials, if it does, before the first of them.

    Raises UserError where there are trials that were drawn, compared or stopped otherwise.
    """
    run = RunDirectory(sweep_url)
    was = run.read_json(FILE) if run.has(FILE) else None
    if was is None and not (sweep.chooses and run.has("trials")):
        if sweep.chooses:
            run.write_json(_said(sweep), FILE)
        return
    if was is None:
        changed = "there was neither search nor stop"
    elif not sweep.chooses:
        changed = "search and stop of the space were taken out"
    else:
        said = _said(sweep)
        names = [key for key in said if key not in was or said[key] != was[key]]
        if not names:
            return
        changed = f"{', '.join(names)} of the space changed"
    raise UserError(
        f"{sweep_url} holds trials of another search ({changed}), whose scores do not compare with new ones; give the former "
        "space, which may ask for more trials, or another --run"
    )


def _said(sweep: Sweep) -> dict[str, Any]:
    """As JSON has it."""
    drawn = sweep.search.keys if sweep.search else {}
    said = {
        "keys": {key: {one.kind: list(one.values)} for key, one in drawn.items()},
        "varied": {sweep.key: list(sweep.values)} if sweep.search else None,
        "seeds": list(sweep.seeds) if sweep.search else None,
        "seed": sweep.search.seed if sweep.search else None,
        "stop": vars(sweep.stop) if sweep.stop else None,
        "objective": sweep.objective,
        "metrics": dict(sweep.metrics),
    }
    found: dict[str, Any] = json.loads(json.dumps(said))
    return found
