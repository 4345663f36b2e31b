import json
from typing import Any

import pytest

from hdray.metrics.generalisation import Fits, Read, generalisation, headline, verdict
from hdray.metrics.names import METRIC_NAMES, WITHHELD
from hdray.metrics.proportions import proportion

NONE, ARMS, BARS, BOTH = (frozenset(parts) for parts in ((), ("arms",), ("bars",), ("arms", "bars")))


def measured(samples: list[frozenset[str]], mistaken: int = 0, mixed: int = 0) -> dict[str, Any]:
    """50 training chairs, some of which are taken to show both; 10 withheld ones, of which 8 are recognised; 40 mixtures."""
    training = Read([ARMS] * 30 + [BARS] * 20, [BOTH] * mistaken + [ARMS] * (30 - mistaken) + [BARS] * 20)
    test = Read([BOTH] * 10, [BOTH] * 8 + [BARS] * 2)
    fits = Fits(training, Read([ARMS, BARS], [ARMS, ARMS])), Fits(test, Read([BOTH], [ARMS]))
    mixtures = [BOTH] * mixed + [ARMS] * (40 - mixed)
    return generalisation(BOTH, samples, *fits, mixtures, [ARMS] * 30 + [BARS] * 20 + [BOTH] * 10)


ACCURACIES = [f"accuracy_{kind}_{name}" for kind in ("fields", "surfaces") for name in ("training", "withheld")]


def test_shares_are_what_is_counted() -> None:
    result = measured([BOTH] * 6 + [ARMS] * 10 + [NONE] * 8, mistaken=1, mixed=2)
    assert result["combination"] == "arms+bars"
    for name, count, total in (
        ("share", 6, 24), ("population", 10, 60), ("false_positives", 1, 50), ("mixtures", 2, 40),
        ("recognised", 8, 10),
    ):  # fmt: skip
        assert result[name] == vars(proportion(count, total)), name
    arms, bars = result["parts"]["arms"], result["parts"]["bars"]
    assert [arms[name]["count"] for name in ("samples", "training", *ACCURACIES)] == [16, 30, 50, 8, 1, 1]
    assert [bars[name]["count"] for name in ("samples", "training", *ACCURACIES)] == [6, 20, 49, 10, 1, 0]
    assert [bars[name]["total"] for name in ACCURACIES] == [50, 10, 2, 1]
    json.dumps(result, allow_nan=False)
    numbers = headline(result)
    assert set(numbers) == {name for name, needed in METRIC_NAMES.items() if WITHHELD in needed}
    assert (numbers["withheld_share"], numbers["withheld_false_positives"]) == (0.25, 0.02)
    assert numbers["withheld_mixtures"] == 0.05
    assert numbers["withheld_share_low"] < 0.25 < numbers["withheld_share_high"]
    assert (numbers["withheld_accuracy_training"], numbers["withheld_accuracy_withheld"]) == (49 / 50, 8 / 10)


def test_the_verdict_needs_more_than_the_recognisers_mistakes() -> None:
    few = [BOTH] * 2 + [ARMS] * 22
    assert measured([BOTH] * 6 + [ARMS] * 18)["verdict"] == "resolved"
    assert measured([BOTH] * 6 + [ARMS] * 18, mistaken=10)["verdict"] == "unresolved"
    assert measured(few, mistaken=1)["verdict"] == "unresolved"
    assert measured([ARMS] * 24)["verdict"] == "unresolved"
    assert measured([NONE] * 24)["verdict"] == "unresolved"
    said = verdict(measured(few, mistaken=1))
    assert said.startswith(
        "unresolved: 2 of 24 (8.33 %, 95 % interval 2.32 to 25.8) samples show the withheld arms+bars"
    )
    assert "1 of 50 (2 %" in said
    assert "of averages of two of them 0 of 40 (0 %" in said


def test_the_verdict_needs_more_than_mixtures_show() -> None:
    many = [BOTH] * 6 + [ARMS] * 18
    assert measured(many, mistaken=1, mixed=0)["verdict"] == "resolved"
    assert measured(many, mistaken=1, mixed=8)["verdict"] == "unresolved"
    assert measured(many, mistaken=10, mixed=1)["verdict"] == "unresolved"


def test_what_cannot_be_mixed_has_no_mixtures() -> None:
    """As of clouds of points, whose vectors are in no order."""
    read = Fits(Read([ARMS], [ARMS]), Read([ARMS], [ARMS])), Fits(Read([BOTH], [BOTH]), Read([BOTH], [BOTH]))
    result = generalisation(BOTH, [BOTH], *read, [], [ARMS, BOTH])
    assert result["mixtures"] is None
    assert "withheld_mixtures" not in headline(result)
    assert verdict(result).endswith("are taken for it")


def test_a_combination_that_was_trained_on_was_not_withheld() -> None:
    arms, both = (Fits(Read([parts], [NONE]), Read([parts], [parts])) for parts in (ARMS, BOTH))
    with pytest.raises(ValueError, match=r"shows arms\+bars, so it was not withheld"):
        generalisation(BOTH, [NONE], both, both, [], [BOTH])
    with pytest.raises(ValueError, match="0 of 0 is no share"):
        generalisation(BOTH, [], arms, both, [], [BOTH])
