"""What a report is made from: plain numbers, names and meshes. Whatever a partial run lacks stays at its default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hdray.signals.mesh import Mesh


@dataclass(frozen=True, kw_only=True)
class InstanceRow:
    """One input, accepted or rejected: the columns of the instances table that the page shows."""

    id: str
    source: str
    status: str
    """accepted or rejected."""
    reason: str | None = None
    split: str | None = None
    repairs: tuple[str, ...] = ()
    iou: float | None = None
    """On held-out uniform points; None for a shape without a field."""
    near_iou: float | None = None
    """On held-out near-surface points; None for a shape without a field."""


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """Training loss, one entry per logged step: both (N,)."""

    steps: npt.NDArray[np.integer]
    loss: npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class TrainingShape:
    """A training shape as its fitted field has it. `mesh` is None when the field's surface is empty."""

    name: str
    mesh: Mesh | None
    frames: Sequence[Mesh] = ()
    """Of an animation: all its frames; `mesh` is the first."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A training shape near a generated one. Ranks count from 1, the nearest of all; None if unknown."""

    id: str
    """Key into `ReportData.training_shapes`."""
    weights: float | None = None
    """Euclidean distance between the weight vectors."""
    chamfer: float | None = None
    weights_rank: int | None = None
    chamfer_rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class GeneratedShape:
    """A generated shape beside its nearest training shapes, nearest first. `mesh` is None when the field is empty."""

    id: str
    mesh: Mesh | None
    neighbours: tuple[Neighbour, ...] = ()
    frames: Sequence[Mesh] = ()
    """Of an animation: all its frames; `mesh` is the first."""


@dataclass(frozen=True, kw_only=True)
class ClosestPair:
    """A generated shape and the training shape nearest to it, among the nearest of all such pairs."""

    generated: GeneratedShape
    training: str
    """Key into `ReportData.training_shapes`."""
    chamfer: float


@dataclass(frozen=True, kw_only=True)
class DenoisingStep:
    """One sample on its way from noise to shape. `mesh` is None where nothing has formed yet."""

    label: str
    mesh: Mesh | None


@dataclass(frozen=True, kw_only=True)
class NearestDistances:
    """The memorisation audit in one space: each shape's distance to its nearest training shape, (N,) arrays."""

    space: str
    """weights or chamfer."""
    generated: npt.NDArray[np.floating]
    """Of generated shapes that have a surface; NaN where there is no distance."""
    held_out: npt.NDArray[np.floating]
    """Real shapes that no training has seen."""
    noise: npt.NDArray[np.floating]
    """Training weights plus noise: what copying looks like."""


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything the page can show; see each field for what it becomes."""

    run: str
    """The run's location as the user would type it after --run."""
    preset: str
    date: str
    counts: Mapping[str, int] = field(default_factory=dict)
    """inputs, accepted, rejected, fitted, passed (the quality gate), generated, empty; others are listed as named."""
    instances: Sequence[InstanceRow] = ()
    gate: float | None = None
    """Least near-surface IoU of a fit that is trained on."""
    loss_curve: LossCurve | None = None
    generated: Sequence[GeneratedShape] = ()
    training_shapes: Mapping[str, TrainingShape] = field(default_factory=dict)
    denoising: Sequence[DenoisingStep] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    """As in metrics.json: mmd_cd, cov_cd, nna_cd (fractions), and others."""
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """As in metrics.json, of some of the metrics: {"low", "high", "over", "interval_of"}."""
    protocol: Mapping[str, object] = field(default_factory=dict)
    """As in metrics.json."""
    controls: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Sets whose worth is known, by name: the same metrics, nearest_chamfer, copying_z, count (compared) and empty."""
    withheld: Mapping[str, Any] | None = None
    """As in metrics.json, of a run that withheld a combination of parts from training."""
    showing_withheld: Sequence[GeneratedShape] = ()
    """The samples that show this combination."""
    audit: Sequence[NearestDistances] = ()
    closest: Sequence[ClosestPair] = ()
    """Nearest first, chosen among all generated shapes."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """Of the generator, as in metrics.json: parameters, samples_seen, train_seconds."""
    configuration: str | None = None
    """The text of the resolved config.yaml."""
    versions: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time of each stage."""
    up: str = "y"
    """The axis that points up in the data: y or z."""
