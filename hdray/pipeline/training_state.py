"""A training run's checkpoint on disk: tensors by name, shared out over the workers, and how far training has come."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor


@dataclass(kw_only=True)
class Progress:
    """How far training has come; everything else about a step follows from its number."""

    step: int = 0
    """Steps taken."""
    seconds: float = 0.0
    """Time spent on them, without what was lost to failures and starting up."""
    window_loss: float = 0.0
    """Sum of the losses since the last point of the curve, mean over the workers."""
    window_steps: int = 0
    """Steps since the last point of the curve."""
    curve: list[tuple[int, float, float, float]] = field(default_factory=list)
    """Points of the loss curve: steps taken, mean loss since the last point, learning rate, seconds."""


def write_state(
    folder: Path, tensors: Iterable[tuple[str, Tensor]], progress: Progress, worker: int, workers: int
) -> None:
    """Write this worker's share, every `workers`-th tensor; worker 0 writes the progress too.

    Every worker calls it with the same tensors; the files of all of them together are the checkpoint.
    """
    from safetensors.torch import save_file

    share = {}
    for index, (name, tensor) in enumerate(tensors):
        if index % workers == worker:
            share[name] = tensor.cpu().contiguous()
    save_file(share, folder / f"state-{worker:05d}.safetensors")
    if worker == 0:
        (folder / "progress.json").write_text(json.dumps(asdict(progress)))


@contextmanager
def open_state(folder: Path) -> Iterator[tuple[Progress, Callable[[str], Tensor]]]:
    """The progress, and a function that reads a tensor by its name, whichever worker wrote it.

    Raises KeyError for a tensor the checkpoint does not have.
    """
    from safetensors import safe_open

    saved = json.loads((folder / "progress.json").read_text())
    saved["curve"] = [tuple(point) for point in saved["curve"]]
    with ExitStack() as stack:
        owners = {}
        for file in sorted(folder.glob("state-*.safetensors")):
            opened = stack.enter_context(safe_open(file, "pt"))
            owners.update(dict.fromkeys(opened.keys(), opened))
        yield Progress(**saved), lambda name: owners[name].get_tensor(name)
