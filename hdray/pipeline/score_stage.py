"""The work behind `hdray.pipeline.score`: reading, distances and features as Ray tasks, metrics, one result."""

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hdray.config.tree import ExecutionSettings
from hdray.errors import UserError
from hdray.metrics.feature_network import MODELNET40, extract_features, network_of, turned
from hdray.metrics.features import accuracy_of
from hdray.metrics.protocols import Protocol
from hdray.metrics.scoring import feature_scores
from hdray.metrics.selection import Selection, draw_warnings, select
from hdray.metrics.shape_sets import ShapeSet, check_frames, stacked
from hdray.pipeline.cluster import Resources, connect, use_threads, worker_device
from hdray.pipeline.score import Request, read_labels
from hdray.pipeline.scorer import Scorer
from hdray.pipeline.shape_folders import Limits, read_shapes
from hdray.pipeline.windowed import cluster_slots, windowed

if TYPE_CHECKING:
    import numpy as np
    import ray

CLOUDS_A_TASK = 64
"""Whose features a task on a core extracts: seconds of work."""
CLOUDS_A_GPU_TASK = 1024
"""The same on a GPU, where reading the network would otherwise take longer than asking it."""
FEWEST_FEATURES = 4
"""Shapes below which two halves of a set have no covariance."""


def score(request: Request, weights: bytes) -> dict[str, Any]:
    """Everything that is measured, as plain numbers. `weights`: content of the file with the network's, or nothing."""
    begin = time.monotonic()
    resources = connect(ExecutionSettings())
    protocol, seed = request.protocol, request.seed
    limits = Limits(request.time_limit_s, request.memory_limit_gb)
    generated = read_shapes("--samples", request.samples, protocol, seed, limits)
    reference = read_shapes("--reference", request.reference, protocol, seed, limits)
    training = read_shapes("--training", request.training, protocol, seed, limits) if request.training else None
    named = {"--samples": generated, "--reference": reference, **({"--training": training} if training else {})}
    frames = check_frames(named, protocol)
    if frames:
        _check_moving(request)
    selection = select(generated, reference, protocol, seed)
    metrics, intervals = Scorer(selection.reference, protocol, seed, resources).scores(selection)
    features: dict[str, Any] = {"not_computed": "feature networks see still shapes, and these are animations"}
    if not frames:
        features = _features(request, weights, selection, training, resources)
    kinds = {"samples": generated, "reference": reference, **({"training": training} if training else {})}
    return {
        "protocol": protocol.as_dict(),
        "metrics": metrics,
        "intervals": intervals,
        "warnings": draw_warnings(selection, protocol),
        "features": features,
        "counts": {
            "generated": len(selection.generated) + selection.misses,
            "misses": selection.misses,
            "references": len(selection.reference),
            "unused": selection.unused,
            "excluded": {kind: len(shapes.excluded) for kind, shapes in kinds.items()},
            "thinned": {kind: shapes.thinned for kind, shapes in kinds.items()},
            "families": len(set(selection.reference.families)),
            "frames": frames,
        },
        "exclusions": {kind: shapes.excluded for kind, shapes in kinds.items()},
        "places": {"samples": request.samples, "reference": request.reference, "training": request.training},
        "seed": seed,
        "seconds": time.monotonic() - begin,
    }


def _check_moving(request: Request) -> None:
    """Raise UserError where a measure of still shapes is asked for and the shapes move."""
    if request.protocol.emd_points:
        raise UserError(
            f"--emd-points {request.protocol.emd_points}: the earth mover's distance is one of still shapes, and these "
            "are animations, which are compared, frame by frame, by Chamfer distance alone; leave it out"
        )
    if request.weights:
        raise UserError(
            f"--weights {request.weights}: feature networks see still shapes, and these are animations; leave it out"
        )


