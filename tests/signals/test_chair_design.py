"""What a chair's design says of it, and that designs never change."""

import hashlib

import numpy as np
import pytest

from hdray.signals.chair_design import PARTS, combination, design, parts_of
from hdray.signals.chairs import chair

# Of chair:00000 to chair:00063, in whole micrometres, from before designs had a file of their own.
GOLDEN = {0: "5c66a861019e06ac9c52ea1071ae44c3", 1: "ea1af568b7a626e83f474a09a7d1f882"}


@pytest.mark.parametrize("seed", GOLDEN)
def test_chairs_stay_what_they_were(seed: int) -> None:
    digest = hashlib.blake2b(digest_size=16)
    for number in range(64):
        mesh = chair(seed, f"chair:{number:05d}")
        digest.update(np.round(mesh.vertices * 1e6).astype("<i8").tobytes())
        digest.update(mesh.faces.astype("<i8").tobytes())
    assert digest.hexdigest() == GOLDEN[seed]


def test_parts_are_as_frequent_as_they_say_and_independent() -> None:
    shown = np.array([[part in parts_of(0, f"chair:{n:05d}") for part in PARTS] for n in range(4_000)])
    # Four standard errors at 4,000 are 0.032.
    np.testing.assert_allclose(shown.mean(axis=0), [0.40, 0.45, 0.30], atol=0.032)
    np.testing.assert_allclose(np.corrcoef(shown.T), np.eye(len(PARTS)), atol=0.064)
    both = shown[:, PARTS.index("arms")] & shown[:, PARTS.index("stretchers")]
    assert both.mean() == pytest.approx(0.18, abs=0.025)


def test_parts_are_what_the_mesh_has() -> None:
    """An arm adds two beams a side, stretchers two or three beams: components of the mesh can be counted."""
    from hdray.signals.patches import connected

    for number in range(60):
        name = f"chair:{number:05d}"
        drawn, mesh = design(0, name), chair(0, name)
        bars = 0 if drawn.stretchers is None else 2 + drawn.stretchers.crossbar
        back = {"solid": 1, "panel": 4}.get(drawn.back.style, 3 + drawn.back.count)
        components = connected(mesh.faces, len(mesh.vertices)).max() + 1
        assert components == 4 + 1 + bars + back + (4 if "arms" in parts_of(0, name) else 0)
        assert ("stretchers" in drawn.parts) == (bars > 0)


def test_a_combination_is_of_parts_that_exist() -> None:
    assert combination("arms+stretchers") == combination(" stretchers + arms") == {"arms", "stretchers"}
    for wrong, words in (
        ("arms+wings", "'wings' is no part of a chair; the parts are arms, stretchers, bulge"),
        ("arms+", "'' is no part"),
        ("arms", "two or more different parts"),
        ("arms+arms", "two or more different parts"),
        ("arms+bulge+arms", "two or more different parts"),
    ):
        with pytest.raises(ValueError, match=words):
            combination(wrong)
