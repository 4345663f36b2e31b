"""Training of bases: batches, exports, and that what is learned on some balls fits others."""

import itertools
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from hdray.fields.kinds import kind_of
from hdray.fields.settings import FieldSettings, MixtureSettings
from hdray.fields.sharing import network_keys
from hdray.fields.siren_mixture import SirenMixture
from hdray.fitting.adaptation import adapt
from hdray.fitting.descent import fit
from hdray.fitting.mixture_training import MetaLearning, MixtureAutoDecoding, MixtureTraining
from hdray.fitting.point_set import PointSet
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.fitting.trainees import trainee_of
from hdray.generators.settings import TrainSettings
from hdray.signals.points import decode
from tests.fitting.shapes import ball, coded, point_set

SETTINGS = FieldSettings(
    kind="mnif",
    width=16,
    layers=3,
    bases=8,
    context=16,
    siren_frequency=10.0,
    mixture_points=128,
    mixture_loss="bce",
    context_penalty=0.01,
)
RADII = [0.2, 0.25, 0.3, 0.35, 0.4, 0.45]
IDS = [str(radius) for radius in RADII]
POINTS = point_set(IDS, [ball(radius) for radius in RADII], 4_096)
NEW = coded([ball(radius) for radius in (0.28, 0.37, 0.43)], 4_096, "new")
KINDS = [MetaLearning, MixtureAutoDecoding]


def trainee(kind: type[MixtureTraining], settings: FieldSettings = SETTINGS, seed: int = 0) -> MixtureTraining:
    return kind(POINTS, settings, seed)


def exported_field(training: MixtureTraining) -> SirenMixture:
    weights = {name: parameter.detach().clone() for name, parameter in training.module.named_parameters()}
    return SirenMixture(training.settings, training.export(weights))


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_s_rows_are_those_of_the_whole_batch(kind: type[MixtureTraining]) -> None:
    whole = trainee(kind).batch(7, range(8), 8)
    other = trainee(kind)
    other.batch(3, range(8), 8)  # what was drawn before is nothing to a step
    halves = [other.batch(7, range(4), 8), other.batch(7, range(4, 8), 8)]
    for name, values in whole.items():
        assert torch.equal(torch.cat([half[name] for half in halves]), values), name
    assert not torch.equal(trainee(kind, seed=1).batch(7, range(8), 8)["coords"], whole["coords"])


def test_a_row_is_an_instance_s_points_with_their_labels_and_every_instance_comes_once_an_epoch() -> None:
    training = trainee(MetaLearning)
    batch = training.batch(0, range(6), 6)
    assert sorted(batch["instances"].tolist()) == list(range(6))
    for row, instance in enumerate(batch["instances"].tolist()):
        radius = batch["coords"][row].norm(dim=1)
        assert torch.equal(batch["inside"][row], (radius < RADII[instance]).float())
        stored = set(map(tuple, decode(POINTS.points[instance]).tolist()))
        assert all(tuple(point) in stored for point in batch["coords"][row].tolist())
    assert batch["start"].shape == (6, 16) and float(batch["start"].std()) == pytest.approx(1e-4, rel=0.3)


