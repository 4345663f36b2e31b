"""A sweep: what is varied, drawn and repeated, by which metrics its trials are compared, and when they are stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hdray.config.load import FILES, from_yaml, to_yaml
from hdray.config.search import Search, Stop
from hdray.config.tree import Config
from hdray.pipeline.storage import join

LONGEST_NAME = 200
"""Bytes of a trial's name: files beside the trial's folder are named after it too, with up to 52 more, 255 being the most."""
FILE_KEYS = tuple(f"inputs.{name}" for name in FILES)


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
    """What the seeds are given to: seed; fit.seed, which repeats fits on the same shapes; generator.seed, training on the same fits."""
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
    needs_data: bool = False
    """Whether it is about shapes of one's own, such as a paper's, and says nothing of procedural ones."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path of a file to where it lies, of those that keys of files are given: trials start in other folders than the sweep."""

    def trials(self) -> list[tuple[Any, int]]:
        """Every (value, seed), seed by seed: a sweep that is stopped has whole pairs."""
        return [(value, seed) for seed in self.seeds for value in self.values]

    def config(self, value: Any, seed: int, data: str, drawn: Mapping[str, Any] | None = None) -> Config:
        """The configuration of one trial.

        Raises UserError naming a key or value that is not accepted.
        """
        tree: dict[str, Any] = {}
        for key, setting in self.given(value, seed, data, drawn).items():
            *sections, last = key.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = setting
        return from_yaml(_dump(tree), f"the sweep {self.title!r}")

    def given(self, value: Any, seed: int, data: str, drawn: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What one trial is given, by key: drawn values are laid over the others."""
        varied = {self.key: value} if self.key else {}
        laid_over = {**self.set, **(self.variants[value] if self.variants else varied), **(drawn or {})}
        laid_over |= {key: self.files[laid_over[key]] for key in FILE_KEYS if laid_over.get(key) in self.files}
        return {"preset": self.preset, **laid_over, self.seed_key: seed, "data": data}

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


def trial_url(run: str, name: str) -> str:
    """The run directory of a trial."""
    return join(run, f"trials/{name}")


def _dump(tree: dict[str, Any]) -> bytes:
    import yaml

    return yaml.safe_dump(tree).encode()
