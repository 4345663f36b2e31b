"""Measure the run's generated shapes against held-out ones and audit memorisation.

python jobs/evaluate.py --run runs/chairs
python jobs/evaluate.py --help
"""

from hdray.pipeline.job import main

if __name__ == "__main__":
    main(["evaluate"], (__doc__ or "").partition("\n")[0], "jobs/evaluate.py")
