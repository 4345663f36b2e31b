"""Lists of files that people give beside the data: tables with a column, and names."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from hdray.errors import UserError
from hdray.pipeline.storage import read_bytes

MENTIONED = 5
"""Names that a line in the log gives."""


def read_table(url: str, column: str) -> dict[str, str]:
    """The column of each file in a CSV file with the columns file,<column>. Raises UserError for another."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(url).decode("utf-8-sig"))))
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors, csv its own
        raise UserError(
            f"{url} cannot be read as a CSV file with the columns file,{column} ({type(error).__name__}: {error})"
        ) from error
    if not rows or not {"file", column} <= rows[0].keys():
        raise UserError(f"{url} must be a CSV file with the columns file,{column}")
    return {row["file"]: row[column] for row in rows}


def read_names(url: str) -> list[str]:
    """The names in a file: the column `file` of a CSV file whose heading has one, of any other file its lines.

    Raises UserError where there are none.
    """
    try:
        text = read_bytes(url).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text), skipinitialspace=True)
        lines = [row["file"] or "" for row in table] if "file" in (table.fieldnames or ()) else text.splitlines()
    except Exception as error:  # likewise
        raise UserError(
            f"{url} cannot be read as a list of files, one a line ({type(error).__name__}: {error})"
        ) from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise UserError(
            f"{url} holds no names; give a file a line: its path in the data, its name, or that without extension"
        )
    return names


def named(sources: Iterable[str], names: Iterable[str], url: str) -> dict[str, str | None]:
    """The source that each name means: by its path, or else by the file's name, with or without extension.

    None where it means none. Raises UserError, naming the list's `url`, where a name that is no path fits several.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    every = set(sources)
    for source in sorted(every):
        path = PurePosixPath(source)
        for short in {path.name, path.stem}:
            by_name[short].append(source)
    found: dict[str, str | None] = {}
    for name in names:
        fitting = [name] if name in every else by_name.get(name, [])
        if len(fitting) > 1:
            raise UserError(
                f"{url} has {name}, which {len(fitting)} shapes are called, {fitting[0]} and {fitting[1]} for two: give "
                "their paths in the data instead"
            )
        found[name] = fitting[0] if fitting else None
    return found


def few(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - MENTIONED
    return ", ".join(names[:MENTIONED]) + (f" and {more} more" if more > 0 else "")
