"""Set the weight spaces of finished runs beside each other: fits, categories, fits from two starts, basis networks.

python jobs/analyse.py --runs mlp=runs/mlp mlora=runs/mlora --out runs/analysis
python jobs/analyse.py --help
"""

import sys

from hdray.pipeline.analysis_job import main

if __name__ == "__main__":
    main(sys.argv[1:], (__doc__ or "").partition("\n")[0])
