"""A fully connected ReLU layer of K instances at once, as one differentiable operation.

Elementwise passes over activations cost as much time as they move bytes, and bf16 arithmetic converts each number besides.
Here the ReLU works in place and its mask is applied in one pass, both on integers of the floats' width, which have the same
signs; the slope of the bias is a matrix product. The same is done by hand in mlp_gradient.py.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from hdray.fields.mlp_gradient import BITS


class _ReLULayer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        outputs = torch.baddbmm(bias.unsqueeze(1), inputs, weight.transpose(1, 2))
        outputs.view(BITS[outputs.dtype]).clamp_min_(0)
        ctx.save_for_backward(inputs, weight, outputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        inputs, weight, outputs = ctx.saved_tensors
        bits = BITS[outputs.dtype]
        masked = torch.empty_like(outputs)
        torch.ops.aten.threshold_backward.grad_input(
            slope.contiguous().view(bits), outputs.view(bits), 0, grad_input=masked.view(bits)
        )
        of_inputs, of_weight, of_bias = ctx.needs_input_grad
        ones = masked.new_ones(len(masked), 1, masked.shape[1]) if of_bias else None
        return (
            torch.bmm(masked, weight) if of_inputs else None,
            torch.bmm(masked.transpose(1, 2), inputs) if of_weight else None,
            None if ones is None else torch.bmm(ones, masked).squeeze(1),
        )


def relu_layer(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """relu(W x + b): (K, P, O) of inputs (K, P, I), weights (K, O, I) and biases (K, O), all fp32 or all bf16.

    Differentiable once.
    """
    return _ReLULayer.apply(inputs, weight, bias)
