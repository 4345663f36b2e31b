"""The header of a trained model's file: what it was trained on, how and for how long, without reading its weights."""

import json

from hdray.pipeline.storage import filesystem


def model_header(url: str) -> dict[str, str]:
    """What training wrote about a model.safetensors, by name; nothing where it wrote nothing.

    The header alone is read, of what may be gigabytes: its length in eight bytes, little-endian, then JSON (the format's
    specification). Raises FileNotFoundError where there is no file.
    """
    files = filesystem(url)
    length = int.from_bytes(files.cat_file(url, start=0, end=8), "little")
    found: dict[str, str] = json.loads(files.cat_file(url, start=8, end=8 + length)).get("__metadata__", {})
    return found
