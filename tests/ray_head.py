"""Clusters for tests: `ray start --head` on free ports, in a folder of its own, beside any other that runs here."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class RayHead:
    """A cluster of one node, started by `ray start --head`."""

    address: str
    """host:port for `ray.init` and RAY_ADDRESS."""
    dashboard: str
    """http://127.0.0.1:port for `ray job submit --address`."""
    environment: dict[str, str]
    """Environment variables that a client needs, its token included."""
    process: subprocess.Popen[bytes]


@contextmanager
def ray_head(num_cpus: int = 2, dashboard: bool = False, token: str | None = None) -> Iterator[RayHead]:
    """A cluster, stopped on leaving; with a token, token authentication is on."""
    # Not in pytest's folder: paths of Unix sockets are limited to 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="hdray-ray-"))
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    if token is not None:
        file = folder / "auth_token"
        file.write_text(token)
        file.chmod(0o600)
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}
    head = start_head(folder, num_cpus, dashboard, environment)
    try:
        wait_for_head(head, folder, dashboard)
        yield head
    finally:
        stop_head(head, folder)
        shutil.rmtree(folder, ignore_errors=True)


def start_head(folder: Path, num_cpus: int, dashboard: bool, environment: dict[str, str]) -> RayHead:
    """Start the processes of a cluster; every port is given, since Ray's defaults may be another cluster's."""
    gcs, client, board, agent, agent_grpc, runtime_env, metrics = free_ports(7)
    command = [
        PROGRAMS / "ray", "start", "--head", "--block", "--disable-usage-stats",
        "--node-ip-address=127.0.0.1", f"--temp-dir={folder / 'ray'}",
        f"--num-cpus={num_cpus}", "--object-store-memory=150000000",
        f"--port={gcs}", f"--ray-client-server-port={client}", f"--metrics-export-port={metrics}",
        f"--include-dashboard={str(dashboard).lower()}", "--dashboard-host=127.0.0.1", f"--dashboard-port={board}",
        f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={agent_grpc}",
        f"--runtime-env-agent-port={runtime_env}",
    ]  # fmt: skip
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    return RayHead(f"127.0.0.1:{gcs}", f"http://127.0.0.1:{board}", environment, process)


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def wait_for_head(head: RayHead, folder: Path, dashboard: bool) -> None:
    """Return once the cluster answers; fail with its log when it dies or takes a minute."""
    deadline = time.monotonic() + 60
    log = folder / "start.log"
    while time.monotonic() < deadline:
        if head.process.poll() is not None:
            pytest.fail(f"ray start ended:\n{log.read_text()}")
        if "Ray runtime started" in log.read_text() and (not dashboard or answers(f"{head.dashboard}/api/version")):
            return
        time.sleep(0.2)
    pytest.fail(f"ray start took more than a minute:\n{log.read_text()}")


def answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`, be it with a refusal."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def stop_head(head: RayHead, folder: Path) -> None:
    """Kill this cluster and nothing else: what `ray start --block` started, and whatever else names its folder."""
    started = psutil.Process(head.process.pid).children(recursive=True) if head.process.poll() is None else []
    named = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or [])
    ]
    head.process.kill()
    head.process.wait()
    for process in {*started, *named}:
        # psutil refuses by itself to kill another process that has the id of one that ended.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs({*started, *named}, timeout=20)
