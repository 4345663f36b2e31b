"""Run every benchmark (or those named), print both sides with their ratio, and write build/bench.json.

python -m benchmarks
python -m benchmarks fit mesh
"""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("fit", "fit_lora", "fit_lora_small", "fit_mixture", "mesh", "chamfer", "evaluation", "pipeline", "memory")
RESULT = Path("build/bench.json")


def _commit() -> str:
    """The commit that is checked out, with -dirty where files differ from it; empty outside a repository or without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def main() -> None:
    """Measure, one benchmark after the other: each has the machine to itself."""
    import torch

    names = sys.argv[1:] or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        sys.exit(f"error: no benchmark is called {unknown[0]}; there are {', '.join(NAMES)}")
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, GPUs: {torch.cuda.device_count()}", flush=True)
    made = {"commit": _commit(), "at": time.strftime("%Y-%m-%d %H:%M")}
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for name in names:
        print(f"== {name}", flush=True)
        found = importlib.import_module(f"benchmarks.{name}").measure()
        results[name] = found | made
        RESULT.parent.mkdir(exist_ok=True)
        partial = RESULT.with_suffix(".partial")
        partial.write_text(json.dumps(results, indent=1) + "\n")
        partial.replace(RESULT)
    print(f"\n{'benchmark':<14} {'ours':>12} {'baseline':>12} {'ratio':>8}")
    for name in names:
        row = results[name]
        print(f"{name:<14} {row['ours']:>12.4g} {row['baseline']:>12.4g} {row['ratio']:>8.2f}")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    main()
