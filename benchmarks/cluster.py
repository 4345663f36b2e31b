"""A Ray cluster of a benchmark's own on this machine, started and stopped by it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from hdray.config.tree import ExecutionSettings
from hdray.pipeline.cluster import Resources, connect


@contextmanager
def local_cluster(object_store_bytes: int) -> Iterator[Resources]:
    """Ray on this machine's cores with an object store of this size."""
    import ray

    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ.pop("RAY_ADDRESS", None)
    ray.init(
        address="local", include_dashboard=False, object_store_memory=object_store_bytes, logging_level=logging.ERROR,
        log_to_driver=False,
    )  # fmt: skip
    try:
        yield connect(ExecutionSettings())
    finally:
        ray.shutdown()
