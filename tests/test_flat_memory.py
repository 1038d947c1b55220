"""A process that trains and analyses five times the data takes no more memory of its own."""

import json
import os
import sys
from pathlib import Path

import numpy as np
from tools.anonymous import run

SMALL, LARGE = 2_500, 12_500
"""Vectors of 16 KB: 41 MB, and 205 MB. As numbers of single precision, the latter are 819 MB."""

GROWTH = 100e6
"""Bytes that a process may take more for the large data than for the small ones."""

SCRIPT = """
import json, sys, threading, time
import latentscape
from latentscape.core import subsets
from latentscape.doctor import patient
from latentscape.evaluation import principal
from latentscape.inference import batches
from tools.anonymous import anonymous

# So that the small data, too, are more than what is held at once; and that it takes seconds.
subsets.MAX_VALUES = 1 << 22
patient.MAX_VALUES = 1 << 22
# Batches of 4 MB: of larger ones, a few more at once are as much as is looked for.
batches.MAX_VALUES, principal.MAX_CHUNK = 1 << 20, 1 << 20
peaks, going = [0], True

def watch():
    while going:
        peaks[-1] = max(peaks[-1], anonymous("self"))
        time.sleep(0.01)

watcher = threading.Thread(target=watch)
watcher.start()
changes = {
    "data.store": "mapped", "data.test": 200, "data.validation": 0.01,
    "model.encoder.widths": [4], "model.latent.dim": 2,
    "train.epochs": 1, "train.batch_size": 64, "train.snapshots": [],
}
for place, file in enumerate(sys.argv[1:3]):
    peaks.append(0)
    run = latentscape.train(
        "simple-20", data=file, changes=changes, folder=sys.argv[3], name=f"run-{place}", quiet=True
    )
    latentscape.cluster(run, methods=["kmeans"], k=3)
    latentscape.embed(run, file, out=f"{sys.argv[3]}/codes-{place}.npy")
    latentscape.report(run)
going = False
watcher.join()
print(json.dumps(peaks[1:]))
"""


def write(file: Path, count: int) -> Path:
    """Write vectors along a few directions, as many as there are, by repetition of some."""
    source = np.random.default_rng(0)
    rows = source.random((500, 3), np.float32) @ source.random((3, 1 << 14), np.float32)
    rows = (rows * 85).astype(np.uint8)
    values = np.lib.format.open_memmap(file, "w+", np.uint8, (count, rows.shape[1]))
    for start in range(0, count, len(rows)):
        values[start : start + len(rows)] = rows
    return file


def test_memory_does_not_grow_with_the_data(tmp_path):
    files = [write(tmp_path / f"{count}.npy", count) for count in (SMALL, LARGE)]
    environment = {
        **os.environ,
        "LATENTSCAPE_CACHE": str(tmp_path / "cache"),
        # Else threads keep what they have freed in heaps of their own: 100 MB more, by chance.
        "MALLOC_ARENA_MAX": "1",
        "PYTHONPATH": os.pathsep.join(map(str, filter(None, sys.path))),
    }
    command = [sys.executable, "-c", SCRIPT, *files, tmp_path / "runs"]
    taken = run(command, environment)
    small, large = json.loads(taken.output.splitlines()[-1])
    for file in files:
        file.unlink()
    assert large - small < GROWTH
    assert len(np.load(tmp_path / "runs" / "codes-1.npy", mmap_mode="r")) == LARGE
