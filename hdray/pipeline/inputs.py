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
from hdray.signals import animation_file, mesh_file, procedural
from hdray.signals.rejection import Rejected

FAMILY_FILE = "families.csv"
CATEGORY_FILE = "categories.csv"


@dataclass(frozen=True)
class Input:
    """One shape to be. `source` is a path relative to the data folder, or <category>:<number> of a
    procedural shape."""

    id: str
    source: str
    split: str
    category: str
    family: str
    modified: float
    """When its file last changed, in seconds since 1970; 0 for a procedural shape."""
    size: int = 0
    """Of its file, in bytes; 0 for a procedural shape."""
    duplicate_of: str | None = None
    """The id of the first shape of the same geometry, if there is one; see hdray.pipeline.duplicates."""
    reason: str | None = None
    """Why it is not used at all, if it is not."""


def instance_id(source: str) -> str:
    """The id of a shape: a hash of its path relative to the data, 16 hexadecimal digits."""
    return blake2b(source.encode(), digest_size=8).hexdigest()


Listing = Mapping[str, tuple[int, float]]
"""Every file of a data folder: its path in it to its size in bytes and the time it last changed."""


def list_data(data: str) -> Listing:
    """The files of a data folder. Raises UserError where they cannot be listed."""
    try:
        return list_files(data)
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors; each is the user's to read
        raise UserError(f"--data {data} cannot be listed: {type(error).__name__}: {error}") from error


def list_inputs(config: Config, listing: Listing | None = None) -> tuple[list[Input], list[str]]:
    """The run's shapes in order of their ids, and the files of the data folder that are not shapes.

    Copies are not known yet: the splits are as if there were none. `listing`: of the data, where it is known already.

    Raises:
        UserError: the data cannot be listed or holds no shapes; the split, family or category file, or what is
            withheld, does not fit it.
    """
    sources, others = _sources(config, listing)
    families = _labels("family", FAMILY_FILE, config, others, sources) or {}
    categories = _categories(config, others, sources)
    inputs = [
        Input(instance_id(source), source, "", categories.get(source, ""), families.get(source, ""), modified, size)
        for source, (size, modified) in sources.items()
    ]
    inputs.sort(key=lambda item: item.id)
    return with_splits(config, inputs[: config.inputs.limit or None]), others


def _sources(config: Config, listing: Listing | None) -> tuple[dict[str, tuple[int, float]], list[str]]:
    """Paths of the shapes with the size of each and the time it last changed, and the paths of the other files."""
    if config.data and config.inputs.withhold:
        raise UserError(
            f"inputs.withhold {config.inputs.withhold} is of the procedural chairs, whose parts are known; with --data, give "
            "--inputs.test-families or --inputs.split-file instead"
        )
    if not config.data and config.signal.frames:
        raise UserError("signal.frames is set, but the embedded shapes stand still; give --data with animations")
    if not config.data:
        return dict.fromkeys(procedural.sources(config.inputs.procedural), (0, 0.0)), []
    if f"{config.run}/".startswith(f"{config.data}/"):
        raise UserError(
            f"--run {config.run} lies within --data {config.data}: its meshes would become shapes; move it out"
        )
    files = list_data(config.data) if listing is None else listing
    extensions = animation_file.EXTENSIONS if config.signal.frames else mesh_file.EXTENSIONS
    sources = {path: details for path, details in files.items() if path.lower().endswith(extensions)}
    others = [path for path in files if not path.lower().endswith(extensions)]
    if not sources:
        found = f"of the {len(files)} files there none is a shape" if files else "there are no files there"
        raise UserError(f"--data {config.data} holds no shapes ({found}); shapes end in {' '.join(extensions)}")
    return sources, others


def _categories(config: Config, others: list[str], sources: Mapping[str, object]) -> dict[str, str]:
    """Category of each path: as the user says, or else its first folder in the data; of procedural shapes what they are."""
    given = _labels("category", CATEGORY_FILE, config, others, sources)
    if given is not None:
        return given
    if not config.data:
        return {source: procedural.category_of(source) for source in sources}
    return {source: source.rpartition("/")[0].partition("/")[0] for source in sources}


def _labels(
    name: str, file: str, config: Config, others: list[str], sources: Mapping[str, object]
) -> dict[str, str] | None:
    """Family or category of each path that has one, by the pattern or the file given, or by this file of the data.

    None without any of them.
    """
    if pattern := getattr(config.inputs, f"{name}_pattern"):
        found = {source: match[1] or "" for source in sources if (match := re.search(pattern, source))}
        if not found:
            raise UserError(
                f"inputs.{name}_pattern {pattern!r} is found in none of the paths, such as {next(iter(sources))}"
            )
        return found
    given = getattr(config.inputs, f"{name}_file")
    if not given and file not in others:
        return None
    url = given or join(config.data, file)
    table = read_table(url, name)
    if not table.keys() & sources.keys():
        raise UserError(
            f"{url} names none of the shapes in the data; its column 'file' holds paths such as {next(iter(sources))}"
        )
    return table


def read_content(config: Config, source: str) -> tuple[bytes, str]:
    """Bytes and extension of a shape. Raises Rejected for a file that is gone, locked, or too large for the limit."""
    if not config.data:
        from hdray.surfaces.files import write_mesh

        return write_mesh(procedural.make(config.seed, source), "ply"), ".ply"
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
