"""Run a sweep of tune_spaces/ and print its table.

python jobs/sweep.py --space tune_spaces/table3_initialisation.yaml --run runs/table3
python jobs/sweep.py --help
"""

import sys

from hdray.pipeline.sweep_job import main

if __name__ == "__main__":
    main(sys.argv[1:], (__doc__ or "").partition("\n")[0])
