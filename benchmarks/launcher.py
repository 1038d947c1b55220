"""Runs one command, and says how long it took and how much memory it held at most.

A script that imports nothing but the standard library: Linux counts what the starter of a process
holds as memory of that process too, so the starter has to be small. See `processes.measure`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from tempfile import TemporaryFile

RUSAGE_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts memory."""


def main() -> None:
    """Carry out the order on the command line, and print what was measured as JSON."""
    order = json.loads(sys.argv[1])
    if order["threads"] and hasattr(os, "sched_setaffinity"):
        # What the process sees of the machine: every framework starts as many threads.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: order["threads"]])
    with TemporaryFile("w+", errors="replace") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            order["command"], stdout=output, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        timer = threading.Timer(order["most_seconds"], process.kill)
        timer.start()
        assert process.stderr is not None
        lines = [(time.perf_counter() - begun, line) for line in process.stderr]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        measured = {
            "seconds": seconds,
            "peak_bytes": usage.ru_maxrss * RUSAGE_UNIT,
            "returncode": process.returncode,
            "output": output.read(),
            "errors": lines,
        }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