def test_memory_maps_are_taken(tmp_path) -> None:
    np.save(tmp_path / "points.npy", POINTS.points)
    points = PointSet(IDS, np.load(tmp_path / "points.npy", mmap_mode="r"), POINTS.labels)
    mapped = MetaLearning(points, SETTINGS, 0)
    assert torch.equal(mapped.batch(2, range(3), 3)["coords"], trainee(MetaLearning).batch(2, range(3), 3)["coords"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient_and_its_decay(kind: type[MixtureTraining]) -> None:
    training = trainee(kind)
    training.loss(training.batch(0, range(6), 6)).backward()
    names = {name for name, parameter in training.module.named_parameters() if bool((parameter.grad != 0).any())}
    assert names == {name for name, _ in training.module.named_parameters()}
    own = {"rates"} if kind is MetaLearning else {"latents.weight"}
    biases = {name for name in names if name.endswith("bias")}
    for settings, free in ((TrainSettings(), own | biases), (TrainSettings(decay_everything=True), own)):
        groups = training.parameter_groups(settings)
        undecayed = {id(member) for group in groups if not group["weight_decay"] for member in group["params"]}
        assert {name for name, member in training.module.named_parameters() if id(member) in undecayed} == free
        assert sum(len(group["params"]) for group in groups) == len(names)


def test_the_loss_is_the_mean_of_its_rows() -> None:
    """So that workers, who average, train as one would: also through the inner steps."""
    training = trainee(MetaLearning)
    whole = training.batch(0, range(6), 6)
    single = [training.loss({name: values[row : row + 1] for name, values in whole.items()}) for row in range(6)]
    torch.testing.assert_close(training.loss(whole), torch.stack(single).mean())


def test_latents_are_penalised_each_by_its_own_length() -> None:
    training = MixtureAutoDecoding(POINTS, replace(SETTINGS, context_penalty=0.5), 0)
    batch = training.batch(0, range(6), 6)
    with torch.no_grad():
        training.module.latents.weight.fill_(0.1)
        free = training.losses(training.module.latents.weight[batch["instances"]], batch).mean()
        torch.testing.assert_close(training.loss(batch) - free, torch.tensor(0.25 * 16 * 0.01))


def test_rates_stay_within_their_bounds_and_come_back() -> None:
    training = MetaLearning(POINTS, replace(SETTINGS, inner_rate=0.5), 0)
    drawn = training.rates().detach()
    assert 0.0025 <= float(drawn.min()) < float(drawn.max()) <= 0.05
    with torch.no_grad():
        training.module.rates[:2] = torch.tensor([-0.3, 1.7])
    assert training.rates()[:2].tolist() == pytest.approx([0, 0.5], abs=1e-6)
    training.rates().sum().backward()
    assert torch.equal(training.module.rates.grad, torch.full((16,), 0.5))
    weights = {name: parameter.detach() for name, parameter in training.module.named_parameters()}
    torch.testing.assert_close(training.export(weights)["rates"], training.rates().detach())


def steps(training: MixtureTraining, count: int, rate: float) -> list[float]:
    optimiser = torch.optim.AdamW(training.parameter_groups(TrainSettings(weight_decay=0.0)), lr=rate)
    losses = []
    for step in range(count):
        loss = training.loss(training.batch(step, range(6), 6))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def test_meta_learning_makes_adaptation_to_new_shapes_work() -> None:
    training = trainee(MetaLearning)
    settings = FitSettings(batch_size=3, points_per_step=1_024, precision="fp32")

    def iou() -> torch.Tensor:
        field = exported_field(training)
        theta = adapt(field, *NEW, settings, ["x", "y", "z"], 0).theta
        return quality(field, theta, *NEW).iou

    before = iou()
    losses = steps(training, 60, 3e-3)
    assert np.mean(losses[-10:]) < 0.2 * losses[0]
    assert float(before.max()) < 0.4 and float(iou().min()) > 0.7


def test_auto_decoding_makes_descent_to_new_shapes_work() -> None:
    training = trainee(MixtureAutoDecoding)
    losses = steps(training, 150, 5e-3)
    assert np.mean(losses[-10:]) < 0.3 * losses[0]
    field = exported_field(training)
    weights = {name: parameter.detach() for name, parameter in training.module.named_parameters()}
    exported = training.export(weights)
    kept = quality(field, exported["latents.weight"], *coded([ball(radius) for radius in RADII], 4_096)).iou
    settings = FitSettings(batch_size=3, points_per_step=512, steps=60, learning_rate=0.02, precision="fp32")
    shared_before = {name: value.clone() for name, value in field.shared.items()}
    found = fit(field, *NEW, torch.zeros(16), settings, ["x", "y", "z"], 0)
    assert float(kept.min()) > 0.7 and float(quality(field, found.theta, *NEW).iou.min()) > 0.7
    assert all(torch.equal(field.shared[name], value) for name, value in shared_before.items())


def test_exports_are_what_the_field_shares() -> None:
    for kind, extra in ((MetaLearning, set()), (MixtureAutoDecoding, {"latents.weight"})):
        training = trainee(kind)
        weights = {name: parameter.detach() for name, parameter in training.module.named_parameters()}
        exported = training.export(weights)
        assert set(exported) - set(SirenMixture(SETTINGS, exported).shared) == extra
        assert {name for name in exported if name == "rates"} == ({"rates"} if kind is MetaLearning else set())


CHANGED = {
    "width": 8, "layers": 2, "bases": 4, "context": 8, "siren_frequency": 5.0, "siren_output": "linear", "siren_scale": 2.0,
    "inner_steps": 1, "inner_rate": 0.5, "mixture_points": 64, "context_penalty": 0.1,
}  # fmt: skip
"""Another value of each setting of a mixture; of choices all are tried."""
CHOICES = {
    "mixing": ("latent", "layers", "shared"), "mixture_loss": ("mse", "bce"), "adaptation": ("meta", "auto-decoding"),
}  # fmt: skip


def after_a_step(settings: FieldSettings) -> dict[str, torch.Tensor]:
    """What a step of training leaves, as it is exported."""
    network = kind_of("mnif").network
    assert network is not None
    training = trainee_of(network)(POINTS, settings, SharedSettings(precision="fp32"), 0, None)
    training.loss(training.batch(0, range(6), 6)).backward()
    weights = {name: part.detach() - part.grad for name, part in training.module.named_parameters()}
    return training.export(weights)


@pytest.mark.parametrize("chosen", list(itertools.product(*CHOICES.values())))
def test_networks_are_told_apart_by_what_training_reads_and_nothing_else(chosen: tuple[str, ...]) -> None:
    assert {*CHANGED, *CHOICES} == {"width", "layers", *(item.name for item in fields(MixtureSettings))}
    settings = replace(SETTINGS, **dict(zip(CHOICES, chosen, strict=True)))
    keys, former = network_keys(settings), after_a_step(settings)
    others = [{name: value} for name, value in CHANGED.items()]
    others += [
        {name: value} for name, values in CHOICES.items() for value in values if value != getattr(settings, name)
    ]
    for other in others:
        changed = replace(settings, **other)
        found = after_a_step(changed)
        same = found.keys() == former.keys() and all(torch.equal(found[name], former[name]) for name in found)
        assert same == (network_keys(changed) == keys), other
