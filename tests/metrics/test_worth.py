import pytest

from hdray.metrics.worth import BETTER, worth


@pytest.mark.parametrize(
    ("better", "ordered"), [("lower", [3, 2, 1]), ("higher", [1, 2, 3]), ("half", [1.0, 0.1, 0.8, 0.45, 0.5])]
)
def test_better_values_are_worth_more(better: str, ordered: list[float]):
    assert better in BETTER
    worths = [worth(value, better) for value in ordered]
    assert worths == sorted(worths) and len(set(worths)) == len(worths)


def test_both_sides_of_a_half_are_alike():
    assert worth(0.25, "half") == worth(0.75, "half")
