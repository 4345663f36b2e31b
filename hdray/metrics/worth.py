"""Which values of a metric are better, so that methods and trials can be put in order."""

BETTER = {"lower": "lower is better", "higher": "higher is better", "half": "nearer 0.5 is better"}


def worth(value: float, better: str) -> float:
    """A number that is larger for better values; `better` is a key of BETTER."""
    return {"higher": value, "lower": -value, "half": -abs(value - 0.5)}[better]
