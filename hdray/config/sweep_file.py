"""Files of sweeps, as those under tune_spaces/, read; what is not written as it must be is explained."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from hdray.config.document import read_document
from hdray.config.search import Search, read_search, read_stop
from hdray.config.sweep import FILE_KEYS, Sweep
from hdray.config.sweep_checks import check_preset_heeded, check_sweep
from hdray.errors import UserError
from hdray.metrics.names import METRIC_NAMES
from hdray.metrics.worth import BETTER
from hdray.pipeline.storage import read_bytes, resolve

_NEEDED = ("title", "seeds", "metrics")
_OPTIONAL = ("preset", "needs_data", "set", "vary", "seed_key", "published", "objective", "search", "stop")
_SCALARS = str | int | float | bool


def read_sweep(file: str, preset: str = "") -> Sweep:
    """The sweep in a YAML file, local or s3://, laid over the preset that it names, or over this one.

    Raises UserError naming what is wrong in it.
    """
    where = f"--space {file}"
    tree = _read_tree(file, where)
    if "vary" not in tree and "search" not in tree:
        raise UserError(f"{where} must hold vary (values that are all tried), search (values that are drawn), or both")
    needs_data = tree.get("needs_data", False)
    if not isinstance(needs_data, bool):
        raise UserError(f"{where}: needs_data = {needs_data!r} must be true or false")
    nothing: dict[str, Any] = {"key": "", "values": [None]}
    vary = _vary(tree["vary"], where) if "vary" in tree else nothing
    variants = {name: _keys(keys, f"{where}: vary.variants.{name}") for name, keys in vary.get("variants", {}).items()}
    keys = _keys(tree.get("set"), f"{where}: set")
    search = read_search(tree["search"], where) if "search" in tree else None
    sweep = Sweep(
        title=str(tree["title"]),
        preset=preset or str(tree.get("preset", "demo")),
        set=keys,
        key=str(vary["name"] if variants else vary["key"]),
        values=tuple(variants or vary["values"]),
        seed_key=str(tree.get("seed_key", "seed")),
        seeds=_seeds(tree["seeds"], where),
        metrics=_metrics(tree["metrics"], where),
        published=_published(tree.get("published"), where),
        variants=variants,
        objective=str(tree.get("objective", "")),
        search=search,
        stop=read_stop(tree["stop"], where) if "stop" in tree else None,
        needs_data=needs_data,
        files=_files(keys, vary, variants, search),
    )
    check_sweep(sweep, where)
    if said := "--preset" if preset else "preset" if "preset" in tree else "":
        check_preset_heeded(sweep, where, said)
    return sweep


def _read_tree(file: str, where: str) -> dict[str, Any]:
    """The keys of the file, all of them known."""
    place = resolve(file, "--space")
    try:
        content = read_bytes(place)
    except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors
        raise UserError(f"{where} cannot be read ({type(error).__name__}: {error}); see tune_spaces/") from error
    tree = read_document(content, where)
    right = f"it must hold {', '.join(_NEEDED)}, and may hold {', '.join(_OPTIONAL)}"
    if not isinstance(tree, dict):
        raise UserError(f"{where} holds no keys; {right}")
    if unknown := [key for key in tree if key not in (*_NEEDED, *_OPTIONAL)]:
        near = difflib.get_close_matches(str(unknown[0]), (*_NEEDED, *_OPTIONAL), n=1)
        hint = f"did you mean {near[0]}?" if near else right
        raise UserError(f"{where} holds {unknown[0]}, which is not a key of a space; {hint}")
    if empty := [key for key, value in tree.items() if value is None]:
        raise UserError(
            f"{where}: {empty[0]} is left empty; give it a value{'' if empty[0] in _NEEDED else ', or leave the key out'}"
        )
    if missing := [key for key in _NEEDED if key not in tree]:
        raise UserError(f"{where} lacks {', '.join(missing)}; {right}")
    return tree


def _vary(vary: Any, where: str) -> dict[str, Any]:
    """What is varied, as the file has it."""
    values = None
    if isinstance(vary, dict) and vary.keys() == {"name", "variants"} and isinstance(vary["variants"], dict):
        values = list(vary["variants"])
    elif isinstance(vary, dict) and vary.keys() == {"key", "values"} and isinstance(vary["values"], list):
        values = vary["values"]
    if values is None or len(values) < 2:
        raise UserError(
            f"{where}: vary must hold a key and two values of it or more, or a name and two variants or more, a "
            "mapping of keys to values each"
        )
    named = vary.get("name", vary.get("key"))
    if not isinstance(named, str) or not named:
        raise UserError(f"{where}: the {'name' if 'name' in vary else 'key'} of vary must be a text, and is {named!r}")
    if wrong := [value for value in values if not isinstance(value, _SCALARS)]:
        raise UserError(f"{where}: vary holds {wrong[0]!r}, which is neither a text nor a number nor true or false")
    _check_different(values, f"{where}: vary")
    found: dict[str, Any] = vary
    return found


def _keys(tree: Any, said: str) -> dict[str, Any]:
    """Keys of the configuration, with dots, and their values."""
    if not isinstance(tree, dict | None) or not all(isinstance(key, str) for key in tree or {}):
        raise UserError(f"{said} = {tree!r} must be a mapping of keys to values, such as {{fit.steps: 500}}")
    keys = dict(tree or {})
    for key, value in keys.items():
        if isinstance(value, dict):
            raise UserError(f"{said}.{key} = {value!r} is a section; write its keys with dots, such as fit.steps: 500")
        if not isinstance(value, _SCALARS):
            raise UserError(f"{said}.{key} = {value!r} is neither a text nor a number nor true or false")
    return keys


def _files(
    keys: Mapping[str, Any], vary: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]], search: Search | None
) -> dict[str, str]:
    """Where the files lie that a sweep gives to trials, relative paths being of the working directory as everywhere."""
    given = [*keys.items(), *(pair for variant in variants.values() for pair in variant.items())]
    given += [(vary["key"], value) for value in vary.get("values", [])]
    given += [(key, value) for key, one in (search.keys.items() if search else []) for value in one.values]
    return {value: resolve(value) for key, value in given if key in FILE_KEYS and isinstance(value, str) and value}


def _seeds(seeds: Any, where: str) -> tuple[int, ...]:
    whole = isinstance(seeds, list) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in seeds)
    if not whole or not seeds:
        raise UserError(
            f"{where}: seeds must hold a number or more, all of them whole, such as [0, 1, 2]; not {seeds!r}"
        )
    _check_different(seeds, f"{where}: seeds")
    return tuple(seeds)


def _metrics(metrics: Any, where: str) -> dict[str, str]:
    if not isinstance(metrics, dict) or not metrics:
        raise UserError(f"{where}: metrics must hold a metric or more, such as {{mmd_cd: lower}}; not {metrics!r}")
    for name, better in metrics.items():
        if not isinstance(better, str) or better not in BETTER:
            raise UserError(f"{where}: metrics.{name} must be one of {', '.join(BETTER)}; not {better!r}")
        if name not in METRIC_NAMES:
            near = difflib.get_close_matches(str(name), METRIC_NAMES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(METRIC_NAMES)}"
            raise UserError(f"{where}: metrics.{name} is nothing that an evaluation measures; {hint}")
    return dict(metrics)


def _published(tree: Any, where: str) -> dict[str, dict[str, float]]:
    right = f"{where}: published must hold a paper's row for each value, such as {{fitted: {{mmd_cd: 3.45}}}}"
    if not isinstance(tree, dict | None):
        raise UserError(f"{right}; not {tree!r}")
    for value, row in (tree or {}).items():
        numbers = isinstance(row, dict) and all(
            isinstance(number, int | float) and not isinstance(number, bool) for number in row.values()
        )
        if not numbers:
            raise UserError(f"{right}; not {value}: {row!r}")
    return {str(value): {str(name): number for name, number in row.items()} for value, row in (tree or {}).items()}


def _check_different(values: Sequence[Any], said: str) -> None:
    """Raise UserError where a value comes twice, as what it is or as it is written: trials are named after them."""
    for place, value in enumerate(values):
        if any(value == other or str(value) == str(other) for other in values[:place]):
            raise UserError(f"{said} holds {value!r} twice; all must be different")
