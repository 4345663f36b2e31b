"""What goes into a run: a row per shape, known before any file is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from hdray.config.tree import Config
from hdray.errors import UserError
from hdray.pipeline.lists import read_table
from hdray.pipeline.splits import with_splits
from hdray.pipeline.storage import filesystem, is_remote, join, list_files, read_bytes
from hdray.signals import animation_file, mesh_file
from hdray.signals.rejection import Rejected

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
    size: int = 0
    """Of its file, in bytes; 0 for a chair."""
    duplicate_of: str | None = None
    """The id of the first shape of the same geometry, if there is one; see hdray.pipeline.duplicates."""
    reason: str | None = None
    """Why it is not used at all, if it is not."""


def instance_id(source: str) -> str:
    """The id of a shape: a hash of its path relative to the data, 16 hexadecimal digits."""
    return blake2b(source.encode(), digest_size=8).hexdigest()


def list_inputs(config: Config) -> tuple[list[Input], list[str]]:
    """The run's shapes in order of their ids, and the files of the data folder that are not shapes.

    Copies are not known yet: the splits are as if there were none.

    Raises:
        UserError: the data cannot be listed or holds no shapes; the split or family file, or what is withheld,
            does not fit it.
    """
    sources, others = _sources(config)
    families = _families(config, others, sources)
    inputs = []
    for source, (size, modified) in sources.items():
        category = source.rpartition("/")[0].partition("/")[0] if config.data else "chair"
        inputs.append(Input(instance_id(source), source, "", category, families.get(source, ""), modified, size))
    inputs.sort(key=lambda item: item.id)
    return with_splits(config, inputs[: config.inputs.limit or None]), others


def _sources(config: Config) -> tuple[dict[str, tuple[int, float]], list[str]]:
    """Paths of the shapes with the size of each and the time it last changed, and the paths of the other files."""
    if config.data and config.inputs.withhold:
        raise UserError(
            f"inputs.withhold {config.inputs.withhold} is of the embedded chairs, whose parts are known; with --data, give "
            "--inputs.test-families or --inputs.split-file instead"
        )
    if not config.data and config.signal.frames:
        raise UserError("signal.frames is set, but the embedded chairs stand still; give --data with animations")
    if not config.data:
        return {f"{CHAIR_SCHEME}{number:05d}": (0, 0.0) for number in range(config.inputs.chairs)}, []
    if f"{config.run}/".startswith(f"{config.data}/"):
        raise UserError(
            f"--run {config.run} lies within --data {config.data}: its meshes would become shapes; move it out"
        )
    try:
        files = list_files(config.data)
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors; each is the user's to read
        raise UserError(f"--data {config.data} cannot be listed: {type(error).__name__}: {error}") from error
    extensions = animation_file.EXTENSIONS if config.signal.frames else mesh_file.EXTENSIONS
    sources = {path: details for path, details in files.items() if path.lower().endswith(extensions)}
    others = [path for path in files if not path.lower().endswith(extensions)]
    if not sources:
        found = f"of the {len(files)} files there none is a shape" if files else "there are no files there"
        raise UserError(f"--data {config.data} holds no shapes ({found}); shapes end in {' '.join(extensions)}")
    return sources, others


def _families(config: Config, others: list[str], sources: Mapping[str, object]) -> dict[str, str]:
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
    table = read_table(url, "family")
    if not table.keys() & sources.keys():
        raise UserError(
            f"{url} names none of the shapes in the data; its column 'file' holds paths such as {next(iter(sources))}"
        )
    return table


def read_content(config: Config, source: str) -> tuple[bytes, str]:
    """Bytes and extension of a shape. Raises Rejected for a file that is gone, locked, or too large for the limit."""
    if source.startswith(CHAIR_SCHEME):
        from hdray.signals.chairs import chair
        from hdray.surfaces.files import write_mesh

        return write_mesh(chair(config.seed, source), "ply"), ".ply"
    content = read_limited(join(config.data, source), config.signal.memory_limit_gb, "signal.memory_limit_gb")
    return content, "." + source.rpartition(".")[2].lower()


def read_limited(url: str, memory_limit_gb: float, limit: str) -> bytes:
    """A shape's file. Raises Rejected for one that is gone, locked, or too large for the limit, whose name is `limit`."""
    try:
        size = filesystem(url).size(url)
        if size > memory_limit_gb * 2**30 / 8:
            raise Rejected(f"the file has {size / 2**20:.0f} MiB, more than an eighth of {limit}")
        return read_bytes(url)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if is_remote(url) and not isinstance(error, FileNotFoundError):
            raise  # credentials that expired are not the file's fault
        raise Rejected(f"the file cannot be read: {error}") from error
