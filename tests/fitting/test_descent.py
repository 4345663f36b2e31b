"""Fitting: it learns, it equals a plain loop, and a vector depends on nothing but its own instance."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import parameters_to_vector

from hdray.fields.field import DescentField
from hdray.fields.lora import LoRAField
from hdray.fields.mlp import MLPField
from hdray.fields.settings import FieldSettings, MLPSettings
from hdray.fitting.descent import fit
from hdray.fitting.draws import Draws, instance_keys
from hdray.fitting.initialisation import independent_starts, random_start
from hdray.fitting.precision import has_bf16
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings
from hdray.signals.points import decode, unpack
from tests.fields.test_fourier_mlp import field_of as fourier_field_of
from tests.fields.test_lora import field_of as lora_field_of
from tests.fields.test_lora import shared_of as lora_shared_of
from tests.fields.test_mlp import plain_encoding, plain_module
from tests.fitting.shapes import ball, box, coded

SHAPES = [ball(0.3), box(0.8, 0.3, 0.5), ball(0.42), box(0.2, 0.9, 0.9), ball(0.2)]
NAMES = ["ball", "box", "big ball", "plate", "small ball"]
SMALL = MLPField(MLPSettings(width=16, layers=2, frequencies=2))
PRECISIONS = ["fp32", *(["bf16"] if has_bf16("cpu") else [])]
QUICK = FitSettings(batch_size=5, steps=12, points_per_step=200, precision="fp32")


def test_learns_shapes_it_can_be_asked_about() -> None:
    field = MLPField(MLPSettings(width=64))
    points, labels = coded(SHAPES, 8_000)
    fresh, fresh_labels = coded(SHAPES, 4_000, "held out")
    settings = replace(QUICK, steps=200, points_per_step=1_024, precision="auto")
    result = fit(field, points, labels, random_start(field, 0), settings, NAMES, 0)
    found = quality(field, result.theta, fresh, fresh_labels)
    assert result.theta.shape == (5, field.layout.size)
    assert found.iou.min() > 0.8
    assert result.steps.tolist() == [200] * 5


def test_equals_a_plain_loop_over_the_same_draws() -> None:
    points, labels = coded(SHAPES[:2], 2_000)
    start = random_start(SMALL, 0)
    result = fit(SMALL, points, labels, start, QUICK, NAMES[:2], 0)
    draws = Draws(points, labels, instance_keys(NAMES[:2], 0), 2, 200, torch.device("cpu"))
    for row in range(2):
        module = plain_module(SMALL.settings, start.clone())
        optimiser = torch.optim.Adam(module.parameters(), lr=QUICK.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=QUICK.steps)
        for step in range(QUICK.steps):
            places = draws.indices(step)[row]
            coords = decode(points[row])[places]
            targets = unpack(labels[row])[places].float()
            logits = module(plain_encoding(SMALL.settings, coords)).squeeze(-1)
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(logits, targets).backward()
            optimiser.step()
            schedule.step()
        expected = parameters_to_vector(module.parameters()).detach()
        # Adam divides by the gradient's size, so an entry whose gradient is nearly zero may go either way.
        assert (result.theta[row] - expected).abs().mean() < 1e-5
        torch.testing.assert_close(result.theta[row], expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
@hypothesis_settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(5)), kept=st.integers(1, 5))
def test_a_vector_is_the_instances_own(precision: str, schedule: str, order: list[int], kept: int) -> None:
    settings = replace(QUICK, precision=precision, schedule=schedule, steps=6, points_per_step=150)
    points, labels = coded(SHAPES, 400)
    start = random_start(SMALL, 0)
    reference = fit(SMALL, points, labels, start, settings, NAMES, 0)
    chosen = order[:kept]
    names = [NAMES[row] for row in chosen]
    result = fit(SMALL, points[chosen], labels[chosen], start, settings, names, 0)
    assert torch.equal(result.theta, reference.theta[chosen])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_published_network_is_independent_too(precision: str, threads: int) -> None:
    # Large enough that every kernel is shared between threads; three of them divide nothing evenly.
    field = MLPField(MLPSettings())
    settings = replace(QUICK, precision=precision, steps=2, points_per_step=2_048)
    points, labels = coded(SHAPES, 4_000)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        together = fit(field, points, labels, random_start(field, 0), settings, NAMES, 0)
        alone = fit(field, points[3:4], labels[3:4], random_start(field, 0), settings, NAMES[3:4], 0)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(together.theta[3], alone.theta[0])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("points", [7, 150, 256])
@pytest.mark.parametrize(
    "field",
    [
        fourier_field_of(FieldSettings(width=13, layers=2)),
        fourier_field_of(FieldSettings(width=99, asymmetric=True)),
        lora_field_of(False, width=19),
        lora_field_of(True, width=33, blocks=2, asymmetric=True),
    ],
    ids=["fourier-mlp", "fourier-mlp masked", "lora", "mlora masked"],
)
def test_vectors_of_other_networks_are_the_instances_own(field: DescentField, points: int, precision: str) -> None:
    """Widths and points that fill no vector register."""
    settings = replace(QUICK, precision=precision, steps=4, points_per_step=points)
    codes, labels = coded(SHAPES, 400)
    start = random_start(field, 0)
    reference = fit(field, codes, labels, start, settings, NAMES, 0).theta
    assert not torch.equal(reference[0], reference[1])
    for chosen in ([4, 3, 2, 1, 0], [2], [3, 0, 4], [1, 4]):
        names = [NAMES[row] for row in chosen]
        result = fit(field, codes[chosen], labels[chosen], start, settings, names, 0)
        assert torch.equal(result.theta, reference[chosen])


def test_a_fourier_mlp_learns_and_fitting_leaves_a_base_as_it_is() -> None:
    points, labels = coded(SHAPES, 8_000)
    fresh, fresh_labels = coded(SHAPES, 4_000, "held out")
    settings = replace(QUICK, steps=150, points_per_step=512, precision="auto", learning_rate=0.01)
    field = fourier_field_of(FieldSettings(width=48, omega=5.0))
    result = fit(field, points, labels, random_start(field, 0), settings, NAMES, 0)
    assert quality(field, result.theta, fresh, fresh_labels).iou.min() > 0.8

    low_rank = FieldSettings(width=32, blocks=1, omega=5.0, asymmetric=True)
    shared = lora_shared_of(low_rank, True)
    before = {name: tensor.clone() for name, tensor in shared.items()}
    adapting = LoRAField(low_rank, True, shared)
    matrices = adapting.adapted(adapting.frozen.complete(random_start(adapting, 0).unsqueeze(0)))
    result = fit(adapting, points, labels, random_start(adapting, 0), replace(settings, steps=20), NAMES, 0)
    assert all(torch.equal(shared[name], before[name]) for name in before)
    assert torch.equal(adapting.adapted(adapting.frozen.complete(random_start(adapting, 0).unsqueeze(0))), matrices)
    assert not torch.equal(result.theta[0], random_start(adapting, 0))


def test_each_instance_may_start_where_it_likes() -> None:
    points, labels = coded(SHAPES[:3], 400)
    starts = independent_starts(SMALL, NAMES[:3], 0)
    together = fit(SMALL, points, labels, starts, QUICK, NAMES[:3], 0)
    for row in range(3):
        alone = fit(SMALL, points[row : row + 1], labels[row : row + 1], starts[row], QUICK, NAMES[row : row + 1], 0)
        assert torch.equal(together.theta[row], alone.theta[0])
    with pytest.raises(ValueError, match=r"start has shape \(2, 545\); this field needs \(545,\) or \(3, 545\)"):
        fit(SMALL, points, labels, starts[:2], QUICK, NAMES[:3], 0)


def test_seed_and_id_change_the_vector() -> None:
    points, labels = coded(SHAPES[:1] * 2, 800)
    points[1], labels[1] = points[0], labels[0]
    start = random_start(SMALL, 0)
    result = fit(SMALL, points, labels, start, QUICK, ["a", "b"], 0)
    assert not torch.equal(result.theta[0], result.theta[1])
    again = fit(SMALL, points, labels, start, QUICK, ["a", "b"], 1)
    assert not torch.equal(result.theta[0], again.theta[0])


def test_plateau_stops_each_shape_by_itself() -> None:
    points, labels = coded(SHAPES, 800)
    settings = replace(QUICK, schedule="plateau", steps=400, stop_patience=3, plateau_patience=1, learning_rate=0.02)
    start = random_start(SMALL, 0)
    result = fit(SMALL, points, labels, start, settings, NAMES, 0)
    first, last = int(result.steps.argmin()), int(result.steps.argmax())
    steps = int(result.steps[first])
    assert 0 < steps < result.steps[last] <= 400
    # An epoch is 800 // 200 = 4 steps.
    assert (result.steps % 4 == 0).all()
    # Once stopped, a row stays: fitting only as long as it ran gives the same vector.
    shorter = fit(SMALL, points, labels, start, replace(settings, steps=steps), NAMES, 0)
    assert torch.equal(shorter.theta[first], result.theta[first])
    assert not torch.equal(shorter.theta[last], result.theta[last])


def test_plateau_ends_when_all_have_stopped() -> None:
    points, labels = coded(SHAPES[:1], 800)
    labels[0] = torch.randint(0, 256, labels[0].shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    settings = replace(QUICK, schedule="plateau", steps=100_000, stop_patience=2, learning_rate=0.05)
    result = fit(SMALL, points, labels, random_start(SMALL, 0), settings, NAMES[:1], 0)
    assert result.steps.item() < 5_000


def test_mismatched_arguments_are_named() -> None:
    points, labels = coded(SHAPES, 400)
    start = random_start(SMALL, 0)
    with pytest.raises(ValueError, match="between 1 and batch_size = 2"):
        fit(SMALL, points, labels, start, replace(QUICK, batch_size=2), NAMES, 0)
    with pytest.raises(ValueError, match=r"must be torch.uint16 \(5, N, 3\)"):
        fit(SMALL, points.to(torch.int32), labels, start, QUICK, NAMES, 0)
    with pytest.raises(ValueError, match=r"torch.uint8 \(5, 50\)"):
        fit(SMALL, points, labels[:, :-1], start, QUICK, NAMES, 0)
    with pytest.raises(ValueError, match="the start has shape"):
        fit(SMALL, points, labels, start[:-1], QUICK, NAMES, 0)


def test_learns_what_moves() -> None:
    """A ball that grows over four moments; the field is asked about each."""
    field = MLPField(MLPSettings(width=64), dimension=4)
    times = torch.tensor([-0.375, -0.125, 0.125, 0.375])
    balls = [ball(radius) for radius in (0.15, 0.25, 0.35, 0.45)]

    def moving(purpose: str) -> tuple[torch.Tensor, torch.Tensor]:
        points, labels = coded(balls, 4_000, purpose)
        return points.reshape(1, -1, 3), labels.reshape(1, -1)

    settings = replace(QUICK, batch_size=2, steps=250, points_per_step=1_024, precision="auto")
    result = fit(field, *moving("points"), random_start(field, 0), settings, ["ball"], 0, times=times)
    found = quality(field, result.theta, *moving("held out"), times=times)
    assert found.iou.item() > 0.9
    backwards = quality(field, result.theta, *moving("held out"), times=times.flip(0))
    assert backwards.iou.item() < 0.6, "time matters"


def test_a_field_of_space_takes_no_times() -> None:
    points, labels = coded(SHAPES[:1], 400)
    times = torch.zeros(2)
    with pytest.raises(ValueError, match="3 coordinates cannot be fitted with times"):
        fit(SMALL, points, labels, random_start(SMALL, 0), QUICK, NAMES[:1], 0, times=times)
