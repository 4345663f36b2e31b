"""A sweep: what is varied, drawn and repeated, by which metrics its trials are compared, and when they are stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hdray.config.load import from_yaml, to_yaml
from hdray.config.search import Search, Stop, read_search, read_stop
from hdray.config.tree import Config, flatten
from hdray.errors import UserError
from hdray.metrics.worth import BETTER
from hdray.pipeline.storage import join, read_bytes, resolve

_NEEDED = {"title", "seeds", "metrics"}
_OPTIONAL = {"preset", "set", "vary", "seed_key", "published", "objective", "search", "stop"}


@dataclass(frozen=True)
class Sweep:
    """What a file under tune_spaces/ says."""

    title: str
    preset: str
    set: Mapping[str, Any]
    """Keys, with dots, laid over the preset in every trial."""
    key: str
    """The key that is varied, or a name for what the variants are; empty where nothing is (a search may do without)."""
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
    objective: str = ""
    """The metric that draws and stops follow."""
    search: Search | None = None
    """Keys that are drawn; None makes a trial of each value and seed."""
    stop: Stop | None = None
    """When a trial is stopped early; None lets all of them finish."""

    def trials(self) -> list[tuple[Any, int]]:
        """Every (value, seed), seed by seed: a sweep that is stopped has whole pairs."""
        return [(value, seed) for seed in self.seeds for value in self.values]

    def config(self, value: Any, seed: int, data: str, drawn: Mapping[str, Any] | None = None) -> Config:
        """The configuration of one trial, drawn values laid over the others.

        Raises UserError naming a key or value that is not accepted.
        """
        tree: dict[str, Any] = {"preset": self.preset}
        given = {self.key: value} if self.key else {}
        varied = self.variants[value] if self.variants else given
        for key, setting in {**self.set, **varied, **(drawn or {}), self.seed_key: seed, "data": data}.items():
            *sections, last = key.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = setting
        return from_yaml(_dump(tree), f"the sweep {self.title!r}")

    @property
    def chooses(self) -> bool:
        """Whether trials are drawn or stopped by what others scored, which then has to compare."""
        return self.search is not None or self.stop is not None

    def longest(self) -> int:
        """The steps of training of the longest trial that there can be."""
        draws = list(self.search.corners()) if self.search else [{}]
        return max(self.config(value, 0, "", drawn).train.steps for value in self.values for drawn in draws)


def trial_name(sweep: Sweep, value: Any, seed: int) -> str:
    """The folder of a trial whose values are not drawn, such as fit.initialisation=random,seed=0."""
    return f"{sweep.key}={value},seed={seed}"


def trial_file(sweep: Sweep, value: Any, seed: int, data: str, drawn: Mapping[str, Any] | None = None) -> bytes:
    """The configuration file of one trial, without its place."""
    return to_yaml(sweep.config(value, seed, data, drawn))


def read_sweep(file: str, preset: str = "") -> Sweep:
    """The sweep in a YAML file, local or s3://, laid over the preset that it names, or over this one.

    Raises UserError naming what is wrong in it.
    """
    import yaml

    where = f"--space {file}"
    try:
        tree = yaml.safe_load(read_bytes(resolve(file)))
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {error}") from error
    except OSError as error:
        raise UserError(f"{where} cannot be read ({error}); see tune_spaces/") from error
    if not isinstance(tree, dict) or tree.keys() - _NEEDED - _OPTIONAL or not tree.keys() >= _NEEDED:
        raise UserError(
            f"{where} must hold the keys {', '.join(sorted(_NEEDED))}, and may hold {', '.join(sorted(_OPTIONAL))}"
        )
    if "vary" not in tree and "search" not in tree:
        raise UserError(f"{where} must hold vary (values that are all tried), search (values that are drawn), or both")
    vary, metrics = tree.get("vary"), tree["metrics"]
    if "vary" in tree and not _is_variation(vary):
        raise UserError(
            f"{where}: vary must hold a key and two values of it or more, or a name and two variants or more, a "
            "mapping of keys to values each"
        )
    vary = vary or {"key": "", "values": [None]}
    if wrong := [name for name, better in metrics.items() if better not in BETTER]:
        raise UserError(f"{where}: metrics.{wrong[0]} must be one of {', '.join(BETTER)}")
    if not isinstance(tree["seeds"], list) or not tree["seeds"]:
        raise UserError(f"{where}: seeds must hold a number or more")
    variants = {name: dict(keys or {}) for name, keys in vary.get("variants", {}).items()}
    sweep = Sweep(
        title=str(tree["title"]),
        preset=preset or str(tree.get("preset", "demo")),
        set=dict(tree.get("set") or {}),
        key=str(vary["name"] if variants else vary["key"]),
        values=tuple(variants or vary["values"]),
        seed_key=str(tree.get("seed_key", "seed")),
        seeds=tuple(int(seed) for seed in tree["seeds"]),
        metrics=metrics,
        published={str(value): dict(row) for value, row in (tree.get("published") or {}).items()},
        variants=variants,
        objective=str(tree.get("objective", "")),
        search=read_search(tree["search"], where) if "search" in tree else None,
        stop=read_stop(tree["stop"], where) if "stop" in tree else None,
    )
    _check_choosing(sweep, where)
    _check_trials(sweep, where)
    return sweep


def _check_choosing(sweep: Sweep, where: str) -> None:
    """Raise UserError where it is not said by what trials are chosen, or keys are both drawn and given."""
    if sweep.chooses and sweep.objective not in sweep.metrics:
        named = f" = {sweep.objective}" if sweep.objective else ""
        raise UserError(
            f"{where}: objective{named} must be one of metrics ({', '.join(sweep.metrics)}): search and stop follow it"
        )
    if sweep.objective and not sweep.chooses:
        raise UserError(f"{where}: objective is what search and stop follow, and there is neither")
    if sweep.search:
        twice = {sweep.key, sweep.seed_key, "data", "preset"} & sweep.search.keys.keys()
        if twice:
            raise UserError(
                f"{where}: search.keys.{min(twice)} is not to be drawn, as it is given otherwise; take it out"
            )


def _check_trials(sweep: Sweep, where: str) -> None:
    """Raise UserError where a trial's configuration is not accepted, or does not suit what the sweep does with it."""
    draws = list(sweep.search.corners()) if sweep.search else [{}]
    seeds = sweep.seeds[:1] if sweep.search else sweep.seeds
    for value, seed, drawn in ((value, seed, drawn) for seed in seeds for value in sweep.values for drawn in draws):
        config = sweep.config(value, seed, "", drawn)
        flat = flatten(config)
        if sweep.key and not sweep.variants and sweep.key not in flat:
            raise UserError(f"{where}: vary.key {sweep.key} is a section, not a key")
        if sections := [key for key in drawn if key not in flat]:
            raise UserError(f"{where}: search.keys.{sections[0]} is a section, not a key")
        split = config.evaluate.reference_split
        if sweep.chooses and split != "validation":
            raise UserError(
                f"{where} chooses among trials by their scores, which must not be of the shapes that the best one is "
                f"judged by in the end: set evaluate.reference_split to validation (now {split})"
            )
        if sweep.stop and sweep.stop.grace >= config.train.steps:
            raise UserError(
                f"{where}: stop.grace = {sweep.stop.grace} must be below train.steps = {config.train.steps}: "
                "nothing would be stopped"
            )


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
