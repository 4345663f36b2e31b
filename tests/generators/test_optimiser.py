"""Weight decay groups, learning rates, and the moving average."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hdray.generators.optimiser import (
    AveragedAdamW,
    average_decay,
    create_state,
    learning_rate,
    parameter_groups,
    stage_of,
)
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.generators.transformer import TokenTransformer

SETTINGS = TrainSettings(steps=1000, learning_rate=1e-3, weight_decay=0.1)


def test_only_matrices_decay_unless_everything_does() -> None:
    model = TokenTransformer((5, 2), GeneratorSettings(width=8, layers=1, heads=2))
    decaying, still = parameter_groups(model, SETTINGS)
    assert (decaying["weight_decay"], still["weight_decay"]) == (0.1, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(parameter)] for parameter in decaying["params"]} == {
        *(f"inputs.{index}.weight" for index in range(3)),
        *(f"outputs.{index}.weight" for index in range(2)),
        *(f"blocks.0.{part}.weight" for part in ("query_key_value", "projection", "expand", "contract")),
    }
    assert len(decaying["params"]) + len(still["params"]) == len(names)
    (everything,) = parameter_groups(model, replace(SETTINGS, decay_everything=True))
    assert everything["weight_decay"] == 0.1 and len(everything["params"]) == len(names)


def test_warm_up_and_cosine() -> None:
    settings = replace(SETTINGS, warmup_steps=100)
    rates = [learning_rate(step, settings, 10) for step in range(1000)]
    assert math.isclose(rates[0], 1e-5) and math.isclose(rates[49], 5e-4) and math.isclose(max(rates), 1e-3)
    assert math.isclose(rates[100], 1e-3) and math.isclose(rates[550], 5e-4)
    assert 0 < rates[999] < 1e-7


def test_steps_drop_by_epochs() -> None:
    # 100 records in batches of 32: step 62 begins in epoch 19, 63 in epoch 20, 125 in epoch 40.
    settings = replace(SETTINGS, schedule="step", step_epochs=20, step_factor=0.8, batch_size=32)
    rates = [learning_rate(step, settings, 100) for step in (0, 62, 63, 125)]
    assert rates == pytest.approx([1e-3, 1e-3, 8e-4, 6.4e-4])


@pytest.mark.parametrize("records", [1, 109, 10**6])
def test_stages_drop_by_shares_of_training_whatever_an_epoch_is(records: int) -> None:
    settings = replace(SETTINGS, schedule="stages", stages=3, step_factor=0.1)
    rates = [learning_rate(step, settings, records) for step in (0, 332, 333, 665, 666, 999, 1500)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5])


@given(steps=st.integers(1, 400), stages=st.integers(1, 16))
def test_stages_are_equal_parts(steps: int, stages: int) -> None:
    """Their lengths differ by one step at most, and each begins at its share of the steps."""
    found = [stage_of(step, steps, stages) for step in range(steps)]
    assert found == sorted(found) and found[-1] == stages - 1
    lengths = [found.count(stage) for stage in range(stages)]
    assert sum(lengths) == steps and max(lengths) - min(lengths) <= 1
    for stage in range(stages):
        assert [step for step in range(steps) if found[step] >= stage] == list(range(steps * stage // stages, steps))


def test_constant() -> None:
    assert learning_rate(999, replace(SETTINGS, schedule="constant"), 1) == 1e-3


def test_the_average_forgets_the_start_first() -> None:
    settings = replace(SETTINGS, ema=0.99)
    assert average_decay(0, settings) == 0.1
    assert average_decay(10**6, settings) == 0.99


@pytest.mark.parametrize("created", [False, True])
def test_averaged_adam_is_adam_with_an_average(created: bool) -> None:
    stream = torch.Generator().manual_seed(0)
    start = torch.randn(6, generator=stream)
    gradients = torch.randn(5, 6, generator=stream)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    averaged = AveragedAdamW([{"params": [ours], "weight_decay": 0.1}])
    if created:
        create_state(averaged, [ours])
    plain = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    averaged.param_groups[0].update(lr=0.01, average_decay=0.75)
    average = start.clone() if created else None
    for gradient in gradients:
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        averaged.step()
        plain.step()
        average = theirs.detach().clone() if average is None else 0.75 * average + 0.25 * theirs.detach()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(averaged.state[ours]["average"], average)
