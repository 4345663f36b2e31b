"""DeepSpeed against plain torch, and state that moves between ZeRO stages and precisions. One worker, no Ray."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hdray.fields.kinds import KINDS
from hdray.fields.layout import linear_layout
from hdray.fields.settings import FieldSettings
from hdray.fitting.mixture_training import MetaLearning
from hdray.generators.optimiser import learning_rate
from hdray.generators.settings import GeneratorSettings, TrainSettings
from hdray.generators.vector_training import VectorTraining
from hdray.pipeline.deepspeed_config import deepspeed_config
from hdray.pipeline.deepspeed_engine import DeepSpeedTraining, SavedState
from hdray.pipeline.training_state import Progress, open_state, write_state
from tests.fitting.shapes import ball, point_set

LAYOUT = linear_layout([3, 8, 1])
SETTINGS = TrainSettings(
    steps=20, batch_size=8, learning_rate=1e-2, warmup_steps=2, clip=0.5, ema=0.9, weight_decay=0.1, precision="fp32"
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _process_group() -> Iterator[None]:
    """A group of one, as Ray Train would have made it."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        values = {"RANK": 0, "LOCAL_RANK": 0, "WORLD_SIZE": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for name, value in values.items():
            patch.setenv(name, str(value))
        torch.distributed.init_process_group("gloo")
        yield
        torch.distributed.destroy_process_group()


def trainee() -> VectorTraining:
    theta = torch.randn(20, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    return VectorTraining(theta, LAYOUT, GeneratorSettings(width=16, layers=2, heads=4), 0, None)


def take_steps(training: DeepSpeedTraining, first: int, last: int) -> list[float]:
    return [float(training.step(step, training.batch(step))) for step in range(first, last)]


def state(training: DeepSpeedTraining) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in training.state(*training.kinds)}


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_every_stage_is_plain_adamw_with_clipping_and_an_average(stage: int) -> None:
    ours = DeepSpeedTraining(trainee(), replace(SETTINGS, zero_stage=stage), CPU)
    losses = take_steps(ours, 0, 6)

    plain = trainee()
    optimiser = torch.optim.AdamW(plain.parameter_groups(SETTINGS), foreach=False)
    average: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in plain.module.named_parameters()}
    expected = []
    for step in range(6):
        loss = plain.loss(plain.batch(step, range(8), 8))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.module.parameters(), 0.5)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, SETTINGS, 20)
        optimiser.step()
        decay = min(0.9, (1 + step) / (10 + step))
        for name, weight in plain.module.named_parameters():
            average[name] = decay * average[name] + (1 - decay) * weight.detach()
        expected.append(float(loss.detach()))
    assert losses == pytest.approx(expected, rel=1e-4)
    found = state(ours)
    for name, weight in plain.module.named_parameters():
        torch.testing.assert_close(found[f"weight/{name}"], weight.detach(), atol=2e-4, rtol=1e-3)
        torch.testing.assert_close(found[f"average/{name}"], average[name], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_bf16_follows_fp32_and_keeps_fp32_masters(stage: int) -> None:
    settings = replace(SETTINGS, precision="bf16", zero_stage=stage)
    bf16 = DeepSpeedTraining(trainee(), settings, CPU)
    fp32 = DeepSpeedTraining(trainee(), replace(SETTINGS, zero_stage=0), CPU)
    assert take_steps(bf16, 0, 5) == pytest.approx(take_steps(fp32, 0, 5), rel=0.02)
    weights = torch.cat([tensor.flatten() for _, tensor in bf16.state("weight")])
    assert weights.dtype == torch.float32
    assert not torch.equal(weights, weights.bfloat16().float())


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize(("saved_stage", "stage"), [(1, 1), (1, 3), (3, 2), (2, 1), (0, 0)])
def test_saved_state_continues_under_any_stage(precision: str, saved_stage: int, stage: int) -> None:
    """Bit for bit under the stage it was saved under; another one sums the gradient's norm in another order."""
    settings = replace(SETTINGS, precision=precision, zero_stage=saved_stage)
    first = DeepSpeedTraining(trainee(), settings, CPU)
    take_steps(first, 0, 3)
    saved = state(first)
    rest = take_steps(first, 3, 6)
    again = DeepSpeedTraining(trainee(), replace(settings, zero_stage=stage), CPU, SavedState(3, saved.__getitem__))
    for name, tensor in state(again).items():
        assert torch.equal(tensor, saved[name]), name
    tolerance = 0.0 if stage == saved_stage else 1e-4
    assert take_steps(again, 3, 6) == pytest.approx(rest, rel=tolerance, abs=0)
    final = state(first)
    for name, tensor in state(again).items():
        torch.testing.assert_close(tensor, final[name], rtol=tolerance, atol=tolerance)


MIXTURE = KINDS["mnif"].network
assert MIXTURE is not None


@pytest.mark.parametrize("stage", MIXTURE.zero_stages)
def test_meta_learning_trains_where_parameters_stay_whole(stage: int) -> None:
    """Gradients through gradients, of parameters read outside their modules, are those of a plain loop."""
    field = FieldSettings(kind="mnif", width=8, layers=2, bases=4, context=6, mixture_points=32, siren_frequency=6.0)
    points = point_set([str(index) for index in range(8)], [ball(0.2 + 0.03 * index) for index in range(8)], 256)

    def meta() -> MetaLearning:
        return MetaLearning(points, field, 0)

    settings = replace(SETTINGS, zero_stage=stage, clip=0.0, ema=0.0)
    losses = take_steps(DeepSpeedTraining(meta(), settings, CPU), 0, 4)
    plain = meta()
    optimiser = torch.optim.AdamW(plain.parameter_groups(settings))
    expected = []
    for step in range(4):
        loss = plain.loss(plain.batch(step, range(8), 8))
        optimiser.zero_grad()
        loss.backward()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, settings, 8)
        optimiser.step()
        expected.append(loss.item())
    assert losses == pytest.approx(expected, rel=1e-4) and expected[-1] < expected[0]


