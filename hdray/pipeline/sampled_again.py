"""Labelled points of shapes that were fitted: where the run's points are kept from there, otherwise from their files again.

What looks at the same shapes of several runs has them once: Ray keeps the points of what was asked for, some megabytes a
shape, as long as `SampledAgain` lives.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.instances import ACCEPTED
from hdray.pipeline.point_store import StoredPoints, point_files, points_directory, points_hash, points_table
from hdray.pipeline.sampling import SamplingActor

if TYPE_CHECKING:
    import ray

Row = dict[str, Any]


class SampledAgain:
    """Rows of sampled_schema of shapes, each made once for all runs whose points depend on the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], ray.ObjectRef[Row]] = {}
        self._files: dict[str, dict[str, str]] = {}

    def rows(self, instances: Sequence[Mapping[str, Any]], config: Config) -> "list[ray.ObjectRef[Row]]":
        """References to them, for these rows of the instances table (id, source), in their order; a Ray task makes new ones.

        Whether they are what was fitted is for `as_fitted` to say.
        """
        import ray

        settings = points_hash(config)
        new = [row for row in instances if (settings, row["id"]) not in self._made]
        if new:
            task = ray.remote(_sampled).options(num_cpus=config.execution.task_cpus, num_returns=len(new))
            asked = [{"id": row["id"], "source": row["source"]} for row in new]
            found: Any = task.remote(asked, config, self._stored(config))
            refs = found if len(new) > 1 else [found]  # Ray makes no list of one
            self._made |= {(settings, row["id"]): ref for row, ref in zip(new, refs, strict=True)}
        return [self._made[settings, row["id"]] for row in instances]

    def _stored(self, config: Config) -> dict[str, str]:
        """The files with points that are kept, by id; read once."""
        directory = points_directory(config)
        if directory.url not in self._files:
            self._files[directory.url] = point_files(directory)
        return self._files[directory.url]


def _sampled(instances: list[Row], config: Config, files: dict[str, str]) -> list[Row] | Row:
    """A Ray task of as many returns."""
    found = sampled_again(instances, config, files)
    return found if len(found) > 1 else found[0]


def sampled_again(instances: Sequence[Row], config: Config, files: dict[str, str]) -> list[Row]:
    """Rows of sampled_schema for these (id, source), in their order.

    `files`: where points are kept, by id. The points are those of the fits, as draws depend on the instance alone.
    """
    stored = StoredPoints(points_table(points_directory(config)).rows_url, files)
    kept = all(row["id"] in files for row in instances)
    sampler = None if kept else SamplingActor(config)  # which starts a process
    return [(sampler if sampler and row["id"] not in files else stored).row(row) for row in instances]


def as_fitted(instances: Sequence[Mapping[str, Any]], sampled: Sequence[Row], config: Config) -> list[Row]:
    """Those sampled rows of these of the instances table, once it is clear that they are of what was fitted.

    Raises UserError for a file that is gone or has changed.
    """
    for row, found in zip(instances, sampled, strict=True):
        if found["status"] != ACCEPTED or row["content_hash"] not in (None, found["content_hash"]):
            why = found.get("reason") or "the file has changed since it was fitted"
            raise UserError(
                f"{row['source']} of {config.run} cannot be sampled again ({why}); put it back into "
                f"{config.data or 'the procedural shapes'} as it was, or fit the run anew"
            )
    return list(sampled)
