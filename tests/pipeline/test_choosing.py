"""By what trials are chosen is said once."""

from dataclasses import replace
from pathlib import Path

import pytest

from hdray.config.search import Stop
from hdray.errors import UserError
from hdray.pipeline.choosing import keep_choosing
from tests.pipeline.searches import SEARCH
from tests.pipeline.test_sweep import SWEEP

HALVED = replace(SWEEP, stop=Stop(10, 2), objective="mmd_cd")


@pytest.mark.parametrize(
    ("begun", "now", "words"),
    [
        (SEARCH, replace(SEARCH, stop=Stop(5, 2)), r"\(stop of the space changed\)"),
        (SEARCH, replace(SEARCH, stop=None), r"\(stop of the space changed\)"),
        (SEARCH, replace(SEARCH, metrics={"mmd_cd": "lower", "nna_cd": "half"}), r"\(metrics of the space changed\)"),
        (HALVED, replace(HALVED, objective="nna_cd"), r"\(objective of the space changed\)"),
        (HALVED, replace(HALVED, stop=Stop(10, 3)), r"\(stop of the space changed\)"),
        (HALVED, SWEEP, "search and stop of the space were taken out"),
    ],
)
def test_another_choice_is_refused(tmp_path: Path, begun, now, words: str) -> None:
    url = str(tmp_path)
    keep_choosing(begun, url)
    keep_choosing(begun, url)
    with pytest.raises(UserError, match=words):
        keep_choosing(now, url)


def test_a_grid_may_not_be_stopped_early_when_it_has_begun(tmp_path: Path) -> None:
    url = str(tmp_path)
    keep_choosing(SWEEP, url)
    keep_choosing(HALVED, url)
    (tmp_path / "search.json").unlink()
    (tmp_path / "trials").mkdir()
    with pytest.raises(UserError, match="there was neither search nor stop"):
        keep_choosing(HALVED, url)
    keep_choosing(SWEEP, url)
