"""Animated .glb files: skins, morph targets and moving nodes, evaluated frame by frame (glTF 2.0, sections 3.6, 3.7, 3.11).

trimesh reads the still pose of such files only.
"""

import json
import struct
from typing import Any

import numpy as np

from hdray.signals.animation import Animation
from hdray.signals.rejection import Rejected

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
TRIANGLES = 4
_DAMAGE = (KeyError, IndexError, ValueError, TypeError, AttributeError, struct.error)
"""What parsing damaged bytes raises."""


def read_animated_glb(content: bytes, frames: int) -> Animation:
    """The first animation of a file, `frames` frames evenly from its start, its end not reached; all meshes in one.

    Raises Rejected where the file is damaged, holds no animation, or holds no triangles.
    """
    try:
        document = _Document(content)
        if not document.moves:
            raise Rejected("it holds one still shape; an animation is needed where signal.frames is set")
        return document.animation(frames)
    except _DAMAGE as error:
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise Rejected(
            f"the file could not be read as an animated .glb; it is damaged or something else ({detail})"
        ) from error


def holds_animation(content: bytes) -> bool:
    """Whether a .glb file's bytes hold an animation; not where they are damaged, which reading them then says."""
    try:
        return _Document(content).moves
    except (Rejected, *_DAMAGE):
        return False


