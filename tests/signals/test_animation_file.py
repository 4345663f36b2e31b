"""Files of animations: .anime, and what is wrong with bad ones."""

import struct

import numpy as np
import pytest

from hdray.signals.animation_file import read_animation
from hdray.signals.rejection import Rejected
from tests.signals.animations import anime, growing_ball

FIRST_FACE = struct.pack("<3i", *growing_ball().faces[0])


def test_an_anime_file_gives_all_its_frames() -> None:
    written = growing_ball()
    read = read_animation(anime(written), ".anime", frames=2)
    assert read.vertices == pytest.approx(written.vertices, abs=1e-6)
    assert np.array_equal(read.faces, written.faces)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"  ", "the file is empty"),
        (b"\1\0", "ends within its header"),
        (struct.pack("<3i", 0, 5, 5), "no moving surface"),
        (anime(growing_ball())[:-4], "its header asks for"),
        (anime(growing_ball()).replace(FIRST_FACE, struct.pack("<3i", 0, 1, 9999)), "refers to vertex 9999"),
    ],
)  # fmt: skip
def test_a_bad_file_is_rejected_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        read_animation(content, ".anime", frames=2)


def test_other_formats_are_refused() -> None:
    with pytest.raises(Rejected, match=r"\.obj is not a format of animations"):
        read_animation(b"v 0 0 0", ".obj", frames=2)
