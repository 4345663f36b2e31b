import numpy as np
import pytest
import torch

from hdray.errors import UserError
from hdray.metrics.protocols import Protocol, protocol_named
from hdray.metrics.shape_sets import Collector, ShapeSet, check_frames, merged, stacked
from hdray.signals.rejection import Rejected

NONE = protocol_named("none")
SIXTEEN = Protocol(name="sixteen", source="", points=16)


def points(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 3))


def collected(protocol: Protocol, **clouds: np.ndarray) -> ShapeSet:
    collector = Collector(protocol, 0)
    for name, cloud in clouds.items():
        collector.add(name, lambda cloud=cloud: cloud)
    return collector.done()


def walking(frames: int, count: int = 20) -> np.ndarray:
    return np.random.default_rng(frames).random((frames, count, 3))


def test_a_cloud_of_more_points_is_thinned_and_counted():
    cloud = points(40)
    found = collected(SIXTEEN, a=cloud, b=points(16))
    assert found.thinned == 1
    assert [len(kept) for kept in found.clouds] == [16, 16]
    rows = {tuple(row) for row in cloud.astype(np.float32).tolist()}
    kept = [tuple(row) for row in found.clouds[0].tolist()]
    assert set(kept) <= rows and len(set(kept)) == 16
    assert collected(NONE, a=cloud).thinned == 0


def test_the_same_points_are_drawn_of_every_frame():
    moving = np.stack([points(40), points(40) + 1])
    (found,) = collected(SIXTEEN, a=moving).clouds
    assert found.shape == (2, 16, 3)
    torch.testing.assert_close(found[1] - found[0], torch.ones(16, 3), rtol=0, atol=1e-6)


BAD = {
    "empty": (np.zeros((0, 3)), "holds no points"),
    "nan": (np.full((20, 3), np.nan), "not finite"),
    "huge": (np.full((20, 3), 1e300), "not finite"),
    "one": (points(1), "a single point"),
    "same": (np.ones((20, 3)), "all its points coincide"),
    "stops": (np.concatenate([walking(2), np.ones((1, 20, 3))]), "all its points coincide in frame 3"),
    "flat": (points(20)[:, :2], r"an array \(20, 2\) of float64"),
    "words": (np.array([["a", "b", "c"]]), "an array"),
    "few": (points(15), "15 points, fewer than the protocol's 16"),
    "few_moving": (walking(3, 15), "15 points, fewer than the protocol's 16"),
}


def test_what_gives_no_cloud_is_an_exclusion_with_a_reason():
    found = collected(SIXTEEN, good=points(16), **{name: cloud for name, (cloud, _) in BAD.items()})
    assert found.names == ["good"]
    assert list(found.excluded) == sorted(BAD)
    for name, (_, reason) in BAD.items():
        with pytest.raises(Rejected, match=reason):
            raise Rejected(found.excluded[name])


def test_shapes_of_one_number_of_frames_are_compared():
    moving = Protocol(name="moving", source="", frames=4)
    four, still, five = collected(NONE, a=walking(4), b=walking(4)), collected(NONE, c=points(9)), walking(5)
    assert check_frames({"--samples": four, "--reference": four}, moving) == 4
    assert check_frames({"--samples": four, "--reference": four}, NONE) == 4
    assert check_frames({"--samples": still, "--reference": still}, NONE) == 0
    assert check_frames({"--samples": collected(NONE), "--reference": still}, SIXTEEN) == 0
    for sets, protocol, words in (
        ((four, still), NONE, "c of --reference is a still shape, while b of --samples is an animation of 4 frames"),
        (
            (still, four),
            SIXTEEN,
            "b of --reference is an animation of 4 frames, and the protocol sixteen compares still",
        ),
        ((four, still), moving, "c of --reference is a still shape, and the protocol moving compares animations of 4"),
        ((collected(NONE, a=five), four), moving, "an animation of 5 frames, and the protocol .* give --frames 5"),
        ((collected(NONE, a=walking(4), d=five), four), NONE, "d of --samples is an animation of 5 frames, while a of"),
        ((collected(NONE, a=points(4), d=five), four), NONE, "d of --samples is an animation of 5 frames, while a of"),
    ):
        with pytest.raises(UserError, match=words):
            check_frames(dict(zip(("--samples", "--reference"), sets, strict=True)), protocol)


def test_families_and_merging():
    collector = Collector(NONE, 0, {"b.npy": "twins", "a.npy": "twins"})
    for name in ("b.npy", "c.npy"):
        collector.add(name, lambda: points(5))
    other = Collector(NONE, 0, {"a.npy": "twins"})
    other.add("a.npy", lambda: points(6))
    other.exclude("d.npy", "gone")
    both = merged([collector.done(), other.done()])
    assert (both.names, both.families) == (["a.npy", "b.npy", "c.npy"], ["twins", "twins", "c.npy"])
    assert [len(cloud) for cloud in both.clouds] == [6, 5, 5]
    assert both.excluded == {"d.npy": "gone"}
    part = both.take([2, 0])
    assert (part.names, part.families, [len(cloud) for cloud in part.clouds]) == (
        ["c.npy", "a.npy"], ["c.npy", "twins"], [5, 6],
    )  # fmt: skip


def test_stacked():
    some = [torch.from_numpy(points(count)).float() for count in (8, 5, 8)]
    found = stacked(some, 5, 0, ["x", "y", "z"])
    assert found.shape == (3, 5, 3)
    assert torch.equal(found[1], some[1])
    assert torch.equal(stacked(some[2:], 5, 0, ["z"])[0], found[2])
    with pytest.raises(ValueError, match="y has 5 points, fewer than 6"):
        stacked(some, 6, 0, ["x", "y", "z"])
