"""Meshes to neural fields: sample, label and fit what the run's instances table still lacks.

python jobs/fit.py --run runs/chairs
python jobs/fit.py --help
"""

from hdray.pipeline.job import main

if __name__ == "__main__":
    main(["fit"], (__doc__ or "").partition("\n")[0], "jobs/fit.py")
