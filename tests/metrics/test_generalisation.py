import json

import pytest

from hdray.metrics.generalisation import Read, generalisation, headline, verdict
from hdray.metrics.proportions import proportion

NONE, ARMS, BARS, BOTH = (frozenset(parts) for parts in ((), ("arms",), ("bars",), ("arms", "bars")))


def measured(samples: list[frozenset[str]], mistaken: int = 0) -> dict[str, object]:
    """50 training chairs, some of which are taken to show both; 10 withheld ones, of which 8 are recognised."""
    training = Read([ARMS] * 30 + [BARS] * 20, [BOTH] * mistaken + [ARMS] * (30 - mistaken) + [BARS] * 20)
    test = Read([BOTH] * 10, [BOTH] * 8 + [BARS] * 2)
    surfaces = Read([ARMS, BOTH], [ARMS, ARMS])
    return generalisation(BOTH, samples, training, test, surfaces, [ARMS] * 30 + [BARS] * 20 + [BOTH] * 10)


def test_shares_are_what_is_counted() -> None:
    result = measured([BOTH] * 6 + [ARMS] * 10 + [NONE] * 8, mistaken=1)
    assert result["combination"] == "arms+bars"
    for name, count, total in (
        ("share", 6, 24), ("population", 10, 60), ("false_positives", 1, 50), ("recognised", 8, 10)
    ):  # fmt: skip
        assert result[name] == vars(proportion(count, total)), name
    assert result["training"] == 0
    arms, bars = result["parts"]["arms"], result["parts"]["bars"]
    assert [arms[name]["count"] for name in ("samples", "training", "accuracy_fields", "accuracy_surfaces")] == [
        16, 30, 58, 2
    ]  # fmt: skip
    assert [bars[name]["count"] for name in ("samples", "training", "accuracy_fields", "accuracy_surfaces")] == [
        6, 20, 59, 1
    ]  # fmt: skip
    json.dumps(result, allow_nan=False)
    numbers = headline(result)
    assert (numbers["withheld_share"], numbers["withheld_false_positives"]) == (0.25, 0.02)
    assert numbers["withheld_share_low"] < 0.25 < numbers["withheld_share_high"]
    assert numbers["withheld_accuracy"] == 58 / 60


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


def test_a_combination_that_was_trained_on_was_not_withheld() -> None:
    with pytest.raises(ValueError, match=r"shows arms\+bars, so it was not withheld"):
        generalisation(BOTH, [NONE], Read([BOTH], [NONE]), Read([BOTH], [BOTH]), Read([BOTH], [BOTH]), [BOTH])
    with pytest.raises(ValueError, match="0 of 0 is no share"):
        generalisation(BOTH, [], Read([ARMS], [NONE]), Read([BOTH], [BOTH]), Read([BOTH], [BOTH]), [BOTH])
