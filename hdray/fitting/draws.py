"""Which points a step sees: draws with replacement that belong to the instance, for K instances at once.

A draw is a hash of (the instance's key, its place in the instance's stream), so any slot, step or block of steps can be
drawn alone and the same, with no generator per instance to carry along. Points stay coded: one 64-bit word holds the
three 16-bit coordinates and the label, and a step decodes the words it drew.

Shapes in comments: K instances, P points a step, N points stored per instance.
"""

import torch
from torch import Tensor

from hdray.seeds import seed_of
from hdray.signals.points import LARGEST_CODE, decode, unpack

LOW_32 = 0xFFFFFFFF
# Two odd multipliers of a full-avalanche 32-bit mixer (xorshift-multiply, two rounds), as signed 32-bit numbers: times
# a 32-bit word they never leave int64, and modulo 2^32 the sign makes no difference.
FIRST_MULTIPLIER = 0x21F0AAAD
SECOND_MULTIPLIER = 0xD35A2D97 - 2**32


class Draws:
    """The points of up to `slots` instances in coded words, drawn by counter."""

    def __init__(
        self,
        points: Tensor,
        labels: Tensor,
        keys: list[int],
        slots: int,
        points_per_step: int,
        device: torch.device,
        frames: int = 0,
    ) -> None:
        """
        Args:
            points: (K, N, 3) uint16 codes; of an animation, N/frames of each frame, frame after frame.
            labels: (K, N/8) uint8, packed.
            keys: a 63-bit seed for each of the K instances.
            slots: at least K; the rest repeat the first instance.
            points_per_step: P. frames: of an animation; 0 for still shapes.
        """
        count, stored = points.shape[:2]
        if stored >= 2**31:
            raise ValueError(f"{stored} points per instance; draws reach 2^31")
        self.stored = stored
        self.points_per_frame = stored // frames if frames else 0
        self.points_per_step = points_per_step
        self.words = pack_words(points, labels).flatten().to(device)
        rows = [slot if slot < count else 0 for slot in range(slots)]
        # (slots, 1) each
        self.offsets = torch.tensor([row * stored for row in rows], device=device).unsqueeze(1)
        self.first_keys = torch.tensor([keys[row] & LOW_32 for row in rows], device=device).unsqueeze(1)
        self.second_keys = torch.tensor([keys[row] >> 32 for row in rows], device=device).unsqueeze(1)
        self.places = torch.arange(points_per_step, device=device)
        # Kept from step to step: fresh memory costs more than filling it.
        self.drawn = torch.empty(slots * points_per_step, dtype=torch.int64, device=device)
        self.codes = torch.empty(slots, points_per_step, 4, dtype=torch.int32, device=device)
        self.inside = torch.empty(slots, points_per_step, dtype=torch.float64, device=device)
        self.mixed, self.scratch = (
            torch.empty(slots, points_per_step, dtype=torch.int64, device=device) for _ in range(2)
        )

    def indices(self, step: int) -> Tensor:
        """(slots, P) int64, valid until the next call: the places in the instance's points that it draws at this step."""
        counter = self.places + (step * self.points_per_step & LOW_32)
        mixed, scratch = self.mixed, self.scratch
        torch.bitwise_xor(counter.bitwise_and_(LOW_32), self.first_keys, out=mixed).bitwise_and_(LOW_32)
        mixed.bitwise_xor_(torch.bitwise_right_shift(mixed, 16, out=scratch)).mul_(FIRST_MULTIPLIER)
        mixed.add_(self.second_keys).bitwise_and_(LOW_32)
        mixed.bitwise_xor_(torch.bitwise_right_shift(mixed, 15, out=scratch)).mul_(SECOND_MULTIPLIER).bitwise_and_(
            LOW_32
        )
        mixed.bitwise_xor_(torch.bitwise_right_shift(mixed, 15, out=scratch))
        # A uniform 32-bit number times N, divided by 2^32, is uniform over N up to N / 2^32.
        return mixed.mul_(self.stored).bitwise_right_shift_(32)

    def at(self, step: int) -> tuple[Tensor, Tensor]:
        """Codes (slots, P, 3) int32 and targets (slots, P) float64 of 0 or 1 for this step, valid until the next.

        Of an animation (slots, P, 4): the time's codes follow the largest of space, one for each frame.
        """
        indices = self.indices(step)
        frame = indices // self.points_per_frame if self.points_per_frame else None
        torch.index_select(self.words, 0, indices.add_(self.offsets).flatten(), out=self.drawn)
        # The four 16-bit parts of a word, lowest first on every machine torch runs on.
        self.codes.copy_(self.drawn.view(torch.uint16).view(self.codes.shape))
        inside = self.inside.copy_(self.codes[..., 3])
        if frame is None:
            return self.codes[..., :3], inside
        self.codes[..., 3] = frame + (LARGEST_CODE + 1)
        return self.codes, inside


def levels_of(times: Tensor | None) -> Tensor:
    """The coordinate (L,) float32 that each code stands for: those of space, then the times (T,) of an animation's frames."""
    space = decode(torch.arange(LARGEST_CODE + 1, dtype=torch.int32))
    return space if times is None else torch.cat([space, times])


def pack_words(points: Tensor, labels: Tensor) -> Tensor:
    """(K, N) int64 from codes (K, N, 3) uint16 and packed labels (K, N/8): x, y, z, then the label, low bits first."""
    # Widened one coordinate at a time: all three at once would take three times the memory of the result.
    words = unpack(labels).to(torch.int64)
    for coordinate in (2, 1, 0):
        words.bitwise_left_shift_(16).bitwise_or_(points[..., coordinate].to(torch.int64))
    return words


def instance_keys(ids: list[str], seed: int) -> list[int]:
    """The seed of each instance's stream of draws."""
    return [seed_of(seed, name, "fit") for name in ids]
