"""The sampling stage: an actor that turns rows of the manifest into labelled points, or into reasons."""

import math
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hdray.config.tree import Config
from hdray.pipeline.inputs import read_content
from hdray.pipeline.instances import ACCEPTED, POINT_COLUMNS, REJECTED, sampled_schema
from hdray.pipeline.run_directory import content_hash
from hdray.signals.limits import LimitedSampler, ReaderFailed
from hdray.signals.occupancy import ShapeSample
from hdray.signals.rejection import Rejected

if TYPE_CHECKING:
    import pyarrow


class SamplingActor:
    """Ray Data actor: a table of manifest_schema in, one of sampled_schema out; a bad input is a row with a reason."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.sampler = LimitedSampler(config.signal, config.seed)
        self.sampler.start()

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        """Sample each row of the batch."""
        import pyarrow as pa

        return pa.Table.from_pylist([self.row(row) for row in batch.to_pylist()], schema=sampled_schema())

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its points, or with the reason why it has none."""
        start = time.perf_counter()
        sampled = dict(row, repairs=[], sampled_at=time.time())
        try:
            if row.get("reason"):
                raise Rejected(row["reason"])
            content, extension = read_content(self.config, row["source"])
            sampled["content_hash"] = content_hash(content)
            sample = self.sample(content, extension, row)
        except Rejected as rejection:
            sampled.update(status=REJECTED, reason=str(rejection))
        else:
            sampled.update(status=ACCEPTED, repairs=sample.repairs, solid_fraction=sample.solid_fraction)
            if not math.isnan(sample.self_intersection):
                sampled["self_intersection"] = sample.self_intersection
            sampled.update({name: getattr(sample, name).tobytes() for name in ("surface", *POINT_COLUMNS)})
        sampled["sample_seconds"] = time.perf_counter() - start
        return sampled

    def sample(self, content: bytes, extension: str, row: dict[str, Any]) -> ShapeSample:
        """The labelled points. One mesh that a library or hdray trips over does not stop the others: it is Rejected."""
        with rejecting(row["source"]):
            return self.sampler.sample(content, extension, row["id"])


@contextmanager
def rejecting(source: str) -> Iterator[None]:
    """Turn what a mesh brings about in the libraries that read it, or in hdray, into Rejected."""
    try:
        yield
    except (Rejected, ReaderFailed, OSError):
        raise  # a machine or a store in trouble fails the job: recorded as a bad mesh it would stay one forever
    except Exception as error:
        print(f"{source} failed in an unforeseen way:\n{traceback.format_exc()}", flush=True)
        raise Rejected(f"reading it failed in an unforeseen way: {type(error).__name__}: {error}") from error
