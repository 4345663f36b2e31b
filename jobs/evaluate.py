"""Measure the run's generated shapes against held-out ones and audit memorisation; --samples scores any two folders.

python jobs/evaluate.py --run runs/chairs
python jobs/evaluate.py --samples made/ --reference real/ --protocol hyperdiffusion-code --out scores.json
python jobs/evaluate.py --help
python jobs/evaluate.py --samples made/ --help
"""

import sys

from hdray.pipeline import score
from hdray.pipeline.job import main

if __name__ == "__main__":
    if score.is_asked(sys.argv[1:]):
        score.main("jobs/evaluate.py")
    else:
        main(["evaluate"], (__doc__ or "").partition("\n")[0], "jobs/evaluate.py")
