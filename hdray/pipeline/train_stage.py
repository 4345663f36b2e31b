"""Fitted vectors to a trained generator: what the training loop is given, and what it must not be given twice."""

import csv
import io
import time
from dataclasses import dataclass

import torch

from hdray.config.load import result_keys
from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.generators.build import build_generator
from hdray.generators.vector_training import VectorTraining
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import field_of, initialisation_url
from hdray.pipeline.fit_stage import STAGE as FIT_STAGE
from hdray.pipeline.fit_stage import TRAINING_KEYS
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import read_initialisation
from hdray.pipeline.storage import read_bytes
from hdray.pipeline.training import MODEL_FILE, Training, WorkerResources, train, trained_steps
from hdray.pipeline.training_rows import check_measured, exclusions_hash, keep_exclusions, left_out, read_training

STAGE = "train"
TRAINEE = "generator"


@dataclass(frozen=True)
class FittedVectors:
    """Builds the trainee in a worker from the run's table: each worker reads the vectors once (0.6 GB for 4,000)."""

    config: Config
    run_url: str

    def __call__(self) -> VectorTraining:
        """The generator with its training vectors: those of the train split that pass every rule."""
        run, config = RunDirectory(self.run_url), self.config
        theta = torch.from_numpy(read_training(run, config).theta)
        start, _ = read_initialisation(initialisation_url(run))
        return VectorTraining(theta, field_of(config).layout, config.generator, config.generator_seed, start)


def train_keys(config: Config) -> dict[str, object]:
    """The result keys that the generator depends on beside the instances."""
    chosen = result_keys(config, "fit", "inputs")
    return {
        **result_keys(config, "", "generator", "train"),
        **{key: chosen[key] for key in TRAINING_KEYS if key in chosen},
    }


def parameter_count(config: Config) -> int:
    """Parameters of the generator's network, counted without making it."""
    layout = field_of(config).layout
    with torch.device("meta"):
        network = build_generator(layout, config.generator).network
    return sum(parameter.numel() for parameter in network.parameters())


def generator_cost(run: RunDirectory, config: Config) -> dict[str, float]:
    """What the generator took, to compare generators by: parameters of its network, vectors it was shown (with
    repetitions) as far as it has been trained, and seconds of that, those of attempts that were killed included as far as a
    checkpoint has them.
    """
    curve = read_loss_curve(run)
    seconds = {"train_seconds": curve[-1]["seconds"]} if curve else {}
    seen = trained_steps(run.path("training", TRAINEE, MODEL_FILE)) * config.train.batch_size
    return {"parameters": parameter_count(config), "samples_seen": seen, **seconds}


def check_train(run: RunDirectory, config: Config, alone: bool) -> None:
    """Raise UserError where there is nothing to train on, or what is not to be trained on is not known or has changed."""
    fit = run.record(FIT_STAGE)
    if alone and not (fit and fit["complete"]):
        raise UserError(f"{run.url} holds no complete set of fits; run jobs/fit.py --run {run.url} first")
    if alone:
        check_measured(run, config)
    run.check(STAGE, train_keys(config), exclusions_hash(config))


def run_train(run: RunDirectory, config: Config, resources: Resources) -> None:
    """Train the generator, from its last checkpoint if there is one, to its end or the step where it is to pause."""
    fit = run.record(FIT_STAGE)
    assert fit is not None, "check_train or run_fit saw to it"
    inputs = {"the table of instances": fit["output"], **exclusions_hash(config)}
    made = run.begin(STAGE, train_keys(config), inputs, f"training/{TRAINEE}")
    begin = time.monotonic()
    if not made["complete"]:
        keep_exclusions(run, config)
    fitted = read_training(run, config)  # a UserError here, not in every worker
    if not made["complete"]:
        for rule, count in left_out(run, config).items():
            print(f"{count} fitted shapes of the train split are not trained on because of {rule}")
        print(
            f"training {config.generator.kind}, {parameter_count(config):,} parameters, on {len(fitted.ids)} vectors of "
            f"{fitted.theta.shape[1]:,} entries",
            flush=True,
        )
    _, shared_hash = read_initialisation(initialisation_url(run))
    training = Training(
        name=TRAINEE,
        build=FittedVectors(config, run.url),
        settings=config.train,
        metadata={"instances": fit["output"], "shared": shared_hash},
        pause_at=config.execution.pause_at,
    )
    workers = WorkerResources(
        gpus=resources.gpus_per_actor, cpus=config.execution.task_cpus, threads=config.execution.training_threads
    )
    train([training], run.path("training"), workers)
    if not made["complete"]:
        run.finish(STAGE, time.monotonic() - begin, complete=training.end == config.train.steps)


def read_loss_curve(run: RunDirectory) -> list[dict[str, float]]:
    """Points of the loss curve: step, loss, learning_rate, seconds; empty before the first checkpoint."""
    if not run.has("training", TRAINEE, "loss.csv"):
        return []
    rows = csv.DictReader(io.StringIO(read_bytes(run.path("training", TRAINEE, "loss.csv")).decode()))
    return [{name: float(value) for name, value in row.items()} for row in rows]
