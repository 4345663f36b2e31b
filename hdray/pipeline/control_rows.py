"""The table that a generator's numbers are read against: sets of shapes whose worth is known, under the same protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from hdray.config.tree import Config
from hdray.fields.kinds import kind_of
from hdray.metrics.controls import KINDS, NOISES, control_set, in_place_of_generated, offered
from hdray.metrics.novelty import copying_z, median
from hdray.metrics.selection import Selection
from hdray.metrics.shape_sets import ShapeSet
from hdray.pipeline.audit import Audit
from hdray.pipeline.run_protocol import protocol_of
from hdray.pipeline.scorer import Scorer
from hdray.pipeline.shapes import Vectors

REAL = "real"
"""Training shapes by their own surfaces: what the best generator would score."""


@dataclass(frozen=True)
class Standard:
    """What every row of the table is measured against."""

    scorer: Scorer
    selection: Selection
    """Of the generated shapes: as many of a control are compared, or as there are to train on if those are fewer."""
    audit: Audit
    held_out: Tensor
    """Distances of held-out shapes to the nearest training shape, (H,)."""

    def row(self, shapes: ShapeSet, to_training: Tensor) -> dict[str, float]:
        """{mmd_cd, cov_cd, nna_cd, nearest_chamfer, copying_z, count, empty} of a control.

        `to_training` (N,): distances of those that have a surface to the nearest training shape.
        """
        compared = in_place_of_generated(shapes, self.selection, self.scorer.protocol)
        metrics, _ = self.scorer.scores(compared)
        return {
            **metrics,
            "nearest_chamfer": median(to_training),
            "copying_z": copying_z(to_training, self.held_out),
            "count": len(compared.generated) + compared.misses,
            "empty": len(shapes.excluded),
        }


def control_kinds(config: Config, training: Vectors) -> tuple[str, ...]:
    """The controls that these training vectors can give, beside `REAL`."""
    if kind_of(
        config.field.kind
    ).cloud:  # points come in no order: the average of two clouds, or a Gaussian, means nothing
        return ("repeated",)
    return KINDS if len(training.ids) > 1 else ("training", *NOISES, "repeated")


def control_vectors(kind: str, training: Vectors, selection: Selection, config: Config) -> Vectors:
    """The vectors of a control, for as many shapes as are compared of the generated, at most one per training vector."""
    count = offered(selection, protocol_of(config))
    return Vectors(*control_set(kind, training.theta, training.ids, count, config.seed))


def control_rows(
    standard: Standard, real: ShapeSet, training: Sequence[str], controls: Mapping[str, ShapeSet]
) -> dict[str, dict[str, float]]:
    """A row for each control, by name, of its fields' surfaces.

    `real` are the shapes of the ids `training`, by their own surfaces. What is nearest to them is measured by the surfaces
    of their fields, as for all others, among the training shapes that they are not.
    """
    audit = standard.audit
    rows = {REAL: standard.row(real, audit.to_others(training))}
    rows |= {kind: standard.row(shapes, audit.chamfer(shapes).amin(dim=1)) for kind, shapes in controls.items()}
    return rows


def chosen(training: Vectors, selection: Selection, config: Config) -> list[str]:
    """Ids of the training shapes that the controls start from, as many as are compared."""
    return [name.partition("/")[2] for name in control_vectors("training", training, selection, config).ids]
