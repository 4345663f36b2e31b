"""What goes into a run: a row per shape, known before any file is read."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.storage import filesystem, is_remote, join, list_files, read_bytes
from hdray.pipeline.withholding import check_withheld, split_without
from hdray.signals import animation_file, mesh_file
from hdray.signals.rejection import Rejected
from hdray.signals.split import SPLITS, split_of

CHAIR_SCHEME = "chair:"
FAMILY_FILE = "families.csv"


@dataclass(frozen=True)
class Input:
    """One shape to be. `source` is a path relative to the data folder, or chair:<number>."""

    id: str
    source: str
    split: str
    category: str
    family: str
    modified: float
    """When its file last changed, in seconds since 1970; 0 for a chair."""


def instance_id(source: str) -> str:
    """The id of a shape: a hash of its path relative to the data, 16 hexadecimal digits."""
    return blake2b(source.encode(), digest_size=8).hexdigest()


def list_inputs(config: Config) -> tuple[list[Input], list[str]]:
    """The run's shapes in order of their ids, and the files of the data folder that are not shapes.

    Raises:
        UserError: the data cannot be listed or holds no shapes; the split or family file, or what is withheld,
            does not fit it.
    """
    sources, others = _sources(config)
    families = _families(config, others, sources)
    splits = _split_file(config, sources)
    settings = config.inputs
    held_out = _test_families(config, families)
    fractions = (1 - settings.validation_share - settings.test_share, settings.validation_share, settings.test_share)
    inputs = []
    for source, modified in sources.items():
        family = families.get(source, "")
        split = splits[source] if splits else split_of(family or instance_id(source), config.seed, fractions)
        if held_out:
            split = "test" if family in held_out else "train"
        if settings.withhold:
            split = split_without(config, source, instance_id(source))
        category = source.rpartition("/")[0].partition("/")[0] if config.data else "chair"
        inputs.append(Input(instance_id(source), source, split, category, family, modified))
    inputs.sort(key=lambda item: item.id)
    if settings.limit:
        inputs = inputs[: settings.limit]
    if settings.withhold:
        check_withheld({item.source: item.split for item in inputs}, config)
    if not any(item.split == "train" for item in inputs):
        counts = dict(Counter(item.split for item in inputs))
        raise UserError(
            f"none of the {len(inputs)} shapes is in the train split ({counts}); give more shapes, other "
            "--inputs.validation-share and --inputs.test-share, or an --inputs.split-file"
        )
    return inputs, others


def _sources(config: Config) -> tuple[dict[str, float], list[str]]:
    """Paths of the shapes with the time each last changed, and the paths of the other files."""
    if config.data and config.inputs.withhold:
        raise UserError(
            f"inputs.withhold {config.inputs.withhold} is of the embedded chairs, whose parts are known; with --data, give "
            "--inputs.test-families or --inputs.split-file instead"
        )
    if not config.data and config.signal.frames:
        raise UserError("signal.frames is set, but the embedded chairs stand still; give --data with animations")
    if not config.data:
        return {f"{CHAIR_SCHEME}{number:05d}": 0.0 for number in range(config.inputs.chairs)}, []
    if f"{config.run}/".startswith(f"{config.data}/"):
        raise UserError(
            f"--run {config.run} lies within --data {config.data}: its meshes would become shapes; move it out"
        )
    try:
        files = list_files(config.data)
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors; each is the user's to read
        raise UserError(f"--data {config.data} cannot be listed: {type(error).__name__}: {error}") from error
    extensions = animation_file.EXTENSIONS if config.signal.frames else mesh_file.EXTENSIONS
    sources = {path: modified for path, (_, modified) in files.items() if path.lower().endswith(extensions)}
    others = [path for path in files if not path.lower().endswith(extensions)]
    if not sources:
        found = f"of the {len(files)} files there none is a shape" if files else "there are no files there"
        raise UserError(f"--data {config.data} holds no shapes ({found}); shapes end in {' '.join(extensions)}")
    return sources, others


def _families(config: Config, others: list[str], sources: dict[str, float]) -> dict[str, str]:
    """Family of each path, by the pattern or the file given, or from families.csv in the data; empty without any."""
    if pattern := config.inputs.family_pattern:
        found = {source: match[1] for source in sources if (match := re.search(pattern, source))}
        if not found:
            raise UserError(
                f"inputs.family_pattern {pattern!r} is found in none of the paths, such as {next(iter(sources))}"
            )
        return found
    named = config.inputs.family_file
    if not named and FAMILY_FILE not in others:
        return {}
    url = named or join(config.data, FAMILY_FILE)
    table = _read_table(url, "family")
    if not table.keys() & sources.keys():
        raise UserError(
            f"{url} names none of the shapes in the data; its column 'file' holds paths such as {next(iter(sources))}"
        )
    return table


def _test_families(config: Config, families: dict[str, str]) -> set[str]:
    """The families that --inputs.test-families names, each of which must exist."""
    named = {name.strip() for name in config.inputs.test_families.split(",") if name.strip()}
    if missing := sorted(named - set(families.values())):
        known = (
            ", ".join(sorted(set(families.values()))[:20]) or "none: see inputs.family_file and inputs.family_pattern"
        )
        raise UserError(f"inputs.test_families names {missing[0]!r}, which is no family of the data ({known})")
    return named


def _split_file(config: Config, sources: dict[str, float]) -> dict[str, str]:
    """Split of each path from --inputs.split-file; empty without one."""
    url = config.inputs.split_file
    if not url:
        return {}
    table = _read_table(url, "split")
    wrong = sorted(set(table.values()) - set(SPLITS))
    if wrong:
        raise UserError(f"{url} has the split {wrong[0]!r}; a split is one of {', '.join(SPLITS)}")
    missing = [source for source in sources if source not in table]
    if missing:
        raise UserError(f"{url} gives no split for {len(missing)} of {len(sources)} shapes, the first is {missing[0]}")
    return table


def _read_table(url: str, column: str) -> dict[str, str]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_bytes(url).decode())))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{url} cannot be read as a CSV file with the columns file,{column}: {error}") from error
    if not rows or not {"file", column} <= rows[0].keys():
        raise UserError(f"{url} must be a CSV file with the columns file,{column}")
    return {row["file"]: row[column] for row in rows}


def read_content(config: Config, source: str) -> tuple[bytes, str]:
    """Bytes and extension of a shape. Raises Rejected for a file that is gone, locked, or too large for the limit."""
    if source.startswith(CHAIR_SCHEME):
        from hdray.signals.chairs import chair
        from hdray.surfaces.files import write_mesh

        return write_mesh(chair(config.seed, source), "ply"), ".ply"
    url = join(config.data, source)
    limit = config.signal.memory_limit_gb * 2**30 / 8
    try:
        size = filesystem(url).size(url)
        if size > limit:
            raise Rejected(f"the file has {size / 2**20:.0f} MiB, more than an eighth of signal.memory_limit_gb")
        content = read_bytes(url)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if is_remote(url) and not isinstance(error, FileNotFoundError):
            raise  # credentials that expired are not the file's fault
        raise Rejected(f"the file cannot be read: {error}") from error
    return content, "." + source.rpartition(".")[2].lower()
