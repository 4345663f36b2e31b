"""A configuration that passes through every stage in seconds, and how tests run jobs with it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TINY = {
    "inputs.chairs": 10,
    "inputs.validation_share": 0.1,
    "inputs.test_share": 0.2,
    "signal.uniform_points": 4096,
    "signal.near_points": 4096,
    "signal.held_out_points": 1024,
    "signal.surface_points": 256,
    "field.width": 32,
    "field.layers": 2,
    "fit.batch_size": 2,
    "fit.steps": 150,
    "fit.points_per_step": 512,
    "fit.minimum_near_iou": 0.1,
    "generator.width": 32,
    "generator.layers": 2,
    "generator.heads": 4,
    "generator.timesteps": 50,
    "train.steps": 60,
    "train.batch_size": 4,
    "train.warmup_steps": 0,
    "train.checkpoint_steps": 10,
    "train.log_steps": 5,
    "generate.count": 5,
    "generate.steps": 5,
    "generate.resolution": 24,
    "evaluate.points": 256,
    "evaluate.controls": False,
    "execution.progress_s": 1.0,
    "execution.sampling_actors": 1,
    "execution.fitting_actors": 1,
}

SCALAR = {"generator__normalisation": "scalar", "generator__width": 16, "generator__layers": 1, "generator__heads": 2}
"""Overrides for the baselines."""


def arguments(**overrides: object) -> list[str]:
    """The tiny configuration as command line arguments; overrides are written section__key=value."""
    values = {**TINY, **{key.replace("__", "."): value for key, value in overrides.items()}}
    return [str(part) for key, value in values.items() for part in (f"--{key}", value)]


def start_job(
    name: str, *arguments: object, environment: dict[str, str] | None = None, folder: Path = ROOT
) -> subprocess.Popen[str]:
    """Start jobs/<name>.py in a folder, in which Python finds modules too; its output and errors come together."""
    command = [sys.executable, "-u", str(ROOT / "jobs" / f"{name}.py"), *(str(part) for part in arguments)]
    return subprocess.Popen(
        command,
        env={**(environment or os.environ), "PYTHONPATH": os.pathsep.join([".", str(ROOT)])},
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 280.0) -> str:
    """Everything the job prints; fails unless it exits with 0."""
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output
    return output
