"""The process that reads meshes: answers one mesh after the other until its parent closes the connection.

Started by `limits.LimitedSampler` as `python -m hdray.signals.child DESCRIPTOR`; never by hand.
"""

import pickle
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdray.signals.settings import OccupancySettings


def main() -> None:
    """Receive (settings, seed), then again and again (work, instance, extensions) and contents; send what comes of them."""
    connection = Connection(int(sys.argv[1]))
    # The memory limit is for the mesh: the libraries are loaded first and come on top.
    import embreex.mesh_construction
    import embreex.rtcore_scene  # noqa: F401
    import igl.predicates  # noqa: F401
    import scipy.sparse.csgraph  # noqa: F401
    import trimesh  # noqa: F401

    from hdray.signals import fingerprint, occupancy  # noqa: F401

    settings, seed = pickle.loads(connection.recv_bytes())
    limit_memory(settings.memory_limit_gb)
    connection.send_bytes(b"ready")
    while True:
        try:
            work, instance, extensions = pickle.loads(connection.recv_bytes())
            files = [(connection.recv_bytes(), extension) for extension in extensions]
        except EOFError:  # the parent is done, or dead
            return
        # Processor time, so that a busy machine rejects no more than an idle one; SIGPROF ends a process by default.
        signal.setitimer(signal.ITIMER_PROF, settings.time_limit_s)
        try:
            reply = carried_out(work, files, settings, seed, instance)
        except Exception as error:  # noqa: BLE001
            # A bad mesh is Rejected. Anything else is a defect of ours: it is raised again in the parent.
            reply = error.with_traceback(None)
            reply.__cause__ = reply.__context__ = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send_bytes(pickle.dumps(reply))


def carried_out(
    work: str, files: list[tuple[bytes, str]], settings: "OccupancySettings", seed: int, instance: str
) -> object:
    """The sample or the fingerprint of a file (content, extension), or the distance between two. Raises Rejected."""
    from hdray.signals.fingerprint import distance, fingerprint, read_geometry
    from hdray.signals.occupancy import sample_mesh_file

    if work == "sample":
        return sample_mesh_file(*files[0], settings, seed, instance)
    geometries = [read_geometry(*file, settings) for file in files]
    return fingerprint(*geometries) if work == "fingerprint" else distance(*geometries)


def limit_memory(gigabytes: float) -> None:
    """Let this process allocate at most `gigabytes` GiB more than it has now; allocations beyond fail."""
    pages = (
        [int(field) for field in Path("/proc/self/statm").read_text().split()] if sys.platform == "linux" else [0] * 7
    )
    page, more = resource.getpagesize(), int(gigabytes * 2**30)
    # Data (what is written to) is the fair measure; the address space is the backstop for what is mapped and shared.
    for kind, now, slack in ((resource.RLIMIT_DATA, pages[5], 1), (resource.RLIMIT_AS, pages[0], 2)):
        _, hard = resource.getrlimit(kind)
        limit = now * page + more * slack
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    main()