class _Document:
    """A parsed file: its JSON and its binary chunk."""

    def __init__(self, content: bytes) -> None:
        if content[:4] != b"glTF":
            raise Rejected("the file could not be read as .glb: it does not begin with glTF")
        chunks: dict[int, bytes] = {}
        place = 12
        while place + 8 <= len(content):
            length, kind = struct.unpack_from("<II", content, place)
            chunks.setdefault(kind, content[place + 8 : place + 8 + length])
            place += 8 + length
        self.json: dict[str, Any] = json.loads(chunks[_JSON])
        self.binary = chunks.get(_BINARY, b"")
        self.nodes: list[dict[str, Any]] = self.json.get("nodes", [])

    @property
    def moves(self) -> bool:
        """Whether there is an animation."""
        return bool(self.json.get("animations"))

    def animation(self, frames: int) -> Animation:
        """All triangle meshes of the scene, placed at each frame."""
        channels = self._channels(self.json["animations"][0])
        end = max(float(times[-1]) for times, _, _ in channels.values())
        parts: list[list[np.ndarray]] = []
        for moment in np.arange(frames) * (end / frames):
            values = {key: _interpolate(key[1], *channel, float(moment)) for key, channel in channels.items()}
            parts.append(self._pose(values))
        faces, offset = [], 0
        for vertices, corners in zip(parts[0], self._faces(), strict=True):
            faces.append(corners + offset)
            offset += len(vertices)
        if not faces:
            raise Rejected("the file holds no triangles, so there is no surface")
        return Animation(np.stack([np.concatenate(pose) for pose in parts]), np.concatenate(faces))

    def _channels(self, animation: dict[str, Any]) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray, str]]:
        """(node, what of it moves) to key times (k,), key values (k or 3 k, ...) and interpolation."""
        found = {}
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = self.accessor(sampler["input"])[:, 0], self.accessor(sampler["output"])
            kind = sampler.get("interpolation", "LINEAR")
            target = channel["target"]
            keys = len(times) * (3 if kind == "CUBICSPLINE" else 1)
            found[target["node"], target["path"]] = (times, values.reshape(keys, -1), kind)
        if not found:
            raise Rejected("its animation moves nothing")
        return found

    def _drawn(self) -> list[tuple[int, dict[str, Any]]]:
        """Node and primitive of every triangle list of the scene, in order of nodes."""
        found = []
        for index in self._in_scene():
            mesh = self.nodes[index].get("mesh")
            for primitive in [] if mesh is None else self.json["meshes"][mesh]["primitives"]:
                if primitive.get("mode", TRIANGLES) == TRIANGLES:
                    found.append((index, primitive))
        return found

    def _in_scene(self) -> list[int]:
        scenes = self.json.get("scenes")
        waiting = list(scenes[self.json.get("scene", 0)]["nodes"]) if scenes else list(range(len(self.nodes)))
        reached: list[int] = []
        while waiting:
            index = waiting.pop()
            if index not in reached:
                reached.append(index)
                waiting += self.nodes[index].get("children", [])
        return sorted(reached)

    def _faces(self) -> list[np.ndarray]:
        faces = []
        for _, primitive in self._drawn():
            count = self.json["accessors"][primitive["attributes"]["POSITION"]]["count"]
            corners = self.accessor(primitive["indices"])[:, 0] if "indices" in primitive else np.arange(count)
            faces.append(corners.astype(np.int64).reshape(-1, 3))
        return faces

    def _pose(self, values: dict[tuple[int, str], np.ndarray]) -> list[np.ndarray]:
        """The vertices (V, 3) of each primitive in world space while the moving properties have these values."""
        worlds = self._worlds(values)
        posed = []
        for index, primitive in self._drawn():
            node = self.nodes[index]
            vertices = self.accessor(primitive["attributes"]["POSITION"])
            still = node.get("weights", self.json["meshes"][node["mesh"]].get("weights", ()))
            weights = values.get((index, "weights"), np.asarray(still, dtype=np.float64))
            for target, weight in zip(primitive.get("targets", ()), weights, strict=False):
                if "POSITION" in target:
                    vertices = vertices + weight * self.accessor(target["POSITION"])
            if "skin" in node and "JOINTS_0" in primitive["attributes"]:
                matrices = self._skinning(node["skin"], primitive["attributes"], worlds)  # (V, 4, 4)
                posed.append(np.einsum("vij,vj->vi", matrices[:, :3], _homogeneous(vertices)))
            else:
                posed.append(_homogeneous(vertices) @ worlds[index][:3].T)
        return posed

    def _skinning(self, skin: int, attributes: dict[str, int], worlds: list[np.ndarray]) -> np.ndarray:
        """The blended joint matrix (V, 4, 4) of every vertex; the node's own transform has no part in it."""
        joints = self.json["skins"][skin]["joints"]
        inverse = self.json["skins"][skin].get("inverseBindMatrices")
        binds = np.tile(np.eye(4), (len(joints), 1, 1))
        if inverse is not None:
            binds = self.accessor(inverse).reshape(-1, 4, 4).transpose(0, 2, 1)  # stored by columns
        matrices = np.stack([worlds[joint] for joint in joints]) @ binds
        blended, total = 0.0, 0.0
        for number in range(2):  # four joints a vertex in each set
            if f"JOINTS_{number}" in attributes:
                which = self.accessor(attributes[f"JOINTS_{number}"]).astype(np.int64)  # (V, 4)
                weights = self.accessor(attributes[f"WEIGHTS_{number}"])
                blended = blended + np.einsum("vk,vkij->vij", weights, matrices[which])
                total = total + weights.sum(axis=1)
        return np.asarray(blended) / np.maximum(total, 1e-12)[:, None, None]

    def _worlds(self, values: dict[tuple[int, str], np.ndarray]) -> list[np.ndarray]:
        """The world transform (4, 4) of every node."""
        parents = {child: index for index, node in enumerate(self.nodes) for child in node.get("children", ())}
        found: dict[int, np.ndarray] = {}

        def world(index: int, depth: int) -> np.ndarray:
            if depth > len(self.nodes):
                raise ValueError("its nodes are their own parents")
            if index not in found:
                own = _local(
                    self.nodes[index], {path: value for (node, path), value in values.items() if node == index}
                )
                found[index] = world(parents[index], depth + 1) @ own if index in parents else own
            return found[index]

        return [world(index, 0) for index in range(len(self.nodes))]

    def accessor(self, index: int) -> np.ndarray:
        """The numbers (count, width) of an accessor, float64, normalised integers scaled."""
        accessor = self.json["accessors"][index]
        kind, width, count = (
            np.dtype(_COMPONENTS[accessor["componentType"]]),
            _WIDTHS[accessor["type"]],
            accessor["count"],
        )
        numbers = np.zeros((count, width))
        if "bufferView" in accessor:
            numbers = self._view(accessor["bufferView"], accessor.get("byteOffset", 0), kind, count, width)
        if sparse := accessor.get("sparse"):
            places, changes = sparse["indices"], sparse["values"]
            type_of_places = np.dtype(_COMPONENTS[places["componentType"]])
            rows = self._view(places["bufferView"], places.get("byteOffset", 0), type_of_places, sparse["count"], 1)
            new = self._view(changes["bufferView"], changes.get("byteOffset", 0), kind, sparse["count"], width)
            numbers[rows[:, 0].astype(np.int64)] = new
        if accessor.get("normalized") and kind.kind in "iu":
            numbers = np.maximum(numbers / np.iinfo(kind).max, -1.0)
        return numbers

    def _view(self, view: int, offset: int, kind: np.dtype[Any], count: int, width: int) -> np.ndarray:
        described = self.json["bufferViews"][view]
        if described.get("buffer", 0) != 0 or "uri" in self.json["buffers"][0]:
            raise Rejected("its geometry is in another file; export it as one .glb, which holds everything")
        start = described.get("byteOffset", 0) + offset
        stride = described.get("byteStride", kind.itemsize * width)
        rows = np.ndarray((count, width), kind, self.binary, start, (stride, kind.itemsize))
        return rows.astype(np.float64)


