"""Lists of files that people give beside the data: tables with a column, and names."""

import csv
import io
from collections.abc import Iterable
from pathlib import PurePosixPath

from hdray.errors import UserError
from hdray.pipeline.storage import read_bytes


def read_table(url: str, column: str) -> dict[str, str]:
    """The column of each file in a CSV file with the columns file,<column>. Raises UserError for another."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(url).decode())))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{url} cannot be read as a CSV file with the columns file,{column}: {error}") from error
    if not rows or not {"file", column} <= rows[0].keys():
        raise UserError(f"{url} must be a CSV file with the columns file,{column}")
    return {row["file"]: row[column] for row in rows}


def read_names(url: str) -> list[str]:
    """The names in a text file, one a line, or in the first column of a CSV file; a heading `file` is none.

    Raises UserError where there are none.
    """
    try:
        rows = list(csv.reader(io.StringIO(read_bytes(url).decode())))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{url} cannot be read as a list of files, one a line: {error}") from error
    names = [row[0].strip() for row in rows if row and row[0].strip()]
    names = names[1:] if names[:1] == ["file"] else names
    if not names:
        raise UserError(
            f"{url} holds no names; give a file a line: its path in the data, its name, or that without extension"
        )
    return names


def named(sources: Iterable[str], names: Iterable[str]) -> set[str]:
    """The sources that are named: by their path, by the file's name, or by that without its extension."""
    wanted = set(names)
    return {
        source
        for source in sources
        if not wanted.isdisjoint((source, PurePosixPath(source).name, PurePosixPath(source).stem))
    }
