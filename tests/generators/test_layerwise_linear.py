import torch
from torch.nn import functional

from hdray.generators.layerwise_linear import LayerwiseLinear
from hdray.generators.optimiser import parameter_groups
from hdray.generators.settings import TrainSettings


def test_each_layer_has_a_linear_of_its_own() -> None:
    module = LayerwiseLinear(3, 5, 2)
    module.initialise(torch.Generator().manual_seed(0), 0.5)
    tokens = torch.randn(4, 3, 6, 5, generator=torch.Generator().manual_seed(1))
    expected = [functional.linear(tokens[:, layer], module.weight[layer].T) for layer in range(3)]
    torch.testing.assert_close(module(tokens), torch.stack(expected, dim=1))
    assert not torch.allclose(module.weight[0], module.weight[1])


def test_its_matrices_decay_as_those_of_other_layers() -> None:
    groups = parameter_groups(LayerwiseLinear(3, 5, 2), TrainSettings(weight_decay=0.1))
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(1, 0.1)]
