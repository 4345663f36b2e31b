"""Training of base networks: batches that depend on (seed, step, row) alone, stages, and balls of several radii."""

import pytest
import torch
from torch import Tensor

from hdray.fields.lora import LoRAField
from hdray.fields.settings import FieldSettings
from hdray.fitting.auto_decoding import AutoDecoding
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.point_set import PointSet
from hdray.fitting.quality import quality
from hdray.fitting.settings import AutoDecodingSettings, FitSettings
from hdray.generators.settings import TrainSettings
from hdray.generators.trainee import Trainee
from hdray.seeds import torch_stream
from hdray.signals.points import decode
from tests.fitting.shapes import ball, coded, point_set

RADII = [0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
POINTS = point_set([str(radius) for radius in RADII], [ball(radius) for radius in RADII], 4_000)
FIELD = FieldSettings(
    kind="mlora", width=32, blocks=1, latent=8, mapping_layers=2, mapping_width=16, omega=4.0, asymmetric=True
)
SETTINGS = AutoDecodingSettings(points_per_row=256, stages=3)


def trainee(seed: int = 0, steps: int = 90, settings: AutoDecodingSettings = SETTINGS) -> AutoDecoding:
    return AutoDecoding(POINTS, FIELD, settings, steps, seed)


def test_a_worker_s_rows_are_those_of_the_whole_batch() -> None:
    whole = trainee().batch(7, range(6), 6)
    other = trainee()
    other.batch(3, range(6), 6)  # what was drawn before is nothing to a step
    halves = [other.batch(7, range(2), 6), other.batch(7, range(2, 6), 6)]
    for name, values in whole.items():
        assert torch.equal(torch.cat([half[name] for half in halves]), values), name
    for different in (trainee().batch(8, range(6), 6), trainee(seed=1).batch(7, range(6), 6)):
        assert not torch.equal(different["codes"], whole["codes"])


def test_a_row_is_a_budget_of_points_that_ever_fewer_shapes_divide() -> None:
    """90 steps in three stages; the paper's five at its own sizes: 256 x 2,048 to 16 x 32,768."""
    training = trainee()
    shapes = {0: (2, 4, 64, 3), 29: (2, 4, 64, 3), 30: (2, 2, 128, 3), 60: (2, 1, 256, 3), 200: (2, 1, 256, 3)}
    for step, shape in shapes.items():
        batch = training.batch(step, range(2), 2)
        assert batch["codes"].shape == shape
        assert batch["instance"].shape == shape[:2] and batch["inside"].shape == shape[:3]
    published = trainee(settings=AutoDecodingSettings())
    assert published.batch(0, range(1), 16)["codes"].shape == (1, 256 // 16, 2_048, 3)
    assert published.batch(89, range(1), 16)["codes"].shape == (1, 1, 32_768, 3)


def test_points_are_the_shapes_own_with_their_labels() -> None:
    batch = trainee().batch(40, range(3), 3)
    distance = decode(batch["codes"]).norm(dim=-1)  # (B, n, p)
    radius = torch.tensor(RADII)[batch["instance"]].unsqueeze(-1)
    assert torch.equal(batch["inside"].bool(), distance < radius)


def test_every_shape_comes_once_an_epoch_of_every_stage() -> None:
    training = trainee()
    for first in (0, 30, 60):
        drawn = [training.batch(first + step, range(3), 3)["instance"].flatten() for step in range(4)]
        picks = torch.cat(drawn).tolist()
        for epoch in range(len(picks) // 6):
            assert sorted(picks[6 * epoch : 6 * epoch + 6]) == list(range(6))


def test_codes_start_small_and_belong_to_the_ids() -> None:
    training = trainee()
    backwards = AutoDecoding(
        PointSet(POINTS.ids[::-1], POINTS.points[::-1], POINTS.labels[::-1]), FIELD, SETTINGS, 90, 0
    )
    codes = training.module.latents.weight.detach()
    assert torch.equal(codes.flip(0), backwards.module.latents.weight)
    assert float(codes.std()) == pytest.approx(0.01, rel=0.3)


def test_the_loss_is_the_papers() -> None:
    """Eq. 4 with its mean over shapes, entry by entry."""
    training = trainee(settings=AutoDecodingSettings(points_per_row=16, stages=2, latent_weight=0.5))
    batch = training.batch(0, range(2), 2)
    total = 0.0
    for row in range(2):
        for place in range(2):
            code = training.module.latents.weight[batch["instance"][row, place]].detach()
            logits = training.module.network(code.unsqueeze(0), decode(batch["codes"][row, place]).unsqueeze(0))
            probability = torch.sigmoid(logits.detach().double().view(-1))
            inside = batch["inside"][row, place].bool()
            right = torch.where(inside, probability, 1 - probability)
            total += float(-right.log().mean() + 0.5 * (code**2).sum()) / 4
    assert float(training.loss(batch).detach()) == pytest.approx(total, rel=1e-5)


def trained(precision: str) -> tuple[AutoDecoding, list[float]]:
    """After 80 steps of Adam, and the losses; as the engine computes bf16 with weights kept in bf16 (ZeRO 1, 2) or by
    autocast (ZeRO 0)."""
    training: AutoDecoding = trainee(steps=80)
    if precision == "bf16":
        training.module.to(torch.bfloat16)
    optimiser = torch.optim.AdamW(training.parameter_groups(TrainSettings(weight_decay=0.0)), lr=0.01)
    losses = []
    for step in range(80):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - step / 80)
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
            loss = training.loss(training.batch(step, range(4), 4))
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return training, losses


@pytest.mark.parametrize("precision", ["fp32", "bf16", "autocast"])
def test_training_learns_balls_and_other_balls_adapt_what_it_exports(precision: str) -> None:
    training, losses = trained(precision)
    assert sum(losses[-10:]) / 10 < 0.2 * losses[0]
    weights: dict[str, Tensor] = {name: value.detach().float() for name, value in training.module.named_parameters()}
    shared = training.export(weights)
    codes = shared["latents.weight"]
    assert codes.shape == (6, 8) and torch.allclose(shared["latent"], codes.mean(dim=0), atol=1e-6)
    networks = {name: tensor for name, tensor in shared.items() if not name.startswith("latents.")}
    field = LoRAField(FIELD, True, networks | LoRAField.draw_masks(FIELD, True, torch_stream(0, "masks")))
    points, labels = coded([ball(0.22), ball(0.37)], 4_000, "new")
    fresh, fresh_labels = coded([ball(0.22), ball(0.37)], 4_000, "held out")
    settings = FitSettings(batch_size=2, steps=50, points_per_step=256, learning_rate=0.01)
    start = random_start(field, 0)
    fitted = fit(field, points, labels, start, settings, ["a", "b"], 0).theta
    before, after = (quality(field, theta, fresh, fresh_labels).iou for theta in (start.expand(2, -1), fitted))
    assert before.min() > 0.2, "the mean code is a ball between the others"
    assert after.min() > 0.8


def test_it_is_a_trainee_whose_every_parameter_learns() -> None:
    training: Trainee = trainee()
    training.loss(training.batch(0, range(2), 2)).backward()
    for name, parameter in training.module.named_parameters():
        assert parameter.grad is not None, name
    groups = training.parameter_groups(TrainSettings(weight_decay=0.1))
    decayed = {id(parameter) for group in groups if group["weight_decay"] for parameter in group["params"]}
    assert isinstance(training, AutoDecoding) and id(training.module.latents.weight) not in decayed


def test_points_that_no_number_of_shapes_divides_are_named() -> None:
    with pytest.raises(ValueError, match="points_per_row = 500 is not accepted; it must be a multiple of 16"):
        AutoDecodingSettings(points_per_row=500)
