"""AdamW as generators are trained with it: which weights decay, how the learning rate moves, a moving average."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hdray.generators.layerwise_linear import LayerwiseLinear
from hdray.generators.settings import TrainSettings

ParameterGroups = list[dict[str, Any]]


def parameter_groups(module: nn.Module, settings: TrainSettings) -> ParameterGroups:
    """Groups for AdamW: matrices of Linear and convolution layers decay; biases, norms and positions if everything does."""
    matrices = {
        id(part.weight) for part in module.modules() if isinstance(part, nn.Linear | nn.Conv3d | LayerwiseLinear)
    }
    return decay_groups(
        ((parameter, settings.decay_everything or id(parameter) in matrices) for parameter in module.parameters()),
        settings,
    )


def decay_groups(parameters: Iterable[tuple[nn.Parameter, bool]], settings: TrainSettings) -> ParameterGroups:
    """Groups for AdamW of parameters, each with whether it decays."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for parameter, decay in parameters:
        groups[decay].append(parameter)
    decays = {True: settings.weight_decay, False: 0.0}
    return [{"params": members, "weight_decay": decays[decay]} for decay, members in groups.items() if members]


def learning_rate(step: int, settings: TrainSettings, records: int) -> float:
    """The rate of step 0, 1, ...: a linear rise over the warm-up, times the schedule; `records` make an epoch."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "cosine":
        progress = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
        return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "step":
        epoch = step * settings.batch_size // records
        return settings.learning_rate * float(settings.step_factor ** (epoch // settings.step_epochs))
    if settings.schedule == "stages":
        return settings.learning_rate * float(settings.step_factor ** stage_of(step, settings.steps, settings.stages))
    return settings.learning_rate


def stage_of(step: int, steps: int, stages: int) -> int:
    """Which of the equal parts of a training of so many steps a step is in, 0 first; stage s begins at steps * s // stages.

    Steps past the end belong to the last stage.
    """
    return min(((step + 1) * stages - 1) // steps, stages - 1)


def average_decay(step: int, settings: TrainSettings) -> float:
    """Decay of the moving average at a step: short at first, so that the initial weights are forgotten, then `ema`."""
    return min(settings.ema, (1 + step) / (10 + step))


class AveragedAdamW(torch.optim.AdamW):
    """Fused AdamW that keeps an exponential moving average of what it updates, as optimiser state `average`.

    Being state of the fp32 master weights it is fp32, and partitioned and gathered as the moments are under every ZeRO
    stage. Each group's `average_decay` is set before a step.
    """

    def __init__(self, groups: ParameterGroups) -> None:
        super().__init__(groups, lr=0.0, fused=True)
        for group in self.param_groups:
            group["average_decay"] = 0.0

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One AdamW step, then the averages move towards the new weights."""
        loss = super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                if "average" not in state:
                    state["average"] = parameter.detach().clone()
                else:
                    state["average"].lerp_(parameter, 1 - group["average_decay"])
        return loss


def create_state(optimiser: torch.optim.AdamW, parameters: Iterable[Tensor]) -> None:
    """Create the state that AdamW (and the average) would create in their first step, so that it can be loaded into."""
    for parameter in parameters:
        state: dict[str, Tensor] = optimiser.state[parameter]
        state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
        state["exp_avg"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)
        if isinstance(optimiser, AveragedAdamW):
            state["average"] = parameter.detach().clone()
