import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.metrics.feature_network import MODELNET40, extract_features, network_of, read_weights, turned
from hdray.metrics.normalise import normalise
from hdray.metrics.pointnet import PointNet


def saved(content: object) -> bytes:
    sink = io.BytesIO()
    torch.save(content, sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return PointNet().state_dict()


def clouds(count: int) -> torch.Tensor:
    return torch.rand(count, 64, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1


def test_weights_come_with_the_hash_of_their_file(state: dict[str, torch.Tensor], tmp_path: Path):
    content = saved(state)
    (tmp_path / "weights.pth").write_bytes(content)
    source = str(tmp_path / "weights.pth")
    network = network_of("pointnet", read_weights(source), source)
    assert network.sha256 == hashlib.sha256(content).hexdigest()
    assert not network.module.training
    torch.testing.assert_close(network.module.state_dict()["linear3.bias"], state["linear3.bias"])


def test_checkpoints_of_training_runs_load_and_the_old_file_format(state: dict[str, torch.Tensor]):
    checkpoint = {"epoch": 3, "instance_acc": np.float64(0.92), "model_state_dict": state, "optimizer_state_dict": {}}
    old = io.BytesIO()
    torch.save(state, old, _use_new_zipfile_serialization=False)
    for content in (saved(checkpoint), saved({"state_dict": state}), old.getvalue()):
        loaded = network_of("pointnet", content, "here").module.state_dict()
        assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


class Harmful:
    """Unpickling one would run code."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("harmed"),)


def test_weights_that_cannot_be_used(state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"weights here are not those of pointnet .*weights_only"):
        network_of("pointnet", saved({"state_dict": state, "more": Harmful()}), "here")
    assert not Path("harmed").exists()
    with pytest.raises(UserError, match="not those of pointnet2"):
        network_of("pointnet2", saved(state), "here")
    for content in (b"", b"not a file of torch", saved([1, 2])):
        with pytest.raises(UserError, match="not those of pointnet"):
            network_of("pointnet", content, "here")
    with pytest.raises(UserError, match="cannot be read"):
        read_weights(str(tmp_path / "none.pth"))
    with pytest.raises(UserError, match="there are pointnet, pointnet2"):
        network_of("dgcnn", saved(state), "here")


def test_features_are_of_normalised_clouds_one_by_one(state: dict[str, torch.Tensor]):
    network = network_of("pointnet", saved(state), "here")
    some = clouds(20)
    found = extract_features(network, some, ("linear2", "logits"), "sphere")
    assert set(found) == {"linear2", "logits"}
    with torch.inference_mode():
        alone = network.module(normalise(some[7:8], "sphere"))["linear2"]
    torch.testing.assert_close(found["linear2"][7:8], alone, rtol=1e-4, atol=1e-6)
    moved = extract_features(network, some * 2 - 5, ("linear2",), "sphere")["linear2"]
    torch.testing.assert_close(moved, found["linear2"], rtol=1e-3, atol=1e-4)
    assert extract_features(network, some[:0], ("linear2",), "none")["linear2"].shape == (0, 256)
    with pytest.raises(ValueError, match="no layer 'fc2'; it has global, linear1"):
        extract_features(network, some, ("fc2",), "none")


def test_classes_are_in_alphabetical_order():
    assert len(MODELNET40) == 40
    assert list(MODELNET40) == sorted(MODELNET40)
    assert (MODELNET40.index("airplane"), MODELNET40.index("chair")) == (0, 8)


def test_turned_is_about_the_vertical():
    cloud = torch.tensor([[[1.0, 5, 0], [0, 0, 2]]])
    torch.testing.assert_close(turned(cloud, 180), torch.tensor([[[-1.0, 5, 0], [0, 0, -2]]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(turned(turned(cloud, 90), -90), cloud, atol=1e-6, rtol=0)
    torch.testing.assert_close(turned(cloud, 90), torch.tensor([[[0.0, 5, -1], [2, 0, 0]]]), atol=1e-6, rtol=0)
