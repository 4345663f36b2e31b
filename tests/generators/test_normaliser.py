"""Normalisation: what it makes of vectors, and that it comes back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hdray.generators.normaliser import Normaliser

MODES = ("none", "scalar", "token", "dimension")
SIZES = (3, 1, 2)
values = st.floats(-100, 100, width=32).map(lambda value: round(value, 3))


@st.composite
def tables(draw: st.DrawFn) -> Tensor:
    """(N, 6) vectors, some columns constant."""
    rows = draw(st.integers(1, 6))
    columns = [
        [draw(values)] * rows if draw(st.booleans()) else draw(st.lists(values, min_size=rows, max_size=rows))
        for _ in range(6)
    ]
    return torch.tensor(columns, dtype=torch.float32).T.contiguous()


@given(tables(), st.sampled_from(MODES), st.none() | st.lists(values, min_size=6, max_size=6))
def test_there_and_back(theta: Tensor, mode: str, reference: list[float] | None) -> None:
    start = None if reference is None else torch.tensor(reference, dtype=torch.float32)
    normaliser = Normaliser.fit(theta, SIZES, mode, start)
    normalised = normaliser.forward(theta)
    assert torch.isfinite(normalised).all()
    torch.testing.assert_close(normaliser.backward(normalised), theta, atol=1e-4, rtol=1e-5)
    constant = (theta == theta[0]).all(dim=0)
    if mode != "none":
        # Constants are nothing to learn, and come back exactly whatever a network makes of them.
        assert not normalised[:, constant].any()
        noise = torch.full_like(theta, torch.nan)
        assert torch.equal(normaliser.backward(noise)[:, constant], theta[:, constant])


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_statistics_are_those_of_numpy(mode: str, delta: bool) -> None:
    theta = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7) + 2
    reference = torch.arange(6).float() if delta else torch.zeros(6)
    moved = (theta - reference).double().numpy()
    blocks: dict[str, list[list[int]]] = {
        "none": [],
        "scalar": [[*range(6)]],
        "token": [[0, 1, 2], [3], [4, 5]],
        "dimension": [[i] for i in range(6)],
    }
    expected = moved.copy()
    for block in blocks[mode]:
        part = moved[:, block]
        expected[:, block] = (part - part.mean()) / np.std(part)
    normaliser = Normaliser.fit(theta, SIZES, mode, reference if delta else None)
    np.testing.assert_allclose(normaliser.forward(theta).numpy(), expected, atol=1e-4)


def test_vectors_are_not_normalised_as_published() -> None:
    theta = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    theta[:, 2] = 0.5
    assert torch.equal(Normaliser.fit(theta, SIZES, "none", None).forward(theta), theta)


def test_blocks_of_rows_do_not_change_the_statistics() -> None:
    theta = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0)) + 100
    deviation = theta.double().std(dim=0, correction=0).float()
    wide = torch.cat([theta, torch.zeros(5000, 9994)], dim=1)  # wide enough for several blocks
    assert torch.allclose(Normaliser.fit(wide, (10_000,), "dimension", None).scale[:6], deviation, rtol=1e-6)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="one of none, scalar, token, dimension"):
        Normaliser.fit(torch.zeros(2, 6), SIZES, "other", None)