def test_without_an_average_there_is_none() -> None:
    training = DeepSpeedTraining(trainee(), replace(SETTINGS, ema=0.0), CPU)
    assert training.kinds == ("weight", "exp_avg", "exp_avg_sq")
    assert len(dict(training.state(*training.kinds))) == 3 * len(training.names)


def test_configuration() -> None:
    config = deepspeed_config(replace(SETTINGS, precision="bf16", zero_stage=2), workers=4)
    assert config["train_micro_batch_size_per_gpu"] == 2 and config["train_batch_size"] == 8
    assert config["gradient_accumulation_steps"] == 1 and config["gradient_clipping"] == 0.5
    assert config["bf16"] == {"enabled": True} and config["data_types"] == {"grad_accum_dtype": "fp32"}
    assert config["zero_optimization"]["stage"] == 2
    assert deepspeed_config(replace(SETTINGS, precision="bf16", zero_stage=0), 1)["bf16"] == {"enabled": False}
    assert deepspeed_config(SETTINGS, 1)["bf16"] == {"enabled": False}


def be_a_worker(rank: int, folder: str, queue: "torch.multiprocessing.SimpleQueue[dict[int, list[float]]]") -> None:
    """One of two workers: trains under every stage, leaves the state of each behind."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", DS_ACCELERATOR="cpu")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    losses = {}
    for stage in range(4):
        training = DeepSpeedTraining(trainee(), replace(SETTINGS, zero_stage=stage), CPU)
        losses[stage] = [training.mean(training.step(step, training.batch(step))) for step in range(4)]
        tensors = training.state(*training.kinds)
        (Path(folder) / str(stage)).mkdir(exist_ok=True)
        write_state(Path(folder) / str(stage), tensors, Progress(step=4), rank, 2)
    torch.distributed.barrier()
    if rank == 0:
        queue.put(losses)


def test_two_workers_train_as_one_and_one_continues_what_two_began(tmp_path: Path) -> None:
    context = torch.multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    torch.multiprocessing.spawn(be_a_worker, (str(tmp_path), queue), nprocs=2)
    losses = queue.get()
    one = DeepSpeedTraining(trainee(), SETTINGS, CPU)
    expected = take_steps(one, 0, 4)
    saved = state(one)
    rest = take_steps(one, 4, 6)
    for stage in range(4):
        assert losses[stage] == pytest.approx(expected, rel=1e-4), stage
        with open_state(tmp_path / str(stage)) as (progress, read):
            for name, tensor in saved.items():
                if "query_key_value.bias" not in name:  # a key's bias has no gradient but rounding errors
                    torch.testing.assert_close(read(name), tensor, atol=1e-3, rtol=1e-2, msg=f"{stage} {name}")
            again = DeepSpeedTraining(trainee(), SETTINGS, CPU, SavedState(progress.step, read))
        assert take_steps(again, 4, 6) == pytest.approx(rest, rel=1e-3)
