"""A folder of meshes in, generated meshes and a report out: every stage, doing what the run still lacks.

python jobs/full_pipeline.py --run runs/chairs
python jobs/full_pipeline.py --help
"""

from hdray.pipeline.job import STAGES, main

if __name__ == "__main__":
    main(STAGES, (__doc__ or "").partition("\n")[0], "jobs/full_pipeline.py")
