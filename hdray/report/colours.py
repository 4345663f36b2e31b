"""Colours and markers that tell categories, or representations, apart on light and on dark paper alike."""

# Tableau's ten.
_COLOURS = (
    *("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2"),
    *("#b07aa1", "#d4a72c", "#ff9da7", "#9c755f", "#9a9a9a"),
)
_SYMBOLS = ("circle", "diamond", "square", "cross", "triangle-up", "x", "star")


def colour(number: int) -> str:
    """The colour of the n-th kind, as #rrggbb; the eleventh has that of the first again."""
    return _COLOURS[number % len(_COLOURS)]


def symbol(number: int) -> str:
    """The marker of the n-th kind: 70 kinds differ in colour or in marker."""
    return _SYMBOLS[number % len(_SYMBOLS)]


def translucent(colour: str, opacity: float) -> str:
    """A colour #rrggbb that lets through what is under it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
