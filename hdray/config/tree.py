"""The whole configuration of a run: one typed tree, validated when built."""

import dataclasses
import re
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from hdray.config.pairs import check_grid, check_pair, check_shared
from hdray.fields.kinds import KINDS, kind_of
from hdray.fields.settings import FieldSettings
from hdray.fitting.settings import FitSettings, SharedSettings
from hdray.generators.settings import GenerateSettings, GeneratorSettings, TrainSettings
from hdray.metrics.protocols import PROTOCOLS
from hdray.metrics.settings import EvaluateSettings
from hdray.seeds import seed_of
from hdray.settings import STRICT, check, check_choice, execution, later
from hdray.signals.chair_design import combination
from hdray.signals.settings import OccupancySettings


@dataclass(frozen=True, kw_only=True)
class InputSettings:
    """Which shapes go in, and how they are divided."""

    __pydantic_config__ = STRICT

    chairs: int = 128
    """Procedural chairs to make when no --data is given; 0: none."""
    tables: int = later(0)
    """Procedural tables to make when no --data is given."""
    lamps: int = later(0)
    """Procedural lamps to make when no --data is given."""
    airplanes: int = later(0)
    """Procedural airplanes to make when no --data is given."""
    mugs: int = later(0)
    """Procedural mugs to make when no --data is given."""
    limit: int = 0
    """Use only the first this many inputs in order of their ids; 0 uses all."""
    validation_share: float = 0.05
    """Share of shapes held out for validation (0.05 as published)."""
    test_share: float = 0.15
    """Share of shapes held out for the final metrics (0.15 as published)."""
    split_file: str = ""
    """CSV with columns file,split (train, validation or test) that fixes the split; empty splits by stable hash."""
    family_file: str = ""
    """CSV with columns file,family: shapes of one family share a split; families.csv in the data is found by itself."""
    family_pattern: str = ""
    """Regular expression with one group: what the group holds in a path is the shape's family; instead of a file."""
    category_file: str = later("")
    """CSV with columns file,category; categories.csv in the data is found by itself. Without: the first folder of a path."""
    category_pattern: str = later("")
    """Regular expression with one group: what the group holds in a path is the shape's category; instead of a file."""
    test_families: str = ""
    """Families, by commas, that alone make the test split (leave one out); all others are trained on."""
    folds: int = later(0)
    """Parts for cross-validation, of whole families and nearly equal numbers of shapes; 0: none."""
    fold: int = later(0)
    """The part, from 0 on, that is the test split; validation_share is of the rest, test_share is not used."""
    duplicates: str = later("together")
    """Files of the same geometry: together (in one split), drop (the first is used) or ignore (not looked for)."""
    exclude_file: str = later("")
    """List of files (a path or a name a line, or a CSV column `file`) not to train on; references keep them."""
    max_self_intersection: float = later(1.0)
    """Largest share of a file's surface that may cut through itself in training (not in references); 1: not measured."""
    withhold: str = later("")
    """Parts of the procedural chairs, such as arms+stretchers: chairs that show all of them are withheld, as the test split."""
    up: str = execution("y")
    """Axis that points up in the meshes, for pictures: y or z."""

    def __post_init__(self) -> None:
        for category, count in self.procedural.items():
            check(f"{category}s", count, count >= 0, "0 or more")
        check(
            "chairs",
            self.chairs,
            any(self.procedural.values()),
            "1 or more where there are no tables, lamps, airplanes or mugs either",
        )
        check_choice(self, "up", ("y", "z"))
        check("limit", self.limit, self.limit >= 0, "0 or more")
        for name in ("family", "category"):
            pattern, file = getattr(self, f"{name}_pattern"), getattr(self, f"{name}_file")
            check(f"{name}_pattern", pattern, _one_group(pattern), "a regular expression with one group")
            check(f"{name}_pattern", pattern, not (pattern and file), f"empty where {name}_file is given")
        check(
            "test_families",
            self.test_families,
            not (self.test_families and self.split_file),
            "empty where split_file is given",
        )
        check("folds", self.folds, self.folds == 0 or self.folds >= 2, "0, or 2 or more")
        alone = not (self.folds and (self.split_file or self.test_families))
        check("folds", self.folds, alone, "0 where split_file or test_families is given")
        right = f"below folds = {self.folds}, and at least 0" if self.folds else "0 where folds is 0"
        check("fold", self.fold, 0 <= self.fold < max(self.folds, 1), right)
        check_choice(self, "duplicates", ("together", "drop", "ignore"))
        within = 0 <= self.max_self_intersection <= 1
        check("max_self_intersection", self.max_self_intersection, within, "between 0 and 1")
        check("withhold", self.withhold, *_combination(self.withhold))
        others = self.split_file or self.test_families or self.folds
        check("withhold", self.withhold, not (self.withhold and others), "empty where others say what to hold out")
        more = [f"{category}s" for category, count in self.procedural.items() if count and category != "chair"]
        right = f"empty where there are {', '.join(more)}: parts are withheld of chairs, and of chairs alone"
        check("withhold", self.withhold, not (self.withhold and more), right)
        shares = self.validation_share + self.test_share
        fits = self.validation_share >= 0 and self.test_share >= 0 and shares < 1
        check("validation_share", self.validation_share, fits, "0 or more, and below 1 together with test_share")

    @property
    def procedural(self) -> dict[str, int]:
        """How many procedural shapes of each category are made when no data is given."""
        return {
            "chair": self.chairs,
            "table": self.tables,
            "lamp": self.lamps,
            "airplane": self.airplanes,
            "mug": self.mugs,
        }


