"""The damage study: is the repaired solid the shape a person sees?

Watertight meshes are damaged in known ways (components flipped, faces flipped, faces deleted), repaired, and asked at
points whose labels the undamaged solid gives. Run: python benchmarks/repair.py --data DIR
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("IGL_NUM_THREADS", "1")

import numpy as np

from hdray.seeds import numpy_stream
from hdray.signals.cleaning import clean
from hdray.signals.mesh import Mesh
from hdray.signals.mesh_file import EXTENSIONS, read_mesh
from hdray.signals.occupancy import MeshOccupancy
from hdray.signals.patches import connected, unbalanced_edges
from hdray.signals.placement import place
from hdray.signals.points import decode, encode
from hdray.signals.rejection import Rejected
from hdray.signals.repair import repair_mesh
from hdray.signals.settings import OccupancySettings

FLIPPED_COMPONENTS = 0.5
FLIPPED_FACES = 0.10
DELETED_FACES = 0.02


def flip_components(mesh: Mesh, stream: np.random.Generator) -> Mesh:
    """Half of the connected components (at least one) turned inside out."""
    part = connected(mesh.faces, len(mesh.vertices))
    count = int(part.max()) + 1
    chosen = stream.permutation(count)[: int(np.ceil(FLIPPED_COMPONENTS * count))]
    return Mesh(mesh.vertices, np.where(np.isin(part, chosen)[:, None], mesh.faces[:, ::-1], mesh.faces))


def flip_faces(mesh: Mesh, stream: np.random.Generator) -> Mesh:
    """A tenth of the faces turned over."""
    chosen = stream.permutation(len(mesh.faces)) < FLIPPED_FACES * len(mesh.faces)
    return Mesh(mesh.vertices, np.where(chosen[:, None], mesh.faces[:, ::-1], mesh.faces))


def delete_faces(mesh: Mesh, stream: np.random.Generator) -> Mesh:
    """One face in fifty (at least one) taken away."""
    deleted = stream.permutation(len(mesh.faces)) < DELETED_FACES * len(mesh.faces)
    return Mesh(mesh.vertices, mesh.faces[~deleted])


DAMAGES = {
    "none (repair alone)": lambda mesh, stream: mesh,
    "half the components flipped": flip_components,
    "10 % of the faces flipped": flip_faces,
    "2 % of the faces deleted": delete_faces,
}


def study(mesh: Mesh, name: str, points_per_kind: int) -> dict[str, tuple[float, float]]:
    """For each kind of damage the share of points labelled as the undamaged solid labels them, and seconds of repair."""
    settings = OccupancySettings()
    truth = MeshOccupancy(mesh, [], settings)
    uniform = numpy_stream(name, "uniform").random((points_per_kind, 3)) - 0.5
    surface = truth.surface_points(points_per_kind, name, "surface")
    near = surface + numpy_stream(name, "noise").normal(scale=settings.near_sigma, size=surface.shape)
    points = decode(encode(np.concatenate([uniform, near])))
    labels = truth.query(points)
    results = {}
    for kind, damage in DAMAGES.items():
        damaged = damage(mesh, numpy_stream(name, kind))
        start = time.perf_counter()
        try:
            repaired, repairs = repair_mesh(clean(damaged)[0])
            seconds = time.perf_counter() - start
            share = float((MeshOccupancy(repaired, repairs, settings).query(points) == labels).mean())
        except Rejected:
            seconds, share = time.perf_counter() - start, 0.0  # a rejected file labels no point
        results[kind] = (share, seconds)
    return results


def main() -> None:
    """Study every watertight mesh of a folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of meshes; those that are not closed are left out"
    )
    parser.add_argument(
        "--points", type=int, default=8192, help="points of each kind (uniform, near the surface) per mesh"
    )
    parser.add_argument("--worst", type=int, default=5, help="how many of the worst meshes to name per kind of damage")
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.data.rglob("*") if path.suffix.lower() in EXTENSIONS)
    rows: dict[str, dict[str, tuple[float, float]]] = {}
    left_out = 0
    for path in paths:
        try:
            mesh = place(clean(read_mesh(path.read_bytes(), path.suffix))[0], "box")
            if len(unbalanced_edges(mesh.faces)):
                raise Rejected("it is not closed")
            rows[path.relative_to(arguments.data).as_posix()] = study(mesh, path.name, arguments.points)
        except Rejected as reason:
            left_out += 1
            print(f"left out: {path.name}: {reason}")
    print(
        f"\n{len(rows)} closed meshes, {left_out} left out; {arguments.points} uniform and as many near-surface points each"
    )
    print(f"{'damage':30s} {'median':>9s} {'mean':>9s} {'5th perc.':>9s} {'minimum':>9s} {'seconds':>9s}")
    for kind in DAMAGES:
        shares = np.array([row[kind][0] for row in rows.values()])
        seconds = np.median([row[kind][1] for row in rows.values()])
        numbers = (np.median(shares), shares.mean(), np.quantile(shares, 0.05), shares.min())
        print(f"{kind:30s} " + " ".join(f"{number:9.4%}" for number in numbers) + f" {seconds:9.3f}")
    for kind in DAMAGES:
        worst = sorted((row[kind][0], name) for name, row in rows.items())[: arguments.worst]
        print(f"worst, {kind}: " + ", ".join(f"{name} {share:.4f}" for share, name in worst))


if __name__ == "__main__":
    main()
