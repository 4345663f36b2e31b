"""The gradient of low-rank adaptation against automatic differentiation in float64 of the definition, and its groups."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from hdray.fields import lora_gradient
from hdray.fields.base_network import BaseNetwork
from hdray.fields.lora import LoRAField
from hdray.fields.mlp_gradient import losses
from hdray.fields.settings import FieldSettings
from tests.fields.test_autograd_gradient import LEVELS, example
from tests.fields.test_lora import BOTH, SMALL, field_of, shared_of, vectors


def loss_by_definition(field: LoRAField, theta: Tensor, codes: Tensor, inside: Tensor) -> Tensor:
    """Mean cross entropy of one vector (D,) float64 at points given as codes (P, 3), with labels (P,)."""
    shared = shared_of(field.settings, field.multiplicative)
    base = BaseNetwork(field.settings)
    base.load_state_dict({name: tensor for name, tensor in shared.items() if not name.startswith("masks.")})
    matrices = base.weights(base.latent.unsqueeze(0))[0].detach().double()
    template = field.frozen.values[: field.frozen.whole.size].double()
    whole = template.index_copy(0, field.frozen.free, theta)
    own = dict(zip([piece.name for piece in field.frozen.whole], field.frozen.whole.split(whole), strict=True))

    def layer(number: int, hidden: Tensor) -> Tensor:
        product = own[f"layers.{number}.b"].T @ own[f"layers.{number}.a"]
        matrix = matrices[number - 1]
        adapted = matrix * product if field.multiplicative else matrix + product
        return torch.relu(hidden @ adapted.T + base.biases[number - 1].detach().double())

    weight = own.get("fourier.weight", shared["fourier.weight"].double())
    coords = LEVELS[codes].double()
    hidden = layer(1, torch.sin(field.settings.omega * (coords @ weight.T + own["fourier.bias"])))
    for first in range(2, len(matrices), 2):
        hidden = hidden + layer(first + 1, layer(first, hidden))
    logits = hidden @ shared["output.weight"].double().T + shared["output.bias"].double()
    return binary_cross_entropy_with_logits(logits.squeeze(-1), inside)


@BOTH
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("blocks", [1, 2])
def test_gradient_is_that_of_the_definition(multiplicative: bool, asymmetric: bool, blocks: int) -> None:
    field = field_of(multiplicative, asymmetric=asymmetric, blocks=blocks)
    theta = vectors(field, 3)
    codes, inside = example(3, 50)
    gradient = torch.full((3, field.layout.size + 5), torch.nan)
    padded = torch.nn.functional.pad(theta, (0, 5))
    probability = field.gradient(3, 50, LEVELS, "fp32", "cpu")(padded, codes, inside, gradient)
    for row in range(3):
        vector = theta[row].double().requires_grad_()
        expected = loss_by_definition(field, vector, codes[row], inside[row])
        (slope,) = torch.autograd.grad(expected, vector)
        torch.testing.assert_close(losses(probability, inside)[row], expected.detach(), rtol=1e-4, atol=0)
        torch.testing.assert_close(gradient[row, :-5].double(), slope, rtol=2e-3, atol=2e-5)
    assert gradient[:, -5:].isnan().all(), "what fills rows is not touched"


def test_groups_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six instances at once, in pairs and one by one, and each at another place."""
    field = field_of(True, width=64, blocks=2)
    theta = vectors(field, 6)
    codes, inside = example(6, 200)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    for entries, group in ((2**19, 6), (2 * 224 * 64, 2), (1, 1)):
        monkeypatch.setattr(lora_gradient, "GROUP_ENTRIES", entries)
        compute = field.gradient(6, 200, LEVELS, "fp32", "cpu")
        assert compute.group == group
        gradient, moved = torch.zeros_like(theta), torch.zeros_like(theta)
        probability = compute(theta, codes, inside, gradient).clone()
        again = compute(theta[order], codes[order], inside[order], moved)
        assert torch.equal(moved, gradient[order]) and torch.equal(again, probability[order])


def test_groups_are_of_one_size() -> None:
    """No group of fewer, whose numbers might come from another kernel: 5 does not divide into pairs, 9 into threes."""
    field = LoRAField(settings := FieldSettings(**SMALL), True, shared_of(settings, True))
    per_instance = 64 * 32
    most = lora_gradient.GROUP_ENTRIES // per_instance
    for slots in (most, 2 * most, 2 * most + 1, 3 * most):
        group = field.gradient(slots, 64, LEVELS, "fp32", "cpu").group
        assert slots % group == 0 and group <= most


def test_a_field_of_several_channels_has_no_occupancy_loss() -> None:
    settings = FieldSettings(**SMALL)
    field = LoRAField(settings, True, shared_of(settings, True, channels=3), channels=3)
    with pytest.raises(ValueError, match="need a field of 1 channel, not 3"):
        field.gradient(1, 8, LEVELS, "fp32", "cpu")
