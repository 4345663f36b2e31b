"""The command line of jobs/analyse.py."""

import argparse
import sys
from collections.abc import Sequence

from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.pipeline.storage import resolve

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def main(arguments: Sequence[str], description: str) -> None:
    """Write the page that the command line asks for, and print where it is; a user's mistake is exit code 2."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--runs", required=True, nargs="+", metavar="NAME=URL", help="runs whose shapes are fitted")
    parser.add_argument("--out", required=True, help="folder or s3:// URL; analysis.html goes there")
    parser.add_argument(
        "--instances", type=int, default=30, help="held-out shapes fitted from two starts (default 30; 0: none)"
    )
    parser.add_argument(
        "--shapes", type=int, default=32, help="fits of training and of held-out shapes compared with them (default 32)"
    )
    parser.add_argument(
        "--strengths", type=float, nargs="+", default=STRENGTHS, help="of perturbed starts, between 0 and 1"
    )
    given = parser.parse_args(list(arguments))
    try:
        print(_analyse(given))
    except UserError as error:
        print(f"error: {getattr(error, 'cause', error)}", file=sys.stderr, flush=True)
        sys.exit(2)


def _analyse(given: argparse.Namespace) -> str:
    pairs = [one.partition("=") for one in given.runs]
    if wrong := ["".join(pair) for pair in pairs if not all(pair)]:
        raise UserError(f"--runs {wrong[0]} is not NAME=URL; give such as mlp=runs/mlp")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise UserError(f"--runs {' '.join(given.runs)} has a name twice; give each run a name of its own")
    if outside := [one for one in given.strengths if not 0 <= one <= 1]:
        raise UserError(f"--strengths {outside[0]} is not accepted; they must be between 0 and 1")
    if given.instances < 0:
        raise UserError(f"--instances {given.instances} is not accepted; it must be 0 or more")
    if given.shapes < 1:
        raise UserError(f"--shapes {given.shapes} is not accepted; it must be 1 or more")
    from hdray.pipeline.analysis import Amounts, analyse

    runs = {name: resolve(url) for name, _, url in pairs}
    amounts = Amounts(shapes=given.shapes, instances=given.instances, strengths=sorted(set(given.strengths)))
    return analyse(runs, resolve(given.out, "--out"), amounts, ExecutionSettings())
