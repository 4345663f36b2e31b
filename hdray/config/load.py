"""Where a configuration comes from: preset, then file, then command line; with neither of the first two, the run's own."""

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from hdray.config.document import read_document
from hdray.config.presets import PRESETS
from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.settings import GONE
from hdray.pipeline.storage import join, read_bytes, resolve

FILES = ("split_file", "family_file", "category_file", "exclude_file")
"""Keys of the section `inputs` that hold a path."""


def load(arguments: Sequence[str], description: str, program: str) -> Config:
    """The configuration that a command line asks for, with absolute `data` and `run`.

    Raises UserError for an unknown preset, an unreadable file, an unknown key, or a value that is not accepted; the
    command line parser itself explains its mistakes and exits with code 2.
    """
    import tyro

    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--preset", "--config", "--run"):
        early.add_argument(name)
    given = early.parse_known_args(list(arguments))[0]
    if given.run is not None:
        resolve(given.run, "--run")  # an empty one is refused: the default is for those who say nothing
    base = _base(given.preset, given.config, given.run)
    config = tyro.cli(
        Config,
        default=base,
        args=list(arguments),
        description=description,
        prog=program,
        config=(tyro.conf.FlagConversionOff,),  # every value is set as --section.key value, truth values too
    )
    run = resolve(config.run or f"runs/{config.preset}")
    data = resolve(config.data) if config.data else ""
    files: dict[str, Any] = {
        name: resolve(getattr(config.inputs, name)) for name in FILES if getattr(config.inputs, name)
    }
    fits = resolve(config.fits) if config.fits else ""
    store = resolve(config.store) if config.store else ""
    return replace(
        config, run=run, data=data, fits=fits, store=store, config="", inputs=replace(config.inputs, **files)
    )


def _base(preset: str | None, file: str | None, run: str | None) -> Config:
    """What the command line is laid over."""
    if preset is None and file is None and run is not None:
        try:
            return from_yaml(read_bytes(join(resolve(run), "config.yaml")), f"{run}/config.yaml")
        except FileNotFoundError:
            return _preset("demo")
        except Exception as error:  # s3fs raises botocore's, aiohttp's and the system's errors
            raise UserError(f"--run {run} cannot be read ({type(error).__name__}: {error})") from error
    if file is None:
        return _preset(preset or "demo")
    place = resolve(file, "--config")
    try:
        content = read_bytes(place)
    except Exception as error:
        raise UserError(
            f"--config {file} cannot be read ({error}); give the path or s3:// URL of a YAML file"
        ) from error
    return from_yaml(content, file, preset)


def _preset(name: str) -> Config:
    if name not in PRESETS:
        raise UserError(f"--preset {name} is not known; the presets are {', '.join(PRESETS)}")
    return replace(PRESETS[name](), preset=name)


def to_yaml(config: Config) -> bytes:
    """The configuration as YAML that `from_yaml` reads back to an equal one."""
    import yaml

    return yaml.safe_dump(asdict(config), sort_keys=False).encode()


def from_yaml(content: bytes, where: str, preset: str | None = None) -> Config:
    """A configuration from YAML laid over `preset`, or over the preset that the file names (demo if it names none).

    Raises UserError naming the file and the key.
    """
    tree = read_document(content, where) or {}
    if not isinstance(tree, dict):
        raise UserError(f"{where} must hold keys such as 'fit: {{steps: 1000}}', not a {type(tree).__name__}")
    name = preset or tree.get("preset", "demo")
    base = _preset(str(name))
    return _validated(_overlaid(asdict(base), {**tree, "preset": name}, where), where)


def _overlaid(base: dict[str, Any], over: dict[str, Any], where: str, prefix: str = "") -> dict[str, Any]:
    """`base` with the values of `over`, section by section; raises UserError for a key that `base` does not have."""
    merged = dict(base)
    if gone := [f"{prefix}{key}" for key in over if f"{prefix}{key}" in GONE]:
        instead = ", ".join(dict.fromkeys(GONE[key] for key in gone))
        raise UserError(f"{where} sets {', '.join(gone)}, which former versions had: take that out ({instead})")
    for key, value in over.items():
        if key not in base:
            near = difflib.get_close_matches(str(key), [str(known) for known in base], n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known there: {', '.join(base)}"
            raise UserError(f"{where} sets {prefix}{key}, which is not a key of the configuration; {hint}")
        if isinstance(base[key], dict):
            if not isinstance(value, dict):
                raise UserError(f"{where} sets {prefix}{key} = {value!r}, but {prefix}{key} is a section of keys")
            merged[key] = _overlaid(base[key], value, where, f"{prefix}{key}.")
        else:
            merged[key] = value
    return merged


def _validated(tree: dict[str, Any], where: str) -> Config:
    import pydantic

    try:
        return pydantic.TypeAdapter(Config).validate_python(tree)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        value = "" if isinstance(first["input"], dict) else f" = {first['input']!r}"
        raise UserError(f"{where} sets {key}{value}: {reason}") from error


def result_keys(config: Config, *sections: str) -> dict[str, Any]:
    """The result keys of the named sections ("" is the top level), flat: what a stage's output depends on."""
    flat = flatten(config, results_only=True)
    return {key: value for key, value in flat.items() if (key.split(".")[0] if "." in key else "") in sections}
