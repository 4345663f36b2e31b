"""Memory of the streamed pipeline as a slope over the number of shapes, object store included.

Payload as published (100,000 uniform and 100,000 near-surface points a shape, coded); labels are synthetic and fitting
is one step, so that thousands of shapes pass in minutes. Memory is the proportional set size of this process and
everything below it, shared pages of the object store included. MB a shape: `ours` is the slope between the two runs,
`baseline` the allowance, `ratio` allowance over slope.
"""

import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cluster import local_cluster
from benchmarks.peak import PeakMemory
from hdray.config.presets import demo
from hdray.config.tree import Config
from hdray.pipeline.cluster import Resources
from hdray.pipeline.fit_stage import sample_and_fit
from hdray.pipeline.inputs import instance_id
from hdray.pipeline.instances import ACCEPTED, instances_table, manifest_schema, sampled_schema
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import ensure_initialisation
from hdray.seeds import numpy_stream
from hdray.signals.settings import OccupancySettings

if TYPE_CHECKING:
    import pyarrow as pa

FEW, MANY = 400, 4_000
ALLOWANCE_MB = 0.1
OBJECT_STORE_BYTES = 2**30


def measure() -> dict[str, float]:
    """Peak memory of a run over FEW shapes and of one over MANY, each on a fresh cluster."""
    peaks = {count: _peak_mb(count) for count in (FEW, MANY)}
    slope = (peaks[MANY] - peaks[FEW]) / (MANY - FEW)
    for count, peak in peaks.items():
        print(f"{count} shapes: at most {peak:.0f} MB", flush=True)
    # A slope at or below zero is no growth that this could measure; the ratio then names the finest it could.
    resolution = 1.0 / (MANY - FEW)
    if slope < resolution:
        print(f"no growth; the ratio is that of the smallest this tells from none, 1 MB over {MANY - FEW} shapes")
    return {"ours": slope, "baseline": ALLOWANCE_MB, "ratio": ALLOWANCE_MB / max(slope, resolution)}


def _peak_mb(count: int) -> float:
    base = demo()
    config = replace(
        base,
        signal=OccupancySettings(),
        fit=replace(base.fit, steps=1, initialisation="random", batch_size=8),
    )
    with tempfile.TemporaryDirectory() as folder, local_cluster(OBJECT_STORE_BYTES) as resources:
        run = RunDirectory(folder)
        ensure_initialisation(run, config, [], None, {}, resources)
        with PeakMemory() as peak:
            _stream(run, config, count, resources)
        return peak.mb


def _stream(run: RunDirectory, config: Config, count: int, resources: Resources) -> None:
    import pyarrow as pa

    names = [f"shape-{number}" for number in range(count)]
    rows = [{"id": instance_id(name), "source": name, "split": "train"} for name in names]
    instances_table(run).append(
        run.path("stages", "manifest.parquet"),
        pa.Table.from_pylist(rows, schema=manifest_schema()),
        lambda rows: sample_and_fit(rows, run, config, resources, SyntheticSampling),
        what="synthetic shapes fitted",
        cpus=config.execution.task_cpus,
        progress_s=10.0,
        silence_s=600.0,
    )


class SyntheticSampling:
    """Stands for the sampling actor: the same bytes a shape, labels of a ball instead of a mesh's."""

    def __init__(self, config: Config) -> None:
        self.settings = config.signal

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """A sample per row."""
        import pyarrow as pa

        from hdray.signals.points import decode, encode, pack

        rows = []
        for row in batch.to_pylist():
            stream, settings = numpy_stream(row["id"]), self.settings

            def ball(count: int, stream: np.random.Generator = stream) -> tuple[bytes, bytes]:
                codes = encode(stream.random((count, 3)) - 0.5)
                return codes.tobytes(), pack(np.linalg.norm(decode(codes), axis=1) < 0.4).tobytes()

            row["points"], row["labels"] = ball(settings.uniform_points + settings.near_points)
            for kind in ("uniform", "near"):
                row[f"held_out_{kind}"], row[f"held_out_{kind}_labels"] = ball(settings.held_out_points)
            row["surface"], _ = ball(settings.surface_points)
            rows.append({**row, "status": ACCEPTED, "repairs": []})
        return pa.Table.from_pylist(rows, schema=sampled_schema())


if __name__ == "__main__":
    begin = time.monotonic()
    print(measure(), f"{time.monotonic() - begin:.0f} s")
