"""What decides whether two runs can share a network, and which kinds have masks."""

import dataclasses

import pytest
import torch

from hdray.fields.kinds import KINDS, name_keys
from hdray.fields.settings import FieldSettings
from hdray.fields.sharing import draw_shared, network_keys, shares

TRAINED = ("lora", "mlora", "mnif")


def test_low_rank_kinds_adapt_one_network_however_they_adapt_it() -> None:
    base = FieldSettings(kind="lora")
    keys = network_keys(base)
    for other in ({"kind": "mlora"}, {"rank": 7}, {"asymmetric": True}, {"gauge": True}, {"lora_start": "normal"}):
        assert network_keys(dataclasses.replace(base, **other)) == keys
    for other in ({"width": 64}, {"blocks": 2}, {"latent": 9}, {"omega": 2.0}, {"mapping_layers": 1}):
        assert network_keys(dataclasses.replace(base, **other)) != keys
    mixture = FieldSettings(kind="mnif")
    assert network_keys(mixture) not in (keys, network_keys(dataclasses.replace(mixture, bases=3)))


@pytest.mark.parametrize("kind", KINDS)
def test_who_shares_what(kind: str) -> None:
    for asymmetric in (False, True):
        settings = FieldSettings(kind=kind, asymmetric=asymmetric, width=16, blocks=1)
        masks = draw_shared(settings, torch.Generator().manual_seed(0))
        assert bool(masks) == (asymmetric and kind in ("fourier-mlp", "lora", "mlora"))
        assert shares(settings) == (bool(masks) or kind in TRAINED)
        assert bool(network_keys(settings)) == (kind in TRAINED)
        # As in runs made before there were kinds of other people's.
        assert name_keys(kind) == {} and not {"field.kind", "field.kind.name"} & network_keys(settings).keys()
