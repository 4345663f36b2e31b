"""The process that reads meshes: answers one mesh after the other until its parent closes the connection.

Started by `limits.LimitedReader` as `python -m hdray.signals.child DESCRIPTOR`; never by hand.
"""

import pickle
import resource
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path


def main() -> None:
    """Receive (reading, limits), then again and again (name, extensions) and contents; send what was read or what failed."""
    connection = Connection(int(sys.argv[1]))
    reading, time_limit_s, memory_limit_gb = pickle.loads(connection.recv_bytes())
    # The memory limit is for the mesh: the libraries are loaded first and come on top.
    reading.prepare()
    limit_memory(memory_limit_gb)
    connection.send_bytes(b"ready")
    while True:
        try:
            name, extensions = pickle.loads(connection.recv_bytes())
            files = [(connection.recv_bytes(), extension) for extension in extensions]
        except EOFError:  # the parent is done, or dead
            return
        # Processor time, so that a busy machine rejects no more than an idle one; SIGPROF ends a process by default.
        signal.setitimer(signal.ITIMER_PROF, time_limit_s)
        try:
            reply: object = reading(name, *files)
        except Exception as error:  # noqa: BLE001
            # A bad mesh is Rejected. Anything else is a defect of ours, which the parent tells of.
            error.add_note(traceback.format_exc())
            reply = error.with_traceback(None)
            reply.__cause__ = reply.__context__ = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send_bytes(pickle.dumps(reply))


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
