"""The command line of jobs/sweep.py."""

import argparse
import sys
from collections.abc import Sequence

from hdray.config.sweep_file import read_sweep
from hdray.errors import UserError
from hdray.pipeline.storage import resolve


def main(arguments: Sequence[str], description: str) -> None:
    """Run what is missing of the sweep, print its table and its place; a user's mistake is exit code 2."""
    parser = argparse.ArgumentParser(
        description=description, epilog="A sweep that was stopped goes on where it was.", allow_abbrev=False
    )
    parser.add_argument("--space", required=True, help="YAML file with what is varied and compared: see tune_spaces/")
    parser.add_argument(
        "--run", required=True, help="folder or s3:// URL of the sweep; a run directory per trial below it"
    )
    parser.add_argument("--preset", default="", help="what the space is laid over, instead of the preset that it names")
    parser.add_argument("--data", default="", help="folder or s3:// URL of meshes; without it procedural shapes")
    parser.add_argument("--together", type=int, default=1, help="trials at a time (default 1)")
    parser.add_argument(
        "--gpus",
        type=float,
        default=None,
        help="GPUs of each trial where there are any: a fraction such as 0.5 or a whole number (default: trials that run "
        "together share them evenly)",
    )
    given = parser.parse_args(list(arguments))
    try:
        run = resolve(given.run, "--run")
        sweep = read_sweep(given.space, given.preset)
        from hdray.pipeline.sweep import run_sweep
        from hdray.pipeline.sweep_table import lines

        data = resolve(given.data) if given.data else ""
        table = run_sweep(sweep, data, run, given.together, given.gpus)
    except UserError as error:
        print(f"error: {getattr(error, 'cause', error)}", file=sys.stderr, flush=True)
        sys.exit(2)
    print("\n".join(lines(sweep, table)))
    print(run)
