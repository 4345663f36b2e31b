"""What a kind of one's own gets to train its networks with. Training itself is in test_training.py and in tests/jobs."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from hdray.config.tree import Config
from hdray.fields.kind import Network
from hdray.fields.kinds import KINDS
from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GenerateSettings
from hdray.pipeline import networks
from hdray.signals.animation import frame_times
from hdray.signals.settings import OccupancySettings

OWN = replace(KINDS["mlp"], name="own", network=Network(name="own", keys=(), trainee=lambda *given: given))
"""Whose trainee is what it was given."""


@pytest.mark.parametrize("frames", [0, 3])
def test_a_trainee_of_ones_own_gets_points_and_the_times_of_frames(
    monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    monkeypatch.setattr(networks, "read_points", lambda directory, ids: (directory.url, ids))
    signal = OccupancySettings(frames=frames)
    generate = GenerateSettings(mesh_format="glb" if frames else "ply")
    config = Config(seed=7, signal=signal, generate=generate, field=FieldSettings(kind=f"{__name__}:OWN"))
    given: Any = networks.StoredPointsTrainee(config, "points", ("a", "b"))()
    *others, times = given
    assert others == [("points", ("a", "b")), config.field, config.shared, 7]
    if frames:
        assert torch.equal(times, torch.from_numpy(frame_times(signal))) and times.shape == (3,)
    else:
        assert times is None