def _interpolate(path: str, times: np.ndarray, values: np.ndarray, kind: str, moment: float) -> np.ndarray:
    """The value (w,) at a moment; before the first and after the last key it stays."""
    if kind == "CUBICSPLINE":
        return _spline(times, values.reshape(len(times), 3, -1), moment)
    index = int(np.searchsorted(times, moment, side="right")) - 1
    if index < 0 or index >= len(times) - 1:
        return np.asarray(values[min(max(index, 0), len(times) - 1)])
    if kind == "STEP":
        return np.asarray(values[index])
    share = (moment - times[index]) / (times[index + 1] - times[index])
    before, after = values[index], values[index + 1]
    if path == "rotation":
        return _slerp(before, after, share)
    return np.asarray((1 - share) * before + share * after)


def _slerp(before: np.ndarray, after: np.ndarray, share: float) -> np.ndarray:
    """Between two unit quaternions (4,) along the shorter arc (appendix C.4)."""
    cosine = float(before @ after)
    if cosine < 0:
        after, cosine = -after, -cosine
    angle = np.arccos(min(cosine, 1.0))
    if angle < 1e-6:
        return np.asarray((1 - share) * before + share * after)
    return np.asarray((np.sin((1 - share) * angle) * before + np.sin(share * angle) * after) / np.sin(angle))


def _spline(times: np.ndarray, values: np.ndarray, moment: float) -> np.ndarray:
    """Cubic Hermite (glTF 2.0, appendix C.5): values (k, in-tangent | value | out-tangent, w)."""
    index = int(np.searchsorted(times, moment, side="right")) - 1
    if index < 0 or index >= len(times) - 1:
        return np.asarray(values[min(max(index, 0), len(times) - 1), 1])
    span = times[index + 1] - times[index]
    t = (moment - times[index]) / span
    start, leaving = values[index, 1], span * values[index, 2]
    stop, arriving = values[index + 1, 1], span * values[index + 1, 0]
    return np.asarray(
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leaving
        + (3 * t**2 - 2 * t**3) * stop
        + (t**3 - t**2) * arriving
    )


def _local(node: dict[str, Any], moving: dict[str, np.ndarray]) -> np.ndarray:
    """A node's own transform (4, 4): its matrix, or translation, rotation and scale, each perhaps moving."""
    if "matrix" in node and not moving.keys() & {"translation", "rotation", "scale"}:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    found = {name: moving.get(name, node.get(name)) for name in ("translation", "rotation", "scale")}
    result = np.eye(4)
    if found["rotation"] is not None:
        result[:3, :3] = _rotation(np.asarray(found["rotation"], dtype=np.float64))
    if found["scale"] is not None:
        result[:3, :3] *= np.asarray(found["scale"])[None]
    if found["translation"] is not None:
        result[:3, 3] = found["translation"]
    return result


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    """The matrix (3, 3) of a quaternion x, y, z, w, normalised first: files round theirs, and splines leave the sphere."""
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _homogeneous(vertices: np.ndarray) -> np.ndarray:
    return np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
