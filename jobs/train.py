"""Train the run's generator on its fitted vectors, from the last checkpoint if there is one.

python jobs/train.py --run runs/chairs
python jobs/train.py --help
"""

from hdray.pipeline.job import main

if __name__ == "__main__":
    main(["train"], (__doc__ or "").partition("\n")[0], "jobs/train.py")
