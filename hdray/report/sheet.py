"""Pictures put together and into files: the contact sheet, strips, and the tile that stands for an empty field."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hdray.report.render import Picture

if TYPE_CHECKING:
    from PIL import ImageFont

_PAPER = (255, 255, 255)
_INK = (70, 74, 82)
_GAP = 12  # pixels between pictures


def contact_sheet(pictures: Sequence[Picture], labels: Sequence[str], columns: int = 8) -> bytes:
    """Pictures (h, w, 4), all of one size, in rows of `columns`, each over its label, on white: the bytes of a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    if not pictures or len(pictures) != len(labels):
        raise ValueError(f"a contact sheet needs as many labels as pictures, got {len(labels)} and {len(pictures)}")
    height, width = pictures[0].shape[:2]
    size = max(11, width // 16)
    font = ImageFont.load_default(size)
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    step_x, step_y = width + _GAP, height + _GAP + 2 * size
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = _GAP + index % columns * step_x, _GAP + index // columns * step_y
        image = Image.fromarray(picture)
        sheet.paste(image, (x, y), image)
        draw.text((x + width / 2, y + height + size), _fitting(label, font, width), _INK, font, anchor="mm")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def empty_tile(size: int = 256, text: str = "empty") -> Picture:
    """The picture (size, size, 4) of a shape without a surface: a dashed frame around a word, transparent elsewhere."""
    from PIL import Image, ImageDraw, ImageFont

    tile = Image.new("RGBA", (size, size), (128, 132, 140, 0))
    draw = ImageDraw.Draw(tile)
    ink = (128, 132, 140, 255)  # readable on white and on near-black
    edge, dash, line = size // 8, max(size // 24, 3), max(size // 128, 1)
    for start in range(edge, size - edge, 2 * dash):
        stop = min(start + dash, size - edge)
        for side in (edge, size - edge):
            draw.line([(start, side), (stop, side)], ink, line)
            draw.line([(side, start), (side, stop)], ink, line)
    draw.text((size / 2, size / 2), text, ink, ImageFont.load_default(max(size // 9, 10)), anchor="mm")
    return np.asarray(tile)


def webp(picture: Picture, quality: int = 82) -> bytes:
    """A picture as WebP with its transparency: about a quarter of a PNG, shown by every browser."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, alpha_quality=90, method=4)
    return buffer.getvalue()


def _fitting(label: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont", width: int) -> str:
    """The label, its middle left out where it is wider than its picture."""
    kept = len(label)
    shown = label
    while font.getlength(shown) > width and kept > 2:
        kept -= 1
        shown = label[: (kept + 1) // 2] + "..." + label[len(label) - kept // 2 :]
    return shown
