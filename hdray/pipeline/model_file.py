"""The header of a file of tensors, such as a trained model's: what it says, without reading what may be gigabytes."""

import json
import math
from typing import Any

from hdray.pipeline.storage import filesystem


def model_header(url: str) -> dict[str, str]:
    """What training wrote about a model.safetensors, by name; nothing where it wrote nothing.

    Raises FileNotFoundError where there is no file.
    """
    found: dict[str, str] = _header(url).get("__metadata__", {})
    return found


def tensor_sizes(url: str) -> dict[str, int]:
    """Entries of each tensor of a safetensors file, by name. Raises FileNotFoundError where there is no file."""
    return {name: math.prod(said["shape"]) for name, said in _header(url).items() if name != "__metadata__"}


def _header(url: str) -> dict[str, Any]:
    """Its length in eight bytes, little-endian, then JSON (the format's specification)."""
    files = filesystem(url)
    length = int.from_bytes(files.cat_file(url, start=0, end=8), "little")
    found: dict[str, Any] = json.loads(files.cat_file(url, start=8, end=8 + length))
    return found
