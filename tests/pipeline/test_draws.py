"""Drawn values are kept, given again, and learnt from. Nothing of Ray runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState

from hdray.config.search import Distribution, Search
from hdray.errors import UserError
from hdray.pipeline.choosing import keep_choosing
from hdray.pipeline.draws import Draws
from hdray.pipeline.halving import NAME, WORTH
from hdray.pipeline.trials import WORST, known_trials
from hdray.report.leaderboard import Status
from tests.pipeline.searches import SEARCH, finish

SWEEP = replace(SEARCH, stop=None)
RATE = "train.learning_rate"


def draw(draws: Draws, count: int) -> list[str]:
    return [suggested[NAME] for number in range(count) if (suggested := draws.suggest(f"{id(draws)}-{number}"))]


def learnt_from(draws: Draws) -> list[FrozenTrial]:
    """The trials that Optuna's sampler makes its next draw from: those of any other state are nothing to it."""
    return draws._ot_study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))


def test_the_same_values_come_again_after_a_kill(tmp_path: Path) -> None:
    url = str(tmp_path)
    assert draw(Draws(SWEEP, url, []), 3) == ["trial-00000", "trial-00001", "trial-00002"]
    known = known_trials(SWEEP, url, "")
    assert [one.seed for one in known] == [0, 1, 0] and len({one.drawn[RATE] for one in known}) == 3
    assert known[1].config.train.learning_rate == known[1].drawn[RATE] and known[1].config.generator.seed == 1
    finish(known[1], 0.5)
    # The first and the third once more, then new ones: not those that the seed gave first.
    assert draw(Draws(SWEEP, url, known), 4) == ["trial-00000", "trial-00002", "trial-00003", "trial-00004"]
    again = known_trials(SWEEP, url, "")
    assert again[:3] == known
    assert len({one.drawn[RATE] for one in again}) == 5
    assert [one.status() for one in again] == [Status.UNFINISHED, Status.FINISHED, *[Status.UNFINISHED] * 3]


def test_draws_follow_what_former_trials_came_to(tmp_path: Path) -> None:
    """Thirty trials that are the better the nearer to 0.8, some undefined: further ones go there, told by files alone."""
    url = str(tmp_path)
    draw(Draws(SWEEP, url, []), 30)
    known = known_trials(SWEEP, url, "")
    for one in known:
        finish(one, None if one.drawn[RATE] < 0.1 else abs(one.drawn[RATE] - 0.8))
    draw(Draws(SWEEP, url, known), 8)
    distances = [abs(one.drawn[RATE] - 0.8) for one in known_trials(SWEEP, url, "")]
    assert np.mean(distances[30:]) < 0.15 < 0.25 < np.mean(distances[:30])


def test_what_is_refused_or_failed_twice_is_not_drawn_again(tmp_path: Path) -> None:
    url = str(tmp_path)
    keys = {"generator.width": Distribution("choice", (96, 97, 192)), "generator.layers": Distribution("int", (1, 9))}
    sweep = replace(SWEEP, search=Search(9, keys, 0))
    draw(Draws(sweep, url, []), 9)
    known = known_trials(sweep, url, "")
    refused = [one for one in known if one.drawn["generator.width"] == 97]  # a prime, which no heads divide
    accepted = [one for one in known if one not in refused]
    assert refused and len(accepted) > 2, "the draws are such that both kinds are there"
    twice, once = accepted[:2]
    for one in (twice, twice, once):
        one.fail("exit code 2")
    for one in accepted[2:]:
        finish(one, 0.5)
    known = known_trials(sweep, url, "")
    assert [one for one in known if one.status() == Status.FAILED] == [one for one in known if one in [*refused, twice]]
    assert "generator.width" in refused[0].error() and once.error() == "exit code 2"
    draws = Draws(sweep, url, known)
    told = {tuple(trial.params[key] for key in keys): trial.value for trial in learnt_from(draws)}
    came_to = {one.name: WORST if one in [*refused, twice] else -0.5 for one in known if one.name != once.name}
    assert told == {tuple(one.drawn[key] for key in keys): came_to[one.name] for one in known if one.name in came_to}
    assert draw(draws, 1) == [once.name]
    # Given other values, what failed before says nothing.
    longer = replace(sweep, set={**sweep.set, "train.steps": 60})
    assert next(one for one in known_trials(longer, url, "") if one.name == twice.name).status() == Status.UNFINISHED
    once.succeed()
    assert not once.error()


def test_a_failure_is_learnt_from_while_the_search_runs(tmp_path: Path) -> None:
    draws = Draws(SWEEP, str(tmp_path), [])
    for trial in ("finished", "undefined", "failed"):
        draws.suggest(trial)
    draws.on_trial_complete("finished", {WORTH: -0.25})
    draws.on_trial_complete("undefined", {WORTH: WORST})
    draws.on_trial_complete("failed", error=True)  # as Tune tells it, also of one that had come to a rung
    assert [trial.value for trial in learnt_from(draws)] == [-0.25, WORST, WORST]


def test_a_variant_is_drawn_like_a_key(tmp_path: Path) -> None:
    url = str(tmp_path)
    variants = {"small": {"generator.width": 64}, "large": {"generator.width": 128}}
    keys = {"generator.layers": Distribution("int", (1, 3)), "train.batch_size": Distribution("choice", (8, 16))}
    sweep = replace(SWEEP, key="size", values=("small", "large"), variants=variants, search=Search(8, keys, seed=1))
    draw(Draws(sweep, url, []), 8)
    known = known_trials(sweep, url, "")
    assert {one.value for one in known} == {"small", "large"}
    for one in known:
        config = one.config
        assert config.generator.width == variants[one.value]["generator.width"]
        assert one.values == {
            "size": one.value, "generator.layers": config.generator.layers, "train.batch_size": config.train.batch_size,
            "generator.seed": one.seed,
        }  # fmt: skip
    assert {one.drawn["generator.layers"] for one in known} <= {1, 2, 3}


def test_whole_numbers_by_their_logarithm(tmp_path: Path) -> None:
    """Half of the draws from 8 to 512 lie below their geometric mean of 64, give or take; of evenly drawn ones a ninth would."""
    keys = {"train.batch_size": Distribution("logint", (8, 512))}
    sweep = replace(SWEEP, search=Search(24, keys, seed=1))
    draw(Draws(sweep, str(tmp_path), []), 24)
    drawn = [one.config.train.batch_size for one in known_trials(sweep, str(tmp_path), "")]
    assert all(isinstance(size, int) and 8 <= size <= 512 for size in drawn)
    assert 8 <= sum(size < 64 for size in drawn) <= 16


def test_trials_of_another_search_or_configuration_are_refused(tmp_path: Path) -> None:
    url = str(tmp_path)
    keep_choosing(SWEEP, url)
    keep_choosing(replace(SWEEP, search=replace(SWEEP.search, trials=50)), url)
    other = Search(4, {RATE: Distribution("uniform", (0.0, 2.0))}, 0)
    with pytest.raises(UserError, match=r"another search \(keys of the space changed\)"):
        keep_choosing(replace(SWEEP, search=other), url)
    draw(Draws(SWEEP, url, []), 1)
    (one,) = known_trials(SWEEP, url, "")
    one.succeed()
    one.check_unchanged()
    longer = replace(SWEEP, set={**SWEEP.set, "train.steps": 60})
    with pytest.raises(UserError, match=r"train\.steps was 40 and is now 60"):
        known_trials(longer, url, "")[0].check_unchanged()
