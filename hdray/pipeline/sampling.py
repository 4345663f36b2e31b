"""The sampling stage: an actor that turns rows of the manifest into labelled points, or into reasons."""

import time
from typing import TYPE_CHECKING, Any

from hdray.config.tree import Config
from hdray.pipeline.inputs import read_content
from hdray.pipeline.instances import ACCEPTED, POINT_COLUMNS, REJECTED, sampled_schema
from hdray.pipeline.run_directory import content_hash
from hdray.signals.limits import LimitedReader
from hdray.signals.occupancy import MeshSampling
from hdray.signals.rejection import Rejected

if TYPE_CHECKING:
    import pyarrow


class SamplingActor:
    """Ray Data actor: a table of manifest_schema in, one of sampled_schema out; a bad input is a row with a reason."""

    def __init__(self, config: Config) -> None:
        self.config = config
        reading = MeshSampling(config.signal, config.seed, config.inputs.max_self_intersection < 1)
        self.reader = LimitedReader(reading, config.signal.time_limit_s, config.signal.memory_limit_gb)
        self.reader.start()

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
            sample = self.reader.read(row["id"], (content, extension))
        except Rejected as rejection:
            sampled.update(status=REJECTED, reason=str(rejection))
        else:
            sampled.update(status=ACCEPTED, repairs=sample.repairs, solid_fraction=sample.solid_fraction)
            sampled["self_intersection"] = sample.self_intersection
            sampled.update({name: getattr(sample, name).tobytes() for name in ("surface", *POINT_COLUMNS)})
        sampled["sample_seconds"] = time.perf_counter() - start
        return sampled
