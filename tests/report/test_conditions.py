"""What numbers are of, in sentences."""

import pytest

from hdray.metrics.protocols import NORMALISATIONS
from hdray.report.conditions import cost_sentence, protocol_sentence


def test_what_the_generator_took() -> None:
    sentence = cost_sentence({"parameters": 1_406_800, "samples_seen": 64_000, "train_seconds": 1234.5})
    assert "1,406,800 parameters; 64,000 training samples seen, with repetitions; 1,234 s of training" in sentence
    assert cost_sentence({"parameters": 7}) == "What the generator took: 7 parameters. Compare runs that took as much."
    assert cost_sentence({}) == ""


def test_the_protocol_in_words() -> None:
    sentence = protocol_sentence(
        {"name": "a-code", "points": 2048, "normalisation": "std", "squared": False, "reference_split": "test", "x": 1}
    )
    for part in ("the protocol a-code", "2048 points", "standard deviation", "not squared", "the test split"):
        assert part in sentence
    assert "counts as a miss" in sentence
    assert "is replaced by another one" in protocol_sentence({"points": 2048, "generated_factor": 1.1})
    assert protocol_sentence({}) == ""


@pytest.mark.parametrize("mode", NORMALISATIONS)
def test_every_normalisation_has_words(mode: str) -> None:
    assert f"normalisation {mode}" not in protocol_sentence({"normalisation": mode})
