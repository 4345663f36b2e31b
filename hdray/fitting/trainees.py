"""Which Trainee finds the networks that instances share: of the kinds that come with hdray by name, of others their own."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from hdray.fields.kind import Network
from hdray.fields.settings import FieldSettings
from hdray.fitting.auto_decoding import AutoDecoding
from hdray.fitting.mixture_training import MetaLearning, MixtureAutoDecoding
from hdray.fitting.point_set import PointSet
from hdray.fitting.settings import SharedSettings
from hdray.generators.trainee import Trainee


class BuildTrainee(Protocol):
    """Makes what is trained, the same in every worker. What it exports is the `shared` that fields are built with."""

    def __call__(
        self,
        points: PointSet,
        field: FieldSettings,
        shared: SharedSettings,
        seed: int,
        times: Tensor | None,
    ) -> Trainee:
        """times (T,) of animations, the time coordinate of each frame; points hold S/T of each, frame after frame.

        None for still shapes, the only ones of the kinds that come with hdray and have networks.
        """
        ...


def _base(
    points: PointSet,
    field: FieldSettings,
    shared: SharedSettings,
    seed: int,
    times: Tensor | None,
) -> Trainee:
    return AutoDecoding(points, field, shared, shared.steps, seed)


def _mixture(
    points: PointSet,
    field: FieldSettings,
    shared: SharedSettings,
    seed: int,
    times: Tensor | None,
) -> Trainee:
    way = MetaLearning if field.adaptation == "meta" else MixtureAutoDecoding
    return way(points, field, seed)


TRAINEES: Mapping[str, BuildTrainee] = {"base": _base, "mnif": _mixture}
"""By the name of the network."""


def trainee_of(network: Network) -> BuildTrainee:
    """What builds the Trainee of these networks."""
    return network.trainee or TRAINEES[network.name]
