"""Layouts of low-rank fields, written out here so that tests need no field."""

import torch

from hdray.fields.layout import Layout, Piece


def low_rank_layout(
    layers: int, rank: int, width: int, *, frozen: int = 0, dimension: int = 3, fourier: bool = True
) -> Layout:
    """A Fourier layer (weight, bias) and then `layers` pairs a (rank, width - frozen), b (rank, width)."""
    shapes = [("fourier.weight", 0, "weight", (width, dimension)), ("fourier.bias", 0, "bias", (width,))]
    if not fourier:
        shapes = []
    for layer in range(1, layers + 1):
        shapes += [(f"layers.{layer}.a", layer, "a", (rank, width - frozen))]
        shapes += [(f"layers.{layer}.b", layer, "b", (rank, width))]
    return layout_of(shapes)


def layout_of(shapes: list[tuple[str, int, str, tuple[int, ...]]]) -> Layout:
    """Pieces of (name, layer, kind, shape), one after the other."""
    axes = {"a": ("rank", "in"), "b": ("rank", "out"), "weight": ("out", "in"), "bias": ("out",)}
    pieces, start = [], 0
    for name, layer, kind, shape in shapes:
        stop = start + torch.Size(shape).numel()
        pieces.append(Piece(name, layer, kind, shape, axes.get(kind, ("any",) * len(shape)), start, stop))
        start = stop
    return Layout(tuple(pieces))
