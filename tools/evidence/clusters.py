"""A Ray cluster of two nodes on this machine, one of which is killed in the middle of each work.

Each work is done here alone too, and what comes out is compared to the bit.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import latentscape
from latentscape.config import Study, load_recipe
from latentscape.core.extras import load
from latentscape.core.units import percent
from latentscape.runs import Run, runs_in
from tools.anonymous import run as run_command
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

RECIPE = "simple-20"
IMAGES = 1_000_000
SEEDS, RATES = 3, (0.0005, 0.001, 0.002, 0.004)
EPOCHS = 4

NODE = {"num_cpus": 1, "object_store_memory": 200 << 20}
HEAD = ("work", "this machine alone", "two nodes, one killed", "the same bits")


def measure_clusters(images: int = IMAGES, seeds: int = SEEDS, epochs: int = EPOCHS) -> Evidence:
    """Do each work alone and on the cluster."""
    with TemporaryDirectory(prefix="ray-") as folder:
        place = Path(folder)
        rows = (_study(place, seeds, epochs), _embedding(place, images))
    return measured_now(
        "clusters",
        "Works on a Ray cluster of two nodes, one of which is killed.",
        rows,
        load_recipe(RECIPE),
    )


def table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table."""
    rows = []
    for row in evidence.rows:
        alone, spread, same = (row.statistic(key).mean for key in ("alone", "spread", "same"))
        cells = [f"{alone:.0f} s", f"{spread:.0f} s", percent(same)]
        rows.append([row.label, *cells])
    return rows


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """Start a cluster of two nodes; yield it, and the node that can be killed."""
    cluster = load("ray.cluster_utils").Cluster(
        initialize_head=True, head_node_args={**NODE, "include_dashboard": False}
    )
    try:
        node = cluster.add_node(**NODE)
        os.environ["RAY_ADDRESS"] = cluster.address
        yield cluster, node
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        cluster.shutdown()


def _with_a_loss(is_time: Callable[[], bool], command: Sequence[str | Path]) -> float:
    """Give a command on a cluster whose second node is killed in between; return its seconds."""
    over = threading.Event()

    def kill() -> None:
        while not is_time():
            if over.wait(0.05):
                return
        cluster.remove_node(node, allow_graceful=False)

    with two_nodes() as (cluster, node):
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            seconds = _seconds([*command, "--on", "ray"])
        finally:
            over.set()
            killer.join()
        if node in cluster.worker_nodes:
            raise RuntimeError("The work ended before the node was killed")
    return seconds


def _seconds(command: Sequence[str | Path]) -> float:
    return run_command([sys.executable, "-m", "latentscape", *command], os.environ).seconds


def _study(folder: Path, seeds: int, epochs: int) -> ResultRow:
    """Train a study of `seeds` seeds and four learning rates."""
    entry = {"recipe": RECIPE, "set": {"train.epochs": epochs}}
    study = Study(name="rates", entries=(entry,), axes={"train.lr": RATES}, as_published=True)
    file = folder / "rates.yaml"
    file.write_text(study.model_dump_json(exclude_defaults=True))
    command: list[str | Path] = ["compare", file, "--data", "mnist-5k", "--seeds", str(seeds)]
    alone = _seconds([*command, "--runs", folder / "alone", "--jobs", "2"])
    spread = folder / "spread"

    def is_time() -> bool:
        runs = [run for run in spread.glob("*/history.jsonl") if run.stat().st_size > 500]
        return len(runs) > seeds * len(RATES) // 2

    seconds = _with_a_loss(is_time, [*command, "--runs", spread])
    models, others = _models(folder / "alone"), _models(spread)
    same = sum(others.get(name) == model for name, model in models.items()) / len(models)
    return _row(f"a study of {len(models)} runs", alone, seconds, same)


def _models(folder: Path) -> dict[str, bytes]:
    return {run.name: run.model_file.read_bytes() for run in runs_in(folder)}


def _embedding(folder: Path, images: int) -> ResultRow:
    """Embed digits, again and again."""
    run: Run = latentscape.train(RECIPE, epochs=1, data="mnist-5k", folder=folder, quiet=True)
    digits = latentscape.load_data("mnist-5k").images[:][:, 0]
    file = folder / "images.npy"
    header = {"descr": "|u1", "fortran_order": False, "shape": (images, *digits.shape[1:])}
    with file.open("wb") as content:
        np.lib.format.write_array_header_1_0(content, header)
        for start in range(0, images, len(digits)):
            content.write(digits[: images - start].tobytes())
    command: list[str | Path] = ["embed", run.path, "--data", file]
    alone = _seconds([*command, "--out", folder / "alone.npy"])

    def is_time() -> bool:
        return any(part.stat().st_size > images for part in folder.glob("*spread*"))

    seconds = _with_a_loss(is_time, [*command, "--out", folder / "spread.npy"])
    same = (folder / "alone.npy").read_bytes() == (folder / "spread.npy").read_bytes()
    return _row(f"{images:,} images embedded", alone, seconds, float(same))


def _row(label: str, alone: float, spread: float, same: float) -> ResultRow:
    numbers = {"alone": alone, "spread": spread, "same": same}
    print(label, numbers, flush=True)
    kept = {key: Number.of((value,)) for key, value in numbers.items()}
    return ResultRow(label=label, kind="other", numbers=kept)
