"""Shapes that were fitted, read from their files once more: their labelled points are kept nowhere else."""

from collections.abc import Mapping, Sequence
from typing import Any

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.instances import ACCEPTED
from hdray.pipeline.sampling import SamplingActor


def sampled_again(rows: Sequence[Mapping[str, Any]], config: Config) -> list[dict[str, Any]]:
    """Rows of sampled_schema for these of the instances table (id, source, content_hash), in their order.

    The points are those of the fits, as draws depend on the instance alone. Raises UserError for a file that is gone or
    has changed.
    """
    sampler = SamplingActor(config)
    found = []
    for row in rows:
        sampled = sampler.row({"id": row["id"], "source": row["source"]})
        if sampled["status"] != ACCEPTED or row["content_hash"] not in (None, sampled["content_hash"]):
            why = sampled.get("reason") or "the file has changed since it was fitted"
            raise UserError(
                f"{row['source']} of {config.run} cannot be sampled again ({why}); put it back into "
                f"{config.data or 'the procedural shapes'} as it was, or fit the run anew"
            )
        found.append(sampled)
    return found
