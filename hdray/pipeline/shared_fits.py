"""Which trials of a sweep need the same fits, so that these are made once."""

import json
from collections import Counter
from collections.abc import Sequence

from hdray.config.sweep import Sweep
from hdray.config.tree import Config
from hdray.pipeline.fit_stage import fit_keys
from hdray.pipeline.other_fits import keys_of_fits
from hdray.pipeline.run_directory import content_hash
from hdray.pipeline.trials import SweepTrial


def shared_in_grid(trials: Sequence[SweepTrial]) -> dict[str, str]:
    """Trial to a hash of its fits, of those trials (all of a sweep's) that need the same fits as another one."""
    found = {one.name: _made_with(one.config) for one in trials}
    needed = Counter(found.values())
    return {name: fits for name, fits in found.items() if needed[fits] > 1}


def fits_of_search(sweep: Sweep, config: Config) -> str | None:
    """A hash of the fits of a trial with this configuration; None where no other draw is likely to need the same.

    That is so where a range of a key that fits depend on is drawn from, or each trial has a seed of its own that they do.
    """
    assert sweep.search is not None
    keys = keys_of_fits(fit_keys(config))
    alone = any(one.is_range and key in keys for key, one in sweep.search.keys.items())
    alone |= sweep.seed_key != "generator.seed" and len(sweep.seeds) >= sweep.search.trials
    return None if alone else _made_with(config)


def _made_with(config: Config) -> str:
    """A hash of everything that the fits depend on."""
    return content_hash(json.dumps(keys_of_fits(fit_keys(config)), sort_keys=True))