def _features(
    request: Request, weights: bytes, selection: Selection, training: ShapeSet | None, resources: Resources
) -> dict[str, Any]:
    """Measures of features, or why there are none under "not_computed"."""
    protocol = request.protocol
    if not protocol.network:
        return {"not_computed": f"the protocol {protocol.name} has no feature network"}
    if not weights:
        return {"not_computed": f"no --weights of the protocol's feature network, {protocol.network}, were given"}
    if not (request.label or request.labels):
        return {
            "not_computed": "how well the network knows these shapes was not measured, without which a Frechet distance "
            "says nothing; give the class of the references, --label for all or --labels for each"
        }
    sets = {"generated": selection.generated, "reference": selection.reference}
    if training is not None:
        sets["training"] = training
    for kind, shapes in sets.items():
        if len(shapes) < FEWEST_FEATURES:
            return {"not_computed": f"the {len(shapes)} {kind} shapes are fewer than {FEWEST_FEATURES}"}
        smallest = min(len(cloud) for cloud in shapes.clouds)
        if smallest < protocol.feature_points:
            return {"not_computed": f"a {kind} cloud has {smallest} points, fewer than {protocol.feature_points}"}
    labels = _labels(request, selection.reference)
    found = _extracted(request, weights, sets, resources)
    classes = torch.tensor([MODELNET40.index(label) for label in labels])
    accuracy = accuracy_of(found["reference"]["logits"], classes)
    values = {kind: layers[protocol.layer] for kind, layers in found.items()}
    measured = feature_scores(
        values["generated"],
        values["reference"],
        values.get("training"),
        accuracy,
        protocol,
        request.seed,
    )
    network = network_of(protocol.network, weights, request.weights)
    named = {"network": protocol.network, "layer": protocol.layer, "weights_sha256": network.sha256, "yaw": request.yaw}
    return {**named, "labels": dict(sorted(Counter(labels).items())), **measured}


def _labels(request: Request, reference: ShapeSet) -> list[str]:
    """The class of each reference shape in order. Raises UserError where that of one is not given."""
    if request.label:
        return [request.label] * len(reference)
    known = read_labels(request)
    if missing := [name for name in reference.names if name not in known]:
        raise UserError(
            f"--labels {request.labels} gives no label for {len(missing)} of {len(reference)} reference shapes, the "
            f"first is {missing[0]}; its column 'file' holds names as in --reference"
        )
    return [known[name] for name in reference.names]


def _extracted(
    request: Request, weights: bytes, sets: dict[str, ShapeSet], resources: Resources
) -> dict[str, dict[str, Tensor]]:
    """Features of each set at the protocol's layer and the logits, a Ray task to some of its clouds."""
    import ray

    protocol, gpus = request.protocol, resources.gpus_per_actor
    size = CLOUDS_A_GPU_TASK if gpus else CLOUDS_A_TASK
    task = ray.remote(_extract).options(num_cpus=0 if gpus else 1, num_gpus=gpus)
    stored = ray.put(weights)

    def submit(part: tuple[str, int]) -> "ray.ObjectRef[dict[str, np.ndarray]]":
        kind, first = part
        some = sets[kind].take(range(first, min(first + size, len(sets[kind]))))
        seen = turned(stacked(some.clouds, protocol.feature_points, request.seed, some.names), request.yaw)
        return task.remote(protocol, stored, seen.numpy())

    parts = [(kind, first) for kind, shapes in sets.items() for first in range(0, len(shapes), size)]
    found = dict(windowed(parts, submit, partial(cluster_slots, gpus)))
    return {
        kind: {
            layer: torch.cat([torch.from_numpy(found[part][layer].copy()) for part in parts if part[0] == kind])
            for layer in (protocol.layer, "logits")
        }
        for kind in sets
    }


def _extract(protocol: Protocol, weights: bytes, clouds: "np.ndarray") -> "dict[str, np.ndarray]":
    """A Ray task: features of clouds (N, P, 3)."""
    use_threads(1)
    network = network_of(protocol.network, weights, "given")
    device = worker_device()
    layers = (protocol.layer, "logits")
    found = extract_features(network, torch.from_numpy(clouds.copy()), layers, protocol.feature_normalisation, device)
    return {layer: values.numpy() for layer, values in found.items()}
