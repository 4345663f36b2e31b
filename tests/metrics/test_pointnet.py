"""No trained weights are needed: with random ones the network is still the published one, computed here by numpy."""

import numpy as np
import pytest
import torch

from hdray.metrics.pointnet import LAYERS, PointNet


@pytest.fixture
def network() -> PointNet:
    torch.manual_seed(0)
    made = PointNet().eval()
    for name, buffer in made.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return made


def clouds(count: int, points: int = 100) -> torch.Tensor:
    return torch.rand(count, points, 3, generator=torch.Generator().manual_seed(0)) - 0.5


def by_numpy(state: dict[str, torch.Tensor], cloud: np.ndarray) -> dict[str, np.ndarray]:
    """The layers of one cloud (N, 3), from the state dict alone, in float64."""
    values = {name: tensor.double().numpy() for name, tensor in state.items()}

    def layer(hidden: np.ndarray, linear: str, norm: str) -> np.ndarray:
        weight = values[f"{linear}.weight"].reshape(len(values[f"{linear}.bias"]), -1)
        hidden = hidden @ weight.T + values[f"{linear}.bias"]
        scale = values[f"{norm}.weight"] / np.sqrt(values[f"{norm}.running_var"] + 1e-5)
        return np.maximum((hidden - values[f"{norm}.running_mean"]) * scale + values[f"{norm}.bias"], 0)

    hidden = cloud
    for number in range(1, 6):
        hidden = layer(hidden, f"feature_model.conv{number}", f"feature_model.bn{number}")
    pooled = hidden.max(axis=0)
    first = layer(pooled, "linear1", "bn1")
    second = layer(first, "linear2", "bn2")
    logits = second @ values["linear3.weight"].T + values["linear3.bias"]
    return {"global": pooled, "linear1": first, "linear2": second, "logits": logits}


def test_every_layer_is_the_published_one(network: PointNet):
    batch = clouds(2)
    with torch.inference_mode():
        found = network(batch)
    assert {name: values.shape for name, values in found.items()} == {name: (2, size) for name, size in LAYERS.items()}
    for row, cloud in enumerate(batch.double().numpy()):
        for name, values in by_numpy(network.state_dict(), cloud).items():
            np.testing.assert_allclose(found[name][row], values, rtol=1e-3, atol=1e-5, err_msg=name)


def test_parameters_have_the_published_names_and_shapes(network: PointNet):
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes["feature_model.conv1.weight"] == (64, 3, 1)
    assert shapes["feature_model.conv5.weight"] == (1024, 128, 1)
    assert shapes["feature_model.bn5.num_batches_tracked"] == ()
    assert shapes["linear1.weight"] == (512, 1024)
    assert shapes["bn2.running_var"] == (256,)
    assert shapes["linear3.weight"] == (40, 256)
    assert len(shapes) == 10 + 25 + 6 + 10


def test_order_of_the_points_and_copies_of_them_change_nothing(network: PointNet):
    batch = clouds(2)
    shuffled = batch[:, torch.randperm(100, generator=torch.Generator().manual_seed(1))]
    with torch.inference_mode():
        expected, found, doubled = network(batch), network(shuffled), network(torch.cat([batch, batch], dim=1))
    for name in LAYERS:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(doubled[name], expected[name], rtol=1e-4, atol=1e-6)
