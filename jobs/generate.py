"""Sample vectors from the run's trained generator and turn them into meshes.

python jobs/generate.py --run runs/chairs
python jobs/generate.py --help
"""

from hdray.pipeline.job import main

if __name__ == "__main__":
    main(["generate"], (__doc__ or "").partition("\n")[0], "jobs/generate.py")
