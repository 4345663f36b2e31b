"""Meshes as files."""

from hdray.errors import UserError
from hdray.signals.mesh import Mesh

FORMATS = ("ply", "obj", "glb")


def write_mesh(mesh: Mesh, file_format: str) -> bytes:
    """The content of a file of `file_format` "ply" (binary), "obj" or "glb", vertices and faces in their order."""
    import trimesh

    if file_format not in FORMATS:
        raise UserError(f"Meshes cannot be written as {file_format!r}: the format must be one of {', '.join(FORMATS)}.")
    content = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(file_type=file_format)
    if isinstance(content, str):
        return content.encode()
    if not isinstance(content, bytes):
        raise TypeError(f"trimesh exported {file_format} as {type(content).__name__}, not as the content of a file")
    return content
