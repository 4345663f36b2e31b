"""Measure the run's generated shapes against held-out ones and audit memorisation; --samples scores any two folders.

python jobs/evaluate.py --run runs/chairs
python jobs/evaluate.py --run runs/chairs --protocol nef-gpt
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
        # Of a run the protocol is a value of its configuration like any other.
        sys.argv[1:] = ["--evaluate." + word[2:] if score.is_protocol(word) else word for word in sys.argv[1:]]
        said = (__doc__ or "").partition("\n")[0]
        main(
            ["evaluate"],
            f"{said} --protocol is short for --evaluate.protocol; of two folders see --samples made/ --help.",
            "jobs/evaluate.py",
        )
