"""The file of what a run's vectors have in common: what is told of it afterwards."""

from pathlib import Path

import pytest
import torch

from hdray.config.tree import Config
from hdray.fields.kind import Kind, Network
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import entries, initialisation_url, read_shared
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import ensure_initialisation, read_initialisation

OWN = Kind(
    name="own",
    build=lambda settings, tensors, domain: MLPField(settings, domain.dimension),
    draw=lambda settings, generator, dimension: {"centres": torch.rand(5, dimension, generator=generator)},
    network=Network(name="own", keys=lambda settings: ()),
)
DRAWN = Kind(name="drawn", build=OWN.build, draw=OWN.draw)


@pytest.mark.parametrize(("kind", "size"), [("OWN", 7), ("DRAWN", 0)])
def test_what_is_drawn_is_no_network(tmp_path: Path, kind: str, size: int) -> None:
    field = FieldSettings(kind=f"{__name__}:{kind}", width=8, layers=1)
    config = Config(run=str(tmp_path), field=field, fit=FitSettings(initialisation="random"))
    run = RunDirectory(config.run)
    networks = {"base": torch.ones(size)} if size else {}
    ensure_initialisation(run, config, [], run, networks, Resources(1, 1, 0.0))
    start, _ = read_initialisation(initialisation_url(run))
    assert entries(run) == (start.numel(), size)
    found = read_shared(initialisation_url(run))
    assert found["centres"].shape == (5, 3) and found.keys() == {"centres"} | ({"base"} if size else set())


def test_another_seed_of_fits_starts_elsewhere_among_the_same_draws(tmp_path: Path) -> None:
    field = FieldSettings(kind=f"{__name__}:DRAWN", width=8, layers=1)
    found = []
    for seed in (0, 1, 2):
        fit = FitSettings(initialisation="random", seed=seed)
        config = Config(run=str(tmp_path / str(seed)), field=field, fit=fit)
        run = RunDirectory(config.run)
        ensure_initialisation(run, config, [], run, {}, Resources(1, 1, 0.0))
        url = initialisation_url(run)
        found.append((read_initialisation(url)[0], read_shared(url)["centres"]))
    (first, centres), *others = found
    assert all(torch.equal(other, centres) for _, other in others)
    assert not torch.equal(first, others[0][0]) and not torch.equal(others[0][0], others[1][0])