def _combination(text: str) -> tuple[bool, str]:
    """Whether a text is empty or names a combination of parts, and what would be right."""
    try:
        return bool(not text or combination(text)), ""
    except ValueError as error:
        return False, f"two or more parts joined by + ({error})"


def _one_group(pattern: str) -> bool:
    try:
        return not pattern or re.compile(pattern).groups == 1
    except re.error:
        return False


@dataclass(frozen=True, kw_only=True)
class ExecutionSettings:
    """Where and how wide a run is carried out: never changes a result, but for `pause_at`, which says how far it is one yet."""

    __pydantic_config__ = STRICT

    accelerator: str = execution("auto")
    """gpu, cpu, or auto: gpu if the cluster has one now (say gpu where GPU nodes start on demand)."""
    gpus: float = execution(1.0)
    """GPUs that each actor and training worker asks for where there are any: 1, or a fraction, so that several share one."""
    sampling_actors: int = execution(0)
    """Actors that read, repair and label meshes; 0 asks the cluster (one per CPU)."""
    fitting_actors: int = execution(0)
    """Actors that fit fields and extract meshes; 0 asks the cluster (as many as fit on its GPUs, or one per CPU)."""
    fitting_threads: int = execution(1)
    """Torch threads of such an actor; 0 takes the node's cores. Fits are bit-equal for equal numbers of threads."""
    training_threads: int = execution(0)
    """Torch threads of a training worker on a CPU; 0 divides the node's cores among the workers."""
    task_cpus: float = execution(0.25)
    """Logical CPUs each actor or task asks of Ray; small, so that every stage fits on two CPUs at once."""
    pause_at: int = execution(0)
    """Step at which this job's training of the generator pauses; what follows is of the model so far; 0: no pause."""
    progress_s: float = execution(10.0)
    """Seconds between progress lines; 0 is silent."""

    def __post_init__(self) -> None:
        check_choice(self, "accelerator", ("auto", "gpu", "cpu"))
        for name in (
            "sampling_actors",
            "fitting_actors",
            "fitting_threads",
            "training_threads",
            "pause_at",
            "progress_s",
        ):
            check(name, getattr(self, name), getattr(self, name) >= 0, "0 or more")
        check("gpus", self.gpus, 0 < self.gpus <= 1, "above 0 and at most 1: an actor computes on one GPU")
        check("task_cpus", self.task_cpus, 0 < self.task_cpus <= 0.4, "above 0 and at most 0.4")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything a run needs to be repeated."""

    __pydantic_config__ = STRICT

    preset: str = execution("demo")
    """Named starting point of every value below: see hdray/config/presets.py."""
    config: str = execution("")
    """YAML file of values laid over the preset; the command line is laid over both."""
    data: str = ""
    """Folder or s3:// URL of meshes (.obj .off .ply .stl .glb .gltf); empty makes procedural shapes."""
    run: str = execution("")
    """Folder or s3:// URL of the run directory; empty is runs/<preset>."""
    fits: str = execution("")
    """Run whose fitted shapes are copied instead of fitting them again; what they depend on must be the same."""
    store: str = execution("")
    """Folder or s3:// URL where runs share sampled points and trained networks, by hash, and the surfaces of fields that
    evaluations compare with; empty keeps the former in the run."""
    seed: int = 0
    """Seed of every random draw of the run."""
    inputs: InputSettings = dataclasses.field(default_factory=InputSettings)
    signal: OccupancySettings = dataclasses.field(default_factory=OccupancySettings)
    field: FieldSettings = dataclasses.field(default_factory=FieldSettings)
    shared: SharedSettings = dataclasses.field(default_factory=SharedSettings)
    fit: FitSettings = dataclasses.field(default_factory=FitSettings)
    generator: GeneratorSettings = dataclasses.field(default_factory=GeneratorSettings)
    train: TrainSettings = dataclasses.field(default_factory=TrainSettings)
    generate: GenerateSettings = dataclasses.field(default_factory=GenerateSettings)
    evaluate: EvaluateSettings = dataclasses.field(default_factory=EvaluateSettings)
    execution: ExecutionSettings = dataclasses.field(default_factory=ExecutionSettings)

    def __post_init__(self) -> None:
        within = self.generate.steps <= self.generator.timesteps
        right = f"at most generator.timesteps = {self.generator.timesteps}"
        check("generate.steps", self.generate.steps, within, right)
        self._check_protocol()
        self._check_training()
        animated = bool(self.signal.frames)
        fits = not animated or self.generate.mesh_format == "glb"
        check("generate.mesh_format", self.generate.mesh_format, fits, "glb for animations (signal.frames is set)")
        kind = kind_of(self.field.kind)
        right = f"one of {', '.join(name for name, other in KINDS.items() if other.animations)}"
        right += ", or a kind of your own that holds animations, for animations (signal.frames is set)"
        check("field.kind", self.field.kind, kind.animations or not animated, right)
        fits = not kind.frames_in_box or self.signal.time == "box"
        right = f"box with field.kind = {self.field.kind}, whose frames lie in the box"
        check("signal.time", self.signal.time, fits, right)
        ordered = not (self.evaluate.deduplicate and kind.cloud)
        right = f"False where field.kind is {self.field.kind}: points come in no order, so that vectors do not compare"
        check("evaluate.deduplicate", self.evaluate.deduplicate, ordered, right)
        check_pair(self.field, self.generator)
        check_shared(self.field, self.shared, self.fit)
        check_grid(self.field, self.generate)

    def _check_protocol(self) -> None:
        """Whether the run's clouds are such as the protocol of its evaluation compares."""
        settings, kept, frames = self.evaluate, self.signal.surface_points, self.signal.frames
        protocol = PROTOCOLS[settings.protocol]
        right = f"at most signal.surface_points = {kept}"
        if not settings.points:
            right += f", and not 0, which is {protocol.points} with evaluate.protocol = {protocol.name}"
        check("evaluate.points", settings.points, (settings.points or protocol.points) <= kept, right)
        fitting = [name for name, other in PROTOCOLS.items() if other.frames in (None, frames)]
        right = f"one of {', '.join(fitting)} where signal.frames = {frames}"
        check("evaluate.protocol", settings.protocol, settings.protocol in fitting, right)

    def _check_training(self) -> None:
        pause, steps = self.execution.pause_at, self.train.steps
        check("execution.pause_at", pause, pause <= steps, f"at most train.steps = {steps}")
        workers = max(self.train.workers, self.shared.workers)
        right = f"1 with {workers} training workers: they cannot talk to each other on one GPU"
        check("execution.gpus", self.execution.gpus, self.execution.gpus == 1 or workers == 1, right)

    @property
    def fit_seed(self) -> int:
        """Seed of where fits start and of the points that each step sees."""
        return seed_of(self.seed, "fit", self.fit.seed) if self.fit.seed else self.seed

    @property
    def generator_seed(self) -> int:
        """Seed of training and sampling."""
        return seed_of(self.seed, "generator", self.generator.seed) if self.generator.seed else self.seed


def flatten(settings: Any, prefix: str = "", results_only: bool = False) -> dict[str, Any]:
    """The tree as {"section.key": value}.

    With `results_only`, without the keys marked as execution, and without those marked as later that have their default.
    """
    flat: dict[str, Any] = {}
    for item in fields(settings):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            flat.update(flatten(value, f"{prefix}{item.name}.", results_only))
        elif not (results_only and _left_out(item, value)):
            flat[prefix + item.name] = value
    return flat


def _left_out(item: dataclasses.Field[Any], value: Any) -> bool:
    return bool(item.metadata.get("execution") or (item.metadata.get("later") and value == item.default))
