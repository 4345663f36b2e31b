import io

import numpy as np
import pytest
import trimesh

from hdray.errors import UserError
from hdray.signals.mesh import Mesh
from hdray.surfaces.extract import extract
from hdray.surfaces.files import FORMATS, write_mesh
from tests.surfaces.shapes import NO_WEIGHTS, ball


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_is_written_can_be_read(file_format: str):
    mesh = extract(ball((0.1, 0, 0), 0.3), NO_WEIGHTS, resolution=24)
    assert isinstance(mesh, Mesh)
    content = write_mesh(mesh, file_format)
    assert isinstance(content, bytes)
    read = trimesh.load_mesh(io.BytesIO(content), file_type=file_format, process=False)
    np.testing.assert_array_equal(read.faces, mesh.faces)
    np.testing.assert_allclose(read.vertices, mesh.vertices, atol=1e-6)
    assert write_mesh(mesh, file_format) == content


def test_unknown_format():
    with pytest.raises(UserError, match="ply, obj, glb"):
        write_mesh(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]])), "stl")
