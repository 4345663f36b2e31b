"""The child process: limits hold on real monstrous input, and the next mesh is none the worse."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psutil
import pytest
import trimesh

from hdray.signals.fingerprint import Comparison, fingerprint, read_geometry
from hdray.signals.limits import LimitedReader
from hdray.signals.occupancy import MeshSampling, ShapeSample, sample_mesh_file
from hdray.signals.rejection import Rejected
from hdray.signals.settings import OccupancySettings
from tests.signals.solids import sphere

SETTINGS = OccupancySettings(
    uniform_points=800, near_points=800, held_out_points=80, surface_points=64, time_limit_s=60, memory_limit_gb=0.25
)


def ball(subdivisions: int) -> bytes:
    mesh = sphere(0.5, subdivisions)
    return bytes(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(file_type="ply"))


def sampler_of(settings: OccupancySettings) -> LimitedReader[ShapeSample]:
    return LimitedReader(MeshSampling(settings, 0), settings.time_limit_s, settings.memory_limit_gb)


def child_of(sampler: LimitedReader[Any]) -> psutil.Process:
    child = sampler._child
    assert child is not None
    return psutil.Process(child.pid)


@pytest.fixture(scope="module")
def sampler() -> Iterator[LimitedReader[ShapeSample]]:
    with sampler_of(SETTINGS) as shared:
        yield shared


def test_the_child_gives_what_the_call_gives_and_is_reused(sampler: LimitedReader[ShapeSample]) -> None:
    sample = sampler.read("a", (ball(2), ".ply"))
    child = child_of(sampler)
    assert np.array_equal(sample.points, sample_mesh_file(ball(2), ".ply", SETTINGS, 0, "a").points)
    with pytest.raises(Rejected, match=r"could not be read as \.ply"):
        sampler.read("b", (b"junk", ".ply"))
    sampler.read("c", (ball(2), ".ply"))
    assert child_of(sampler) == child


def test_a_mesh_that_takes_too_much_memory_is_rejected_and_the_next_is_read(
    sampler: LimitedReader[ShapeSample],
) -> None:
    # 5.2 million faces: 63 MB of indices before anything is done with them.
    side = 1616
    row, column = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    corner = (row * (side + 1) + column).reshape(-1, 1)
    faces = np.concatenate([corner + np.array([0, 1, side + 1]), corner + np.array([1, side + 2, side + 1])])
    axis = np.linspace(0, 1, side + 1)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    vertices = np.stack([x, y, 0.1 * np.sin(9 * x)], axis=-1).reshape(-1, 3)
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces
    content = header.encode() + vertices.astype("<f4").tobytes() + rows.tobytes()
    with pytest.raises(Rejected, match="memory"):
        sampler.read("monster", (content, ".ply"))
    assert sampler.read("a", (ball(2), ".ply")).solid_fraction > 0.4


def test_a_mesh_that_takes_too_long_is_rejected_in_time() -> None:
    slow = OccupancySettings(time_limit_s=1.0, memory_limit_gb=2.0)
    with sampler_of(slow) as limited:
        with pytest.raises(Rejected, match="read as"):
            limited.read("start the child", (b"junk", ".ply"))
        child = child_of(limited)
        start = time.monotonic()
        with pytest.raises(Rejected, match=r"longer than the limit of 1 s of processor time"):
            limited.read("slow", (ball(8), ".ply"))  # 1.3 million faces
        assert time.monotonic() - start < 30  # the machine may be crowded
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_child_killed_at_work_is_a_rejection_and_replaced(sampler: LimitedReader[ShapeSample]) -> None:
    sampler.read("a", (ball(2), ".ply"))
    child = child_of(sampler)
    killer = threading.Timer(0.5, os.kill, (child.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(Rejected, match="crashed the process that reads meshes"):
        sampler.read("b", (ball(7), ".ply"))
    assert sampler.read("a", (ball(2), ".ply")).solid_fraction > 0.4
    assert child_of(sampler) != child


def test_a_child_killed_at_rest_is_replaced_unnoticed(sampler: LimitedReader[ShapeSample]) -> None:
    sampler.read("a", (ball(2), ".ply"))
    child = child_of(sampler)
    child.kill()
    child.wait(10)
    assert sampler.read("a", (ball(2), ".ply")).solid_fraction > 0.4


class Defective:
    """A reading that trips over every file."""

    def prepare(self) -> None:
        pass

    def __call__(self, name: str, *files: tuple[bytes, str]) -> None:
        raise ZeroDivisionError(f"no {files[0][0].decode()}")


def test_a_defect_of_ours_rejects_the_file_and_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with LimitedReader(Defective(), 60, 1) as limited:
        with pytest.raises(Rejected, match="in an unforeseen way: ZeroDivisionError: no mesh"):
            limited.read("a", (b"mesh", ".obj"))
        child = child_of(limited)
        with pytest.raises(Rejected, match="no shape"):
            limited.read("b", (b"shape", ".obj"))
        assert child_of(limited) == child
    assert "in __call__" in capfd.readouterr().out, "the child's traceback"


def test_closing_ends_the_child() -> None:
    with sampler_of(SETTINGS) as limited:
        limited.read("a", (ball(1), ".ply"))
        child = child_of(limited)
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE


def test_a_rejection_travels_between_processes() -> None:
    assert str(pickle.loads(pickle.dumps(Rejected("why")))) == "why"


def test_files_are_compared_under_the_same_limits() -> None:
    with LimitedReader(Comparison(SETTINGS), 60, 1) as limited:
        numbers = limited.read("one", (ball(2), ".ply"))
        assert isinstance(numbers, np.ndarray)
        assert np.array_equal(numbers, fingerprint(read_geometry(ball(2), ".ply", SETTINGS)))
        # Between a sphere and one of its triangulations: the middle of a face lies below by the sagitta of its edges.
        assert 0.001 < limited.read("two", (ball(2), ".ply"), (ball(3), ".ply")) < 0.02
        for files in ([(b"junk", ".ply")], [(ball(2), ".ply"), (b"junk", ".ply")]):
            with pytest.raises(Rejected, match=r"could not be read as \.ply"):
                limited.read("junk", *files)
