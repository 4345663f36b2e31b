"""Evaluation protocols as data: everything that numbers depend on beside the shapes. Numbers of different ones never mix.

What each published protocol is read from, where paper and code differ, is in the `source` of each.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from hdray.errors import UserError

NORMALISATIONS = ("none", "std", "box", "sphere", "extent")
"""What hdray.metrics.normalise can do to a cloud."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How two sets of shapes are compared."""

    name: str
    source: str
    """Where it is published, and what of it is inferred."""
    normalisation: str = "none"
    """Of each cloud before distances: none, std, box, sphere or extent."""
    points: int = 0
    """Points of every cloud; 0 takes clouds as they are, of any sizes. Of an animation, of each frame."""
    frames: int | None = 0
    """Frames of every animation, distances being means over them; 0: still shapes; None: whatever all shapes have."""
    shapes: int = 0
    """Shapes of either set that are compared; 0 takes all there are."""
    equal: bool = False
    """As many generated shapes as references (with `shapes` 0); otherwise any two numbers."""
    generated_factor: float = 1.0
    """With `equal`: shapes to generate for each reference, so that empty ones can be dropped rather than count as misses."""
    draws: int = 1
    """Above 1, `shapes` of each set are drawn with replacement so many times, and metrics are means over the draws."""
    squared: bool = True
    """Chamfer: mean of squared nearest distances, otherwise of the distances; both directions are summed."""
    scale: float = 1.0
    """MMD is multiplied by it."""
    emd_points: int = 0
    """Points on which the earth mover's distance is computed (hdray.metrics.emd); 0: it is not."""
    network: str = ""
    """Feature network (hdray.metrics.feature_network), used where its weights are given; empty: none."""
    layer: str = ""
    feature_points: int = 0
    """Points of a cloud that the network sees."""
    feature_normalisation: str = "none"
    """Of each cloud before the network."""
    features_scaled: bool = False
    """Features scaled by the reference's scalar mean and deviation and the Frechet distance divided by their number."""

    def __post_init__(self) -> None:
        for mode in (self.normalisation, self.feature_normalisation):
            if mode not in NORMALISATIONS:
                raise ValueError(
                    f"normalisation {mode!r} of the protocol {self.name} is not one of {', '.join(NORMALISATIONS)}"
                )
        if self.draws > 1 and not self.shapes:
            raise ValueError(f"the protocol {self.name} draws shapes but does not say how many")
        if self.frames and (self.emd_points or self.network):
            raise ValueError(f"the protocol {self.name} has measures of still shapes only and compares animations")
        if self.points and max(self.emd_points, self.feature_points) > self.points:
            raise ValueError(f"the protocol {self.name} takes more points for one measure than it has")

    def as_dict(self) -> dict[str, Any]:
        """What a result holds of it."""
        return asdict(self)


_HYPERDIFFUSION: dict[str, Any] = {
    "normalisation": "std",
    "points": 2_048,
    "equal": True,
    "network": "pointnet2",
    "layer": "fc2",
    "feature_points": 2_048,
    "feature_normalisation": "std",
}

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="none",
            source=(
                "hdray: points as they are, sets and clouds of any sizes, still or moving. PointNet sees 1,024 points in "
                "the unit ball."
            ),
            frames=None,
            network="pointnet",
            layer="linear2",
            feature_points=1_024,
            feature_normalisation="sphere",
        ),
        Protocol(
            name="hyperdiffusion-code",
            source=(
                "HyperDiffusion (ICCV 2023), its code: 1.1 times as many generated shapes, the empty dropped, the first as "
                "many as references kept. Its division by the standard deviation may differ in the fourth digit."
            ),
            generated_factor=1.1,
            **_HYPERDIFFUSION,
        ),
        Protocol(
            name="hyperdiffusion-paper",
            source=(
                "HyperDiffusion (ICCV 2023), section 6.3: mean and standard deviation of each shape, Chamfer values times "
                "100. Squared distances and the layer of the features are inferred from its code."
            ),
            scale=100.0,
            **_HYPERDIFFUSION,
        ),
        Protocol(
            name="hyperdiffusion-4d",
            source=(
                "HyperDiffusion (ICCV 2023), its code for animations: 16 frames of 2,048 points, each frame minus its "
                "mean, all scaled so that the largest absolute coordinate is 0.95; as many generated as reference "
                "animations. There an empty frame becomes points at 0; here such an animation is a miss."
            ),
            normalisation="extent",
            points=2_048,
            frames=16,
            equal=True,
        ),
        Protocol(
            name="nef-gpt",
            source=(
                "Autoregressive generation of neural field weights: 32 generated against 32 reference shapes, drawn with "
                "replacement, means over 32 draws. A shape drawn twice counts twice, as published: it is its own nearest "
                "neighbour, and 1-NNA of equal distributions is above 50 %, 52 % with 600 shapes to draw from, 81 % with 32. "
                "The rest is inferred from HyperDiffusion, whose metrics it adopts."
            ),
            shapes=32,
            draws=32,
            **{**_HYPERDIFFUSION, "equal": False},
        ),
        Protocol(
            name="mlora",
            source=(
                "Weight space representation learning with multiplicative LoRA (arXiv 2512.01759 v2), sections 4.3 and 9: "
                "2,048 against 2,048 shapes, features scaled by the reference, Frechet distance over their number. "
                "Normalisation, the factor 100 of MMD and the layer are inferred from HyperDiffusion."
            ),
            shapes=2_048,
            scale=100.0,
            features_scaled=True,
            **{**_HYPERDIFFUSION, "equal": False},
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """The protocol of that name. Raises UserError for a name that is not known."""
    if name not in PROTOCOLS:
        raise UserError(f"--protocol {name} is not known; the protocols are {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def changed(protocol: Protocol, points: int | None, emd_points: int | None, frames: int | None = None) -> Protocol:
    """The protocol with other numbers of points or frames, under a name that says so: they are not the published ones.

    Raises UserError for numbers that do not fit.
    """
    for option, value in (("--points", points), ("--emd-points", emd_points)):
        if value is not None and value < 2:
            raise UserError(f"{option} {value} is not accepted; a cloud has 2 points or more")
    if frames is not None and frames < 2:
        raise UserError(f"--frames {frames} is not accepted; an animation has 2 frames or more")
    moving = protocol.frames if frames is None else frames
    if moving and emd_points:
        raise UserError(
            f"--emd-points {emd_points}: the earth mover's distance is one of still shapes, and animations are compared, "
            "frame by frame, by Chamfer distance alone; leave it out"
        )
    if frames is not None and protocol.frames == 0:
        raise UserError(
            f"--frames {frames}: the protocol {protocol.name} compares still shapes; take hyperdiffusion-4d, or none"
        )
    if frames is not None and frames != protocol.frames:
        name = f"{protocol.name}, changed to {frames} frames"
        protocol = replace(protocol, name=name, frames=frames, network="", layer="")
    if points is not None and points != protocol.points:
        seen = min(protocol.feature_points, points)
        name = f"{protocol.name}, changed to {points} points"
        protocol = replace(protocol, name=name, points=points, feature_points=seen)
    if emd_points is not None and emd_points != protocol.emd_points:
        if protocol.points and emd_points > protocol.points:
            raise UserError(f"--emd-points {emd_points} is more than the {protocol.points} points of a cloud")
        protocol = replace(protocol, name=f"{protocol.name}, with EMD of {emd_points} points", emd_points=emd_points)
    return protocol
