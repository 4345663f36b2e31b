"""The streamed sample-and-fit pipeline against the bare compute of its stages on the same cores.

Baseline: the seconds that sampling and fitting compute in one plain process per core (no Ray, no limits, no files, no
streaming), summed and divided by the cores. Ours: the pipeline as users run it, from the first row sampled to the last
row committed (start-up of actors left out, commits left in). `ratio` is baseline over ours, 1 being no overhead.
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.cluster import local_cluster
from hdray.config.presets import demo
from hdray.config.tree import Config, InputSettings
from hdray.pipeline.cluster import Resources
from hdray.pipeline.field import initialisation_url
from hdray.pipeline.fit_stage import check_fit, run_fit
from hdray.pipeline.fitting import FittingActor
from hdray.pipeline.inputs import Input, list_inputs, read_content
from hdray.pipeline.instances import POINT_COLUMNS, read_columns
from hdray.pipeline.run_directory import RunDirectory
from hdray.pipeline.shared import ensure_initialisation
from hdray.signals.occupancy import sample_mesh_file

SHAPES = 64
ROUNDS = 2


def measure() -> dict[str, float]:
    """Interleave streamed runs and bare stages; medians."""
    base = demo()
    ours, baseline = [], []
    with tempfile.TemporaryDirectory() as folder, local_cluster(2**30) as resources:
        for number in range(ROUNDS):
            config = replace(
                base, run=f"{folder}/{number}", inputs=InputSettings(chairs=SHAPES), fit=replace(base.fit, batch_size=8)
            )
            run = RunDirectory(config.run)
            ensure_initialisation(run, config, list_inputs(config)[0], None, {}, resources)
            ours.append(_streamed(run, config, resources))
            baseline.append(_stages(run, config))
    result = {"ours": statistics.median(ours), "baseline": statistics.median(baseline)}
    return {**result, "ratio": result["baseline"] / result["ours"]}


def _streamed(run: RunDirectory, config: Config, resources: Resources) -> float:
    """Seconds from the first row's sampling to the last commit."""
    run_fit(run, config, *check_fit(run, config), resources)
    table = read_columns(run, ["sampled_at", "sample_seconds", "fit_seconds"]).to_pandas()
    first = table["sampled_at"].min()
    last = max(path.stat().st_mtime for path in Path(run.path("commits")).iterdir())
    seconds, cores = last - first, os.cpu_count() or 1
    for stage in ("sample", "fit"):
        busy = table[f"{stage}_seconds"].sum()
        print(f"streamed: {stage} actors were busy {busy:.1f} s, {busy / seconds / cores:.0%} of {cores} cores")
    print(f"streamed: {len(table)} shapes in {seconds:.1f} s, {len(table) / seconds:.2f} a second", flush=True)
    return float(seconds)


def _stages(run: RunDirectory, config: Config) -> float:
    """Seconds that the stages' bare compute takes when it keeps all cores busy."""
    inputs, _ = list_inputs(config)
    size, cores = config.fit.batch_size, os.cpu_count() or 1
    batches = [(config, run.url, inputs[first : first + size]) for first in range(0, len(inputs), size)]
    os.environ["OMP_NUM_THREADS"] = "1"
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        busy = pool.starmap(_sample_and_fit, batches, chunksize=1)
    sampling, fitting = (sum(times) / cores for times in zip(*busy, strict=True))
    print(f"bare: sampling {sampling:.1f} s, fitting {fitting:.1f} s on {cores} cores", flush=True)
    return sampling + fitting


def _sample_and_fit(config: Config, run_url: str, inputs: list[Input]) -> tuple[float, float]:
    """One batch in this process, both stages without anything around them; the seconds each took."""
    import embreex.mesh_construction  # noqa: F401  (loading libraries is not the stages' compute)
    import igl  # noqa: F401
    import scipy.sparse.csgraph  # noqa: F401
    import trimesh  # noqa: F401

    actor = FittingActor(config, initialisation_url(RunDirectory(run_url)))
    contents = [read_content(config, item.source) for item in inputs]
    begin = time.perf_counter()
    samples = [
        sample_mesh_file(content, extension, config.signal, config.seed, item.id)
        for item, (content, extension) in zip(inputs, contents, strict=True)
    ]
    sampled = time.perf_counter()
    rows = [
        {"id": item.id, **{name: getattr(sample, name).tobytes() for name in ("surface", *POINT_COLUMNS)}}
        for item, sample in zip(inputs, samples, strict=True)
    ]
    ready = time.perf_counter()
    actor.fit_rows(rows)
    return sampled - begin, time.perf_counter() - ready


if __name__ == "__main__":
    print(measure())
