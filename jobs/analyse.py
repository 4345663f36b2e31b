"""Set the weight spaces of finished runs beside each other: fits, categories, fits from two starts, basis networks.

python jobs/analyse.py --runs mlp=runs/mlp mlora=runs/mlora --out runs/analysis
python jobs/analyse.py --help
"""

import argparse
import sys

from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.pipeline.storage import resolve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--runs", required=True, nargs="+", metavar="NAME=URL", help="runs whose shapes are fitted")
    parser.add_argument("--out", required=True, help="folder or s3:// URL; analysis.html goes there")
    parser.add_argument(
        "--instances", type=int, default=30, help="held-out shapes fitted from two starts (default 30; 0: none)"
    )
    parser.add_argument(
        "--strengths", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0], help="perturbations, between 0 and 1"
    )
    given = parser.parse_args()
    try:
        wrong = [one for one in given.runs if "=" not in one or one.startswith("=")]
        if wrong:
            raise UserError(f"--runs {wrong[0]} is not NAME=URL, such as mlp=runs/mlp")
        if out_of_range := [one for one in given.strengths if not 0 <= one <= 1]:
            raise UserError(f"--strengths {out_of_range[0]} is not between 0 and 1")
        if given.instances < 0:
            raise UserError(f"--instances {given.instances} must be 0 or more")
        from hdray.pipeline.analysis import analyse

        runs = {name: resolve(url) for name, _, url in (one.partition("=") for one in given.runs)}
        url = analyse(runs, resolve(given.out), given.instances, given.strengths, ExecutionSettings())
    except UserError as error:
        print(f"error: {getattr(error, 'cause', error)}", file=sys.stderr, flush=True)
        sys.exit(2)
    print(url)
