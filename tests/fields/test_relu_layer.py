"""The ReLU layer against torch's own operations, value and gradients."""

import pytest
import torch

from hdray.fields.relu_layer import relu_layer


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_value_and_gradients_are_those_of_plain_operations(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 40, 8), (3, 16, 8), (3, 16))
    parts = [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]
    slope = torch.randn(3, 40, 16, generator=generator).to(dtype)
    ours = [part.clone().requires_grad_() for part in parts]
    plain = [part.double().requires_grad_() for part in parts]
    got = relu_layer(*ours)
    expected = torch.relu(plain[0] @ plain[1].transpose(1, 2) + plain[2].unsqueeze(1))
    assert got.dtype == dtype and (got == 0).any()
    close = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {"rtol": 0.02, "atol": 0.1}
    torch.testing.assert_close(got.double(), expected, **close)
    # Where rounding decides on which side of zero a sum falls the slopes differ; none does here.
    assert torch.equal(got > 0, expected > 0)
    got.backward(slope)
    expected.backward(slope.double())
    for mine, theirs in zip(ours, plain, strict=True):
        assert mine.grad is not None and theirs.grad is not None
        torch.testing.assert_close(mine.grad.double(), theirs.grad, **close)


def test_a_slope_that_two_branches_share_is_left_as_it_is() -> None:
    """A residual block hands the same slope to its layers and past them."""
    inputs, weight, bias = torch.randn(1, 32, 8), torch.randn(1, 8, 8), torch.randn(1, 8)
    inputs.requires_grad_()
    (inputs + relu_layer(inputs, weight, bias)).sum().backward()
    mask = (inputs.detach() @ weight.transpose(1, 2) + bias.unsqueeze(1) > 0).float()
    assert inputs.grad is not None
    torch.testing.assert_close(inputs.grad, 1 + mask @ weight)
