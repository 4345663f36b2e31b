"""Coarse-to-fine meshing against the dense grid at 256^3: fields really fitted, marching cubes included, same mesh.

Seconds per shape, the mean over a chair of the embedded family and an airplane with wings 1.2 % of its span thick.
"""

import statistics
import time

import numpy as np
import torch

from hdray.fields.mlp import MLPField
from hdray.fields.settings import MLPSettings
from hdray.fitting.descent import fit
from hdray.fitting.initialisation import random_start
from hdray.fitting.quality import quality
from hdray.fitting.settings import FitSettings
from hdray.signals.chairs import chair
from hdray.signals.mesh import Mesh, join
from hdray.signals.occupancy import MeshOccupancy, ShapeSample
from hdray.signals.placement import place
from hdray.signals.settings import OccupancySettings
from hdray.surfaces.extract import extract
from hdray.threads import one_thread

RESOLUTION = 256
ROUNDS = 3
FIELD = MLPSettings(frequencies=5, frequency_base=3.14159)
FIT = FitSettings(batch_size=2, steps=800)
SIGNAL = OccupancySettings(uniform_points=48_000, near_points=48_000)
AIRPLANE = [  # (edges, centre) of boxes: fuselage, wings, tail planes, fin
    ((0.08, 0.08, 0.9), (0.0, 0.0, 0.0)),
    ((0.96, 0.012, 0.18), (0.0, 0.0, -0.01)),
    ((0.34, 0.010, 0.09), (0.0, 0.0, 0.38)),
    ((0.010, 0.17, 0.10), (0.0, 0.085, 0.38)),
]


def measure() -> dict[str, float]:
    """Seconds per shape: {"ours", "baseline", "ratio"}. Raises AssertionError where the two meshes differ."""
    field = MLPField(FIELD)
    samples = [_sample(chair(0, "chair 0")), _sample(_airplane())]
    points, labels = (np.stack([getattr(sample, name) for sample in samples]) for name in ("points", "labels"))
    with one_thread():  # two shapes are too little work to share between cores
        theta = fit(field, points, labels, random_start(field, 0), FIT, ["chair", "airplane"], 0).theta
    near = [
        np.stack([getattr(sample, name) for sample in samples]) for name in ("held_out_near", "held_out_near_labels")
    ]
    print(f"mesh: IoU near the surface {quality(field, theta, *near).iou.tolist()}, {torch.get_num_threads()} threads")

    for vector in theta:  # warm up
        extract(field, vector, resolution=32)
    ours: list[list[float]] = [[] for _ in theta]
    baseline: list[list[float]] = [[] for _ in theta]
    for _ in range(ROUNDS):
        for shape, vector in enumerate(theta):
            meshes = []
            for method, seconds in (("coarse-to-fine", ours), ("dense", baseline)):
                begin = time.perf_counter()
                mesh = extract(field, vector, resolution=RESOLUTION, method=method)
                seconds[shape].append(time.perf_counter() - begin)
                assert isinstance(mesh, Mesh), mesh
                meshes.append(mesh)
            coarse, dense = meshes
            assert np.array_equal(coarse.vertices, dense.vertices), "the vertices differ"
            assert np.array_equal(coarse.faces, dense.faces), "the faces differ"
    for shape, (fast, slow) in enumerate(zip(ours, baseline, strict=True)):
        print(f"      shape {shape}: {statistics.median(fast):.2f} s against {statistics.median(slow):.2f} s")
    result = {
        "ours": statistics.mean(statistics.median(turns) for turns in ours),
        "baseline": statistics.mean(statistics.median(turns) for turns in baseline),
    }
    return result | {"ratio": result["baseline"] / result["ours"]}


def _sample(mesh: Mesh) -> ShapeSample:
    return MeshOccupancy(place(mesh, SIGNAL.normalisation), [], SIGNAL).sample(0, "mesh")


def _airplane() -> Mesh:
    import trimesh

    parts = []
    for edges, centre in AIRPLANE:
        box = trimesh.creation.box(edges)
        parts.append(Mesh(np.array(box.vertices + np.array(centre)), np.array(box.faces, dtype=np.int64)))
    return join(parts)


if __name__ == "__main__":
    print(measure())
