"""The run directory: where stages meet, and what each of them was made with."""

import hashlib
import json
import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdray.errors import UserError
from hdray.pipeline.storage import exists, is_remote, join, read_bytes, remove, write_bytes


@dataclass(frozen=True)
class RunDirectory:
    """Names and records of one run, below a resolved local path or s3:// URL."""

    url: str

    def path(self, *parts: str) -> str:
        """The URL of something in the run."""
        return join(self.url, *parts)

    def read_json(self, *parts: str) -> Any:
        """A JSON file of the run; raises FileNotFoundError where there is none."""
        return json.loads(read_bytes(self.path(*parts)))

    def write_json(self, content: Any, *parts: str) -> None:
        """Write a JSON file of the run. Raises ValueError for a number that is not finite, which JSON does not have."""
        text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
        write_bytes(self.path(*parts), (text + "\n").encode())

    def has(self, *parts: str) -> bool:
        """Whether the run holds this file or folder."""
        return exists(self.path(*parts))

    def remove(self, *parts: str) -> None:
        """Delete a file or folder of the run."""
        remove(self.path(*parts))

    def record(self, stage: str) -> dict[str, Any] | None:
        """What a stage's output was made with ({"keys", "inputs", "complete", ...}), or None if there is no output."""
        if not self.has("stages", f"{stage}.json"):
            return None
        made: dict[str, Any] = self.read_json("stages", f"{stage}.json")
        return made if made["complete"] or self.has(made["folder"]) else None

    def check(
        self,
        stage: str,
        keys: dict[str, Any],
        inputs: dict[str, str],
        *,
        apart_from: Collection[str] = (),
        instead: str = "another --run",
    ) -> None:
        """Check that the stage's output, if there is any, was made with these inputs and result keys, `apart_from` some.

        Raises UserError naming each key and input that differs, and what to do `instead` of giving the former values.
        """
        made = self.record(stage)
        if made is None:
            return
        changes = [
            f"{key} was {_said(made['keys'], key)} and is now {_said(keys, key)}"
            for key in sorted(made["keys"].keys() | keys.keys())
            if made["keys"].get(key) != keys.get(key) and key not in apart_from
        ]
        changes += [f"its input, {name}, has changed" for name in inputs if made["inputs"].get(name) != inputs[name]]
        if changes:
            raise UserError(
                f"{self.url} holds results of the stage '{stage}' that another configuration made: "
                f"{'; '.join(changes)}. Give the former values, or {instead}."
            )

    def begin(self, stage: str, keys: dict[str, Any], inputs: dict[str, str], folder: str) -> dict[str, Any]:
        """`check`, then the stage's record: the former one, or a new one now written.

        `folder` is where in the run output first appears: as long as there is none, other keys may still be given.
        """
        self.check(stage, keys, inputs)
        made = self.record(stage)
        if made is None:
            made = {"keys": keys, "inputs": inputs, "folder": folder}
            made.update(complete=False, seconds=0.0, started=time.time())
            self.write_json(made, "stages", f"{stage}.json")
        return made

    def reopen(self, stage: str) -> None:
        """Record that the stage's output is being added to."""
        self.note(stage, complete=False)

    def note(self, stage: str, **details: Any) -> None:
        """Record more of a stage that has begun, or something else than before."""
        self.write_json({**self.read_json("stages", f"{stage}.json"), **details}, "stages", f"{stage}.json")

    def finish(self, stage: str, seconds: float, complete: bool = True, **details: Any) -> None:
        """Record that the stage's output is complete (or comes to a pause), and the seconds this took."""
        before = self.read_json("stages", f"{stage}.json")["seconds"]
        self.note(stage, complete=complete, seconds=before + seconds, **details)


def _said(keys: dict[str, Any], key: str) -> str:
    """A key's value; keys that are younger than some runs are recorded only where they differ from their default."""
    return repr(keys[key]) if key in keys else "at its default"


def check_place(run: RunDirectory, option: str = "--run") -> None:
    """Raise UserError where a run cannot be kept: a file is in the way, access is denied, the store does not answer.

    `option` is what gave the place.
    """
    try:
        reason = _absent_bucket(run.url) if is_remote(run.url) else _obstacle(Path(run.url))
    except Exception as error:  # noqa: BLE001  (s3fs raises botocore's, aiohttp's and the system's errors)
        reason = f"{type(error).__name__}: {error}"
    if reason:
        raise UserError(
            f"{option} {run.url} cannot be used ({reason}); give a folder or s3:// URL that can be written to"
        )


def _absent_bucket(url: str) -> str | None:
    scheme, _, path = url.partition("://")
    bucket = f"{scheme}://{path.partition('/')[0]}"
    return None if exists(bucket) else f"there is no bucket {bucket}, or it may not be listed"


def _obstacle(folder: Path) -> str | None:
    """Why a folder can neither be written to nor made; None if it can."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is a file"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} may not be written to"


def content_hash(*parts: bytes | str) -> str:
    """A hash of contents, 32 hexadecimal digits: what artefacts refer to each other by."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()
