import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hdray.errors import UserError
from hdray.pipeline import lease
from hdray.pipeline.lease import Lease
from hdray.pipeline.run_directory import RunDirectory

HOLDER = """
import sys, time
from hdray.pipeline import lease
from hdray.pipeline.run_directory import RunDirectory
lease.HEARTBEAT_S = 0.2
with lease.Lease(RunDirectory(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(lease, "STALE_S", 2.0)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(str(tmp_path / "run"))


@pytest.fixture
def holder(run: RunDirectory):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, run.url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_driver_refuses_while_the_first_lives(run: RunDirectory, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(UserError, match=f"process {holder.pid} on .* is working on it"), Lease(run):
        pass
    assert run.has("lease.json")


def test_a_killed_drivers_lease_is_taken_over_at_once(run: RunDirectory, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    begin = time.monotonic()
    with Lease(run):
        assert run.read_json("lease.json")["pid"] == os.getpid()
    assert time.monotonic() - begin < 1.5
    assert not run.has("lease.json")


def test_another_hosts_lease_is_taken_over_when_it_stops_beating(run: RunDirectory) -> None:
    run.write_json({"token": "x", "host": "elsewhere", "pid": 1, "started": 0.0, "beat": 7}, "lease.json")
    begin = time.monotonic()
    with Lease(run):
        assert time.monotonic() - begin > 1.5


def test_a_patient_driver_waits_for_the_first(run: RunDirectory, holder: subprocess.Popen[str]) -> None:
    threading.Timer(3.0, holder.kill).start()  # longer than a lease without heartbeats would last
    begin = time.monotonic()
    with Lease(run, patient=True):
        assert time.monotonic() - begin > 2.5
        assert run.read_json("lease.json")["pid"] == os.getpid()


def test_a_bucket_holds_a_lease_too(s3: str) -> None:
    run = RunDirectory(f"{s3}/run")
    with Lease(run), pytest.raises(UserError, match="is in use"), Lease(run):
        pass
    assert not run.has("lease.json")


def test_a_driver_whose_lease_was_taken_stops(run: RunDirectory, holder: subprocess.Popen[str]) -> None:
    taken = {**json.loads(Path(run.url, "lease.json").read_text()), "token": "another"}
    run.write_json(taken, "lease.json")
    assert holder.wait(timeout=10) == 3


def test_of_two_that_found_it_dead_one_takes_it_over(run: RunDirectory) -> None:
    """The second one looked before the first one took it, and would have removed the first one's."""
    run.write_json({"token": "x", "host": "elsewhere", "pid": 1, "started": 0.0, "beat": 7}, "lease.json")
    first, second = Lease(run), Lease(run)
    dead = second._read()
    with first:
        second._take_away(dead)
        assert run.read_json("lease.json")["token"] == first.token
    run.write_json(dead, "lease.json")
    Path(run.url, "lease-x.taken").touch()  # of one that died over it
    with second:
        assert run.read_json("lease.json")["token"] == second.token
    assert not list(Path(run.url).iterdir())
