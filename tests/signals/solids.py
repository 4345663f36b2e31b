"""Analytic solids the signal tests share, with labels known without any mesh."""

import numpy as np
import trimesh

from hdray.signals.mesh import Mesh


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(np.asarray(shape.vertices, dtype=np.float64), np.asarray(shape.faces, dtype=np.int64))


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    return mesh_of(trimesh.creation.box(bounds=[low, high]))


def sphere(radius: float = 0.5, subdivisions: int = 3) -> Mesh:
    return mesh_of(trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius))


def in_box(points: np.ndarray, low: tuple[float, float, float], high: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(((points > low) & (points < high)).all(axis=1))


def flipped(mesh: Mesh, chosen: np.ndarray | None = None) -> Mesh:
    which = np.ones(len(mesh.faces), dtype=bool) if chosen is None else chosen
    return Mesh(mesh.vertices, np.where(which[:, None], mesh.faces[:, ::-1], mesh.faces))


def without(mesh: Mesh, chosen: np.ndarray) -> Mesh:
    return Mesh(mesh.vertices, mesh.faces[~chosen])
