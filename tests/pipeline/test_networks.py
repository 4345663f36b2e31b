"""What a kind of one's own gets to train its networks with, and what is said of training that fails.

Training itself is in test_training.py and in tests/jobs.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hdray.config.tree import Config
from hdray.fields.kind import Network
from hdray.fields.kinds import KINDS
from hdray.fields.settings import FieldSettings
from hdray.generators.settings import GenerateSettings
from hdray.pipeline import networks
from hdray.pipeline.cluster import Resources
from hdray.pipeline.inputs import Input
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.training import Training, diverged
from hdray.pipeline.training_state import Progress
from hdray.signals.animation import frame_times
from hdray.signals.settings import OccupancySettings

OWN = replace(
    KINDS["mlp"], name="own", network=Network(name="own", keys=lambda settings: (), trainee=lambda *given: given)
)
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


def test_divergence_names_the_keys_of_the_training_that_diverged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Stop(Exception):
        pass

    asked: list[Training] = []

    def train(trainings: list[Training], *others: object) -> None:
        asked.extend(trainings)
        raise Stop

    monkeypatch.setattr(networks, "train", train)
    config = Config(run=str(tmp_path), field=FieldSettings(kind=f"{__name__}:OWN"))
    item = Input(id="a", source="a.obj", split="train", category="a", family="a", modified=0)
    with pytest.raises(Stop):
        networks.ensure_networks(config, [item], RunDirectory(str(tmp_path)), Resources(1, 1, 0))
    (shared,) = asked
    progress = Progress(step=40, window_loss=math.nan, window_steps=20)
    said = diverged(shared, progress, "runs/a")
    for words in (
        "its loss is nan within the 20 steps before step 40",
        "shared.learning_rate (now 0.001)",
        "shared.clip = 1.0",
    ):
        assert words in said
    assert "train." not in said and "train.clip" in diverged(replace(shared, section="train"), progress, "runs/a")
