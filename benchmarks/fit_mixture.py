"""Batched adaptation of mNIF latents against the plain way: a loop over shapes, each an ordinary PyTorch network.

Both sides take the published three steps from zero on the same number of points of the same procedural chairs, through
the same bases (mNIF (S) for shapes: 256 of 16,961 weights, latents of 512), in turns. In the loop a shape's averaged
network is built by einsum and evaluated layer by layer, and autograd follows the steps, in float32; ours multiplies in bf16
where the hardware does. The bases are drawn and not trained, which changes no cost. Milliseconds per shape.
"""

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from hdray.fields.mixture_bases import MixtureBases
from hdray.fields.settings import FieldSettings
from hdray.fields.siren_mixture import SirenMixture
from hdray.fitting.adaptation import adapt
from hdray.fitting.draws import Draws, instance_keys
from hdray.fitting.precision import resolve
from hdray.fitting.settings import FitSettings
from hdray.signals.chairs import chair
from hdray.signals.occupancy import MeshOccupancy
from hdray.signals.placement import place
from hdray.signals.points import decode
from hdray.signals.settings import OccupancySettings

SHAPES = 16
POINTS = 4_096
ROUNDS = 15
MIXTURE = FieldSettings(kind="mnif", width=64, layers=5, bases=256, context=512, siren_frequency=50.0)
SETTINGS = FitSettings(batch_size=SHAPES, points_per_step=POINTS)
SIGNAL = OccupancySettings(uniform_points=8_192, near_points=8_192)


def measure() -> dict[str, float]:
    """Milliseconds per shape: {"ours", "baseline", "ratio"}. Raises AssertionError where the latents differ."""
    bases = MixtureBases(MIXTURE)
    bases.initialise(torch.Generator().manual_seed(0))
    shared = {name: parameter.detach() for name, parameter in bases.named_parameters()}
    field = SirenMixture(MIXTURE, {**shared, "rates": torch.full((MIXTURE.context,), 1e-3)})
    names = [f"chair {number}" for number in range(SHAPES)]
    samples = [MeshOccupancy(place(chair(0, name), SIGNAL.normalisation), [], SIGNAL).sample(0, name) for name in names]
    points = torch.from_numpy(np.stack([sample.points for sample in samples]))
    labels = torch.from_numpy(np.stack([sample.labels for sample in samples]))
    drawn, targets = Draws(points, labels, instance_keys(names, 0), SHAPES, POINTS, torch.device("cpu")).at(0)
    coords, inside = decode(drawn.to(torch.uint16)), targets.float()

    adapt(field, points, labels, SETTINGS, names, 0)  # warm up: libraries choose their kernels on first use
    _plain(field, coords[0], inside[0])
    ours: list[float] = []
    baseline: list[float] = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        batched = adapt(field, points, labels, SETTINGS, names, 0).theta
        middle = time.perf_counter()
        looped = torch.stack([_plain(field, coords[shape], inside[shape]) for shape in range(SHAPES)])
        ours.append((middle - begin) * 1e3 / SHAPES)
        baseline.append((time.perf_counter() - middle) * 1e3 / SHAPES)
        torch.testing.assert_close(batched, looped, atol=0.02 * float(looped.abs().max()), rtol=0)
    print(
        f"fit_mixture: {SHAPES} chairs, {MIXTURE.inner_steps} steps of {POINTS} points, "
        f"{torch.get_num_threads()} threads, {resolve(SETTINGS.precision, 'cpu')} against fp32"
    )
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    return result | {"ratio": result["baseline"] / result["ours"]}


def _plain(field: SirenMixture, coords: Tensor, inside: Tensor) -> Tensor:
    """The latent (H,) of one shape's coords (P, 3) and labels (P,), the usual way."""
    settings, shared = field.settings, field.shared
    latent = torch.zeros(settings.context, requires_grad=True)
    for _ in range(settings.inner_steps):
        mixed = torch.nn.functional.linear(latent, shared["projection.weight"], shared["projection.bias"])
        mixture = mixed.view(settings.layers + 1, settings.bases)
        hidden = 2 * coords
        for layer in range(settings.layers + 1):
            weight = torch.einsum("m,moi->oi", mixture[layer], shared[f"bases.{layer}.weight"])
            bias = torch.einsum("m,mo->o", mixture[layer], shared[f"bases.{layer}.bias"])
            hidden = torch.sin(settings.siren_frequency * torch.nn.functional.linear(hidden, weight, bias))
        loss = (hidden.squeeze(1) - (2 * inside - 1)).square().mean()
        (gradient,) = torch.autograd.grad(loss, latent)
        latent = (latent - shared["rates"] * gradient).detach().requires_grad_()
    return latent.detach()


if __name__ == "__main__":
    print(measure())
