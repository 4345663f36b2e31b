"""What a training run tells people as it goes: the loss curve as CSV, TensorBoard, and lines on the console."""

import sys
import tempfile
import time
from pathlib import Path

from hdray.pipeline.progress import duration
from hdray.pipeline.storage import is_remote, join, write_bytes
from hdray.pipeline.training_state import Progress

CURVE_COLUMNS = "step,loss,learning_rate,seconds"


class TrainingLog:
    """Writes `loss.csv` and `tensorboard/` into the training directory; one worker has it.

    The curve is part of the checkpoint, so that a resumed run neither repeats points nor loses any.
    """

    def __init__(self, url: str, name: str, steps: int, progress: Progress) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.url, self.name, self.steps, self.progress = url, name, steps, progress
        self.first_step, self.begin = progress.step, time.monotonic()
        self.remote = is_remote(url)
        # A bucket cannot be appended to: its event files are written here and copied.
        self.folder = tempfile.TemporaryDirectory(prefix="tensorboard-") if self.remote else None
        self.events = Path(self.folder.name if self.folder else join(url, "tensorboard"))
        self.writer = SummaryWriter(str(self.events), purge_step=progress.step + 1)
        if progress.step:
            _say(f"training {name}: resumes after step {progress.step} of {steps}")

    def point(self) -> None:
        """Tell of the newest point of the curve."""
        step, loss, rate, _ = self.progress.curve[-1]
        self.writer.add_scalar("loss", loss, step)
        self.writer.add_scalar("learning_rate", rate, step)
        speed = (step - self.first_step) / max(time.monotonic() - self.begin, 1e-9)
        left = duration((self.steps - step) / speed)
        _say(f"training {self.name}: step {step} of {self.steps}, loss {loss:.4g}, {speed:.2f} a second, {left} left")

    def save(self) -> None:
        """Bring the files in the training directory up to date."""
        lines = [CURVE_COLUMNS, *(",".join(map(repr, point)) for point in self.progress.curve)]
        write_bytes(join(self.url, "loss.csv"), "\n".join([*lines, ""]).encode())
        self.writer.flush()
        if self.remote:
            for file in self.events.iterdir():
                write_bytes(join(self.url, "tensorboard", file.name), file.read_bytes())


def _say(line: str) -> None:
    # Not print: inside a worker Ray Train prints twice, once through its own logger.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
