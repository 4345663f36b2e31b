"""Write the run's report.html and samples.png from whatever its stages have made.

python jobs/report.py --run runs/chairs
python jobs/report.py --help
"""

from hdray.pipeline.job import main

if __name__ == "__main__":
    main(["report"], (__doc__ or "").partition("\n")[0], "jobs/report.py")
