from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from hdray.config.presets import PRESETS
from hdray.config.tree import Config
from hdray.generators.settings import GenerateSettings
from hdray.metrics.settings import EvaluateSettings
from hdray.pipeline.generate_stage import sample_schema, samples_table
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shapes import compared_samples, generated_shapes, one_body_share
from hdray.signals.settings import OccupancySettings
from tests.pipeline.tables import write_rows

SMALL = replace(
    PRESETS["demo"](),
    signal=OccupancySettings(surface_points=2),
    generate=GenerateSettings(count=5),
    evaluate=EvaluateSettings(points=2),
)


def samples(tmp_path: Path) -> RunDirectory:
    """Vectors 0, 0, 4, 9, 4.5 and one too many; the fourth has no surface."""
    run = RunDirectory(str(tmp_path))
    rows = [
        {
            "id": f"sample-{number:05d}",
            "theta": [place, 0.0],
            "bodies": 1,
            "surface": None if number == 3 else [0.0] * 6,
            "reason": "the field is empty" if number == 3 else None,
        }
        for number, place in enumerate((0.0, 0.0, 4.0, 9.0, 4.5, 100.0))
    ]
    write_rows(samples_table(run), "made", pa.Table.from_pylist(rows, schema=sample_schema()))
    return run


def compared(run: RunDirectory, config: Config, references: int) -> tuple[list[str], int]:
    names = compared_samples(run, config, references)
    shapes, reasons = generated_shapes(run, config, names)
    assert sorted([*shapes.ids, *reasons]) == names
    return [name[-1] for name in shapes.ids], len(reasons)


def test_all_samples_are_compared_unless_asked(tmp_path: Path) -> None:
    run = samples(tmp_path)
    assert compared(run, SMALL, 2) == (["0", "1", "2", "4"], 1)
    distinct = replace(SMALL, evaluate=replace(SMALL.evaluate, deduplicate=True))
    # Nearest others are 0, 0, 0.5, 4.5 and 0.5 away; an empty one among those that are kept is a miss as ever.
    assert compared(run, distinct, 3) == (["2", "4"], 1)
    assert compared(run, distinct, 1) == ([], 1)
    assert compared(run, distinct, 9) == (["0", "1", "2", "4"], 1)
    assert one_body_share(run, compared_samples(run, distinct, 3)) == 1
