"""The actor that fits shapes: with what it calls the fitting itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hdray.config.tree import Config
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.pipeline import fitting
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import ensure_initialisation


class Stop(Exception):
    """Nothing is fitted here."""


@pytest.mark.parametrize("initialisation", ["random", "independent"])
def test_another_seed_of_fits_has_other_starts_and_other_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, initialisation: str
) -> None:
    starts, seeds = [], []

    def represent(field: Any, points: Any, labels: Any, surface: Any, start: Any, *more: Any) -> None:
        starts.append(torch.as_tensor(start))
        seeds.append(more[2])
        raise Stop

    monkeypatch.setattr(fitting, "represent", represent)
    monkeypatch.setattr(fitting, "stack", lambda rows, name: np.zeros((len(rows), 2)))
    for folder, seed in (("first", 0), ("second", 1), ("again", 1)):
        config = Config(
            run=str(tmp_path / folder),
            field=FieldSettings(width=8, layers=1),
            fit=FitSettings(initialisation=initialisation, seed=seed),
        )
        run = RunDirectory(config.run)
        ensure_initialisation(run, config, [], None, {}, Resources(1, 1, 0.0))
        with pytest.raises(Stop):
            fitting.FittingActor(config, initialisation_url(run)).fit_rows([{"id": "a"}])
    assert seeds[0] != seeds[1] == seeds[2] == config.fit_seed
    assert not torch.equal(starts[0], starts[1]) and torch.equal(starts[1], starts[2])
