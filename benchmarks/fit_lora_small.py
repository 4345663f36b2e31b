"""fit_lora.py at the size that tune_spaces/representations.yaml fits mLoRA with: a base of width 64, 1,024 points a step.

Per shape and step L = 5 layers of H = 64 are 3 x 2 P L H^2 = 126 MFLOP at P = 1,024 points: so few that what surrounds the
products counts for more in the loop. Milliseconds per shape and step.
"""

from benchmarks.fit_lora import compare
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings

SETTINGS = FitSettings(batch_size=16, steps=100, points_per_step=1024, learning_rate=0.03)
FIELD = FieldSettings(kind="mlora", width=64, blocks=2, rank=4, omega=5.0, lora_start="normal")


def measure() -> dict[str, float]:
    """{"ours", "baseline", "ratio"}; see `compare`."""
    return compare(FIELD, SETTINGS)


if __name__ == "__main__":
    print(measure())
