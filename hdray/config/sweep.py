"""A sweep: one key of the configuration at several values, each with several seeds, and what to make of the results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hdray.config.load import from_yaml, to_yaml
from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.worth import BETTER
from hdray.pipeline.storage import join, read_bytes, resolve


@dataclass(frozen=True)
class Sweep:
    """What a file under tune_spaces/ says."""

    title: str
    preset: str
    set: Mapping[str, Any]
    """Keys, with dots, laid over the preset in every trial."""
    key: str
    """The key that is varied, or a name for what the variants are."""
    values: tuple[Any, ...]
    """Of the key, or the names of the variants."""
    seed_key: str
    """What the seeds are given to: seed, or generator.seed to repeat training and sampling alone on the same fits."""
    seeds: tuple[int, ...]
    metrics: Mapping[str, str]
    """Metric of metrics.json to lower, higher or half: which value of it is better."""
    published: Mapping[str, Mapping[str, float]]
    """The paper's row for a value, as printed there; for reading beside ours, not for comparing numbers."""
    variants: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    """Value to the keys that it stands for; empty where `key` is a key itself."""

    def trials(self) -> list[tuple[Any, int]]:
        """Every (value, seed), seed by seed: a sweep that is stopped has whole pairs."""
        return [(value, seed) for seed in self.seeds for value in self.values]

    def config(self, value: Any, seed: int, data: str) -> Config:
        """The configuration of one trial. Raises UserError naming a key or value that is not accepted."""
        tree: dict[str, Any] = {"preset": self.preset}
        varied = self.variants[value] if self.variants else {self.key: value}
        for key, setting in {**self.set, **varied, self.seed_key: seed, "data": data}.items():
            *sections, last = key.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = setting
        return from_yaml(_dump(tree), f"the sweep {self.title!r}")


def trial_name(sweep: Sweep, value: Any, seed: int) -> str:
    """The trial's folder, such as fit.initialisation=random,seed=0."""
    return f"{sweep.key}={value},seed={seed}"


def trial_file(sweep: Sweep, value: Any, seed: int, data: str) -> bytes:
    """The configuration file of one trial, without its place."""
    return to_yaml(sweep.config(value, seed, data))


def read_sweep(file: str, preset: str = "") -> Sweep:
    """The sweep in a YAML file, local or s3://, laid over the preset that it names, or over this one.

    Raises UserError naming what is wrong in it.
    """
    import yaml

    try:
        tree = yaml.safe_load(read_bytes(resolve(file)))
    except yaml.YAMLError as error:
        raise UserError(f"--space {file} is not YAML: {error}") from error
    except OSError as error:
        raise UserError(f"--space {file} cannot be read ({error}); see tune_spaces/") from error
    wanted = {"title", "preset", "set", "vary", "seed_key", "seeds", "metrics", "published"}
    if not isinstance(tree, dict) or tree.keys() - wanted or not {"title", "vary", "seeds", "metrics"} <= tree.keys():
        raise UserError(
            f"--space {file} must hold the keys {', '.join(sorted(wanted))}; "
            "preset, set, seed_key and published may be left out"
        )
    vary, metrics = tree["vary"], tree["metrics"]
    if not _is_variation(vary):
        raise UserError(
            f"--space {file}: vary must hold a key and two values of it or more, or a name and two variants or more, a "
            "mapping of keys to values each"
        )
    variants = {name: dict(keys or {}) for name, keys in vary.get("variants", {}).items()}
    if wrong := [name for name, better in metrics.items() if better not in BETTER]:
        raise UserError(f"--space {file}: metrics.{wrong[0]} must be one of {', '.join(BETTER)}")
    published = {str(value): dict(row) for value, row in (tree.get("published") or {}).items()}
    sweep = Sweep(
        title=str(tree["title"]),
        preset=preset or str(tree.get("preset", "demo")),
        set=dict(tree.get("set") or {}),
        key=str(vary["name"] if variants else vary["key"]),
        values=tuple(variants or vary["values"]),
        seed_key=str(tree.get("seed_key", "seed")),
        seeds=tuple(int(seed) for seed in tree["seeds"]),
        metrics=metrics,
        published=published,
        variants=variants,
    )
    for value, seed in sweep.trials():
        varied = flatten(sweep.config(value, seed, ""))
        if not variants and sweep.key not in varied:
            raise UserError(f"--space {file}: vary.key {sweep.key} is a section, not a key")
    return sweep


def _is_variation(vary: Any) -> bool:
    if not isinstance(vary, dict):
        return False
    if vary.keys() == {"name", "variants"}:
        variants = vary["variants"]
        return (
            isinstance(variants, dict)
            and len(variants) > 1
            and all(isinstance(keys, dict | None) for keys in variants.values())
        )
    return vary.keys() == {"key", "values"} and isinstance(vary["values"], list) and len(vary["values"]) > 1


def trial_url(run: str, name: str) -> str:
    """The run directory of a trial."""
    return join(run, f"trials/{name}")


def _dump(tree: dict[str, Any]) -> bytes:
    import yaml

    return yaml.safe_dump(tree).encode()
