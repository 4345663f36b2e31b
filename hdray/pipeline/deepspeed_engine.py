"""Training steps and their state under DeepSpeed: the one module that imports it.

State moves in and out as whole fp32 tensors by parameter name, so a checkpoint fits any number of workers and any ZeRO
stage. (DeepSpeed's own checkpoints are bound to both.)
"""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hdray.generators.optimiser import AveragedAdamW, average_decay, create_state, learning_rate
from hdray.generators.settings import TrainSettings
from hdray.generators.trainee import Trainee
from hdray.pipeline.deepspeed_config import deepspeed_config

WEIGHT = "weight"
AVERAGE = "average"
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class SavedState:
    """State to continue from: steps taken, and the tensor behind each "kind/name" that `state` gave."""

    step: int
    read: Callable[[str], Tensor]


class DeepSpeedTraining:
    """A trainee in a DeepSpeed engine. Every method is collective: all workers call it, in the same order.

    torch.distributed must be initialised. `resume` continues from saved state. The trainee must take the ZeRO stage and the
    precision, which configurations are checked for.
    """

    def __init__(
        self, trainee: Trainee, settings: TrainSettings, device: torch.device, resume: "SavedState | None" = None
    ) -> None:
        deepspeed = _import_deepspeed(device)
        self.trainee, self.settings, self.device = trainee, settings, device
        self.workers = torch.distributed.get_world_size()
        share = settings.batch_size // self.workers
        first = torch.distributed.get_rank() * share
        self.rows = range(first, first + share)
        self.names = [name for name, _ in trainee.module.named_parameters()]
        groups = trainee.parameter_groups(settings)
        self.optimiser = AveragedAdamW(groups) if settings.ema else torch.optim.AdamW(groups, lr=0.0, fused=True)
        if resume:  # before DeepSpeed makes its working copies of the weights
            with torch.no_grad():
                for name, parameter in trainee.module.named_parameters():
                    parameter.copy_(resume.read(f"{WEIGHT}/{name}"))
        autocast = settings.precision == "bf16" and settings.zero_stage == 0
        self.engine, *_ = deepspeed.initialize(
            model=_Loss(trainee, device, autocast),
            optimizer=self.optimiser,
            config=deepspeed_config(settings, self.workers),
        )
        whole_gradients = settings.zero_stage < 2 and not hasattr(self.engine.optimizer, "reduce_gradients")
        if self.workers == 1 and whole_gradients:
            # The mean over one worker is the gradient itself; DeepSpeed would copy all of it twice to find that.
            self.engine.enable_backward_allreduce = False
        self._create_state()
        if resume:
            self._load(resume)

    def batch(self, step: int) -> dict[str, Tensor]:
        """This worker's rows of the global batch of a step, on the CPU."""
        return self.trainee.batch(step, self.rows, self.settings.batch_size)

    def step(self, step: int, batch: dict[str, Tensor]) -> Tensor:
        """Train on this worker's rows; returns their mean loss (not averaged over workers), on the device."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.settings, self.trainee.records)
            group["average_decay"] = average_decay(step, self.settings)
        loss = self.engine({name: values.to(self.device, non_blocking=True) for name, values in batch.items()})
        self.engine.backward(loss)
        self.engine.step()
        return loss.detach()

    def mean(self, value: Tensor) -> float:
        """The mean of a scalar over the workers."""
        total = value.detach().clone()
        torch.distributed.all_reduce(total)
        return float(total) / self.workers

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there is of every parameter: the weight, AdamW's moments, the average if it is kept."""
        return (WEIGHT, *_MOMENTS, *((AVERAGE,) if self.settings.ema else ()))

    def state(self, *kinds: str) -> Iterator[tuple[str, Tensor]]:
        """Every parameter's tensors of these kinds, whole and in fp32, as ("kind/name", tensor on the device).

        Workers must take all of it, since each tensor is gathered as it is reached.
        """
        for name, parameter in self._parameters():
            for kind in kinds:
                yield f"{kind}/{name}", self._get(parameter, kind)

    def _load(self, saved: "SavedState") -> None:
        with torch.no_grad():
            for name, parameter in self._parameters():
                for kind in self.kinds:
                    self._set(parameter, kind, saved.read(f"{kind}/{name}").to(self.device))
        for state in self.optimiser.state.values():
            state["step"].fill_(saved.step)

    def _parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        # Names as they were before ZeRO: the engine keeps the parameter objects.
        return zip(self.names, self.trainee.module.parameters(), strict=True)

    def _create_state(self) -> None:
        """Make AdamW's state now, at step 0, so that it can be read and written before the first step."""
        zero = self.engine.optimizer
        if self.settings.zero_stage == 3:
            create_state(self.optimiser, zero.fp32_partitioned_groups_flat)
            return
        create_state(self.optimiser, [member for group in self.optimiser.param_groups for member in group["params"]])
        if self.settings.zero_stage > 0:
            # DeepSpeed links parameters to the partitioned state in its first step; its accessors need it already.
            zero._lazy_init_hp_params_optimizer_state()

    def _get(self, parameter: nn.Parameter, kind: str) -> Tensor:
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        if self.settings.zero_stage == 0:
            return parameter.detach() if kind == WEIGHT else self.optimiser.state[parameter][kind]
        if kind == WEIGHT:
            return safe_get_full_fp32_param(parameter).detach()
        return safe_get_full_optimizer_state(parameter, kind)

    def _set(self, parameter: nn.Parameter, kind: str, value: Tensor) -> None:
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        if self.settings.zero_stage == 0:
            (parameter if kind == WEIGHT else self.optimiser.state[parameter][kind]).copy_(value)
        elif kind == WEIGHT:
            safe_set_full_fp32_param(parameter, value)
        else:
            safe_set_full_optimizer_state(parameter, value, kind)


class _Loss(nn.Module):
    """The trainee's loss as a module, which is what DeepSpeed runs; it owns the trained module and nothing else."""

    def __init__(self, trainee: Trainee, device: torch.device, autocast: bool) -> None:
        super().__init__()
        self.module = trainee.module
        self.device_type, self.autocast = device.type, autocast
        self.compute = trainee.loss

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.autocast):
            return self.compute(batch)


def _import_deepspeed(device: torch.device) -> Any:
    """Import DeepSpeed for the device, quietly and without compiling anything."""
    if device.type == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    # Should DeepSpeed compile a kernel, it looks for ninja on PATH, which an interpreter called by its path is not on.
    folder = os.path.dirname(sys.executable)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", "")
    import deepspeed
    from deepspeed.runtime import bf16_optimizer
    from deepspeed.utils import logger

    # The bf16 optimiser prints a page about memory, and collects garbage for it, whoever asked.
    bf16_optimizer.see_memory_usage = lambda *_, **__: None
    logger.setLevel(logging.ERROR)  # it warns of every optimiser that is not its own
    warnings.filterwarnings("ignore", message=".*is deprecated", category=FutureWarning, module="torch.distributed")
    if device.type == "cpu":
        # Its shared-memory all-reduce would be compiled in half a minute on first use; gloo does as well here. An empty
        # table of compatible kernels is what it would find on a machine without a compiler.
        deepspeed.ops.__compatible_ops__ = {}
    return deepspeed
