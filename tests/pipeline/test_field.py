"""The file of what a run's vectors have in common: what is told of it afterwards."""

from pathlib import Path

import pytest
import torch

from hdray.config.tree import Config
from hdray.fields.kind import Kind, Network
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.pipeline import shared
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import initialisation_url, read_shared, shared_entries
from hdray.pipeline.run_directory import RunDirectory

OWN = Kind(
    name="own",
    build=lambda settings, tensors, domain: MLPField(settings, domain.dimension),
    draw=lambda settings, generator, dimension: {"centres": torch.rand(5, dimension, generator=generator)},
    network=Network(name="own", keys=lambda settings: ()),
)
DRAWN = Kind(name="drawn", build=OWN.build, draw=OWN.draw)


@pytest.mark.parametrize(("kind", "entries"), [("OWN", 7), ("DRAWN", 0)])
def test_what_is_drawn_is_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, entries: int) -> None:
    monkeypatch.setattr(shared, "ensure_networks", lambda *arguments: {"base": torch.ones(7)})
    field = FieldSettings(kind=f"{__name__}:{kind}", width=8, layers=1)
    config = Config(run=str(tmp_path), field=field, fit=FitSettings(initialisation="random"))
    run = RunDirectory(config.run)
    shared.ensure_initialisation(run, config, [], run, Resources(1, 1, 0.0))
    assert shared_entries(run) == entries
    found = read_shared(initialisation_url(run))
    assert found["centres"].shape == (5, 3) and found.keys() == {"centres"} | ({"base"} if entries else set())
