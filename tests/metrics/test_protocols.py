import json
from dataclasses import fields, replace

import pytest

from hdray.errors import UserError
from hdray.metrics.feature_network import NETWORKS
from hdray.metrics.protocols import PROTOCOLS, Protocol, changed, protocol_named


def test_the_named_protocols_are_the_published_ones():
    assert set(PROTOCOLS) == {
        "none", "hyperdiffusion-code", "hyperdiffusion-paper", "hyperdiffusion-4d", "nef-gpt", "mlora",
    }  # fmt: skip
    code, paper = protocol_named("hyperdiffusion-code"), protocol_named("hyperdiffusion-paper")
    assert (code.points, code.normalisation, code.squared, code.equal) == (2048, "std", True, True)
    assert (code.generated_factor, code.scale, paper.generated_factor, paper.scale) == (1.1, 1, 1, 100)
    assert (code.network, code.layer, code.feature_points, code.feature_normalisation) == (
        "pointnet2",
        "fc2",
        2048,
        "std",
    )
    gpt, mlora, none = protocol_named("nef-gpt"), protocol_named("mlora"), protocol_named("none")
    assert (gpt.shapes, gpt.draws, gpt.equal) == (32, 32, False)
    assert (mlora.shapes, mlora.draws, mlora.features_scaled) == (2048, 1, True)
    moving = protocol_named("hyperdiffusion-4d")
    assert (moving.frames, moving.points, moving.normalisation, moving.squared) == (16, 2048, "extent", True)
    assert (moving.equal, moving.generated_factor, moving.scale, moving.network) == (True, 1, 1, "")
    assert (code.frames, none.frames) == (0, None)
    assert (none.points, none.shapes, none.normalisation, none.squared, none.scale) == (0, 0, "none", True, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_each_can_be_written_and_carried_out(protocol: Protocol):
    written = json.loads(json.dumps(protocol.as_dict()))
    assert Protocol(**written) == protocol
    assert set(written) == {field.name for field in fields(Protocol)}
    assert protocol.source
    assert not protocol.network or protocol.layer in NETWORKS[protocol.network][1]


def test_a_changed_protocol_does_not_keep_the_published_name():
    code = protocol_named("hyperdiffusion-code")
    fewer = changed(code, 512, None)
    assert fewer.name == "hyperdiffusion-code, changed to 512 points"
    assert (fewer.points, fewer.feature_points, fewer.normalisation) == (512, 512, "std")
    assert changed(code, None, 128) == replace(code, name="hyperdiffusion-code, with EMD of 128 points", emd_points=128)
    assert changed(code, 2048, 0 or None) == code
    assert changed(protocol_named("none"), 64, 32).name == "none, changed to 64 points, with EMD of 32 points"
    moving = protocol_named("hyperdiffusion-4d")
    assert changed(moving, None, None, 16) == moving
    assert changed(moving, 64, None, 4).name == "hyperdiffusion-4d, changed to 4 frames, changed to 64 points"
    assert changed(protocol_named("none"), None, None, 4).frames == 4


def test_what_is_no_protocol():
    with pytest.raises(UserError, match="--protocol hyperdifusion is not known; the protocols are none, hyper"):
        protocol_named("hyperdifusion")
    with pytest.raises(UserError, match="--points 0 is not accepted"):
        changed(protocol_named("none"), 0, None)
    with pytest.raises(UserError, match="--emd-points 4096 is more than the 2048 points"):
        changed(protocol_named("mlora"), None, 4096)
    with pytest.raises(UserError, match="--frames 1 is not accepted"):
        changed(protocol_named("none"), None, None, 1)
    with pytest.raises(UserError, match="--frames 8: the protocol mlora compares still shapes"):
        changed(protocol_named("mlora"), None, None, 8)
    for protocol, frames in (("hyperdiffusion-4d", None), ("none", 8)):
        with pytest.raises(UserError, match="--emd-points 64: the earth mover's distance is one of still shapes"):
            changed(protocol_named(protocol), None, 64, frames)
    for wrong in (
        {"normalisation": "unit"},
        {"draws": 2},
        {"points": 10, "emd_points": 11},
        {"frames": 2, "emd_points": 1},
    ):
        with pytest.raises(ValueError, match="the protocol mine"):
            Protocol(name="mine", source="", **wrong)
