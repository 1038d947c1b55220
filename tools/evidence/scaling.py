"""How long a step takes on many workers: what was measured on one, and arithmetic for the rest.

A step on W workers is ``fixed + images / W * each + sending``: each worker moves all weights, goes
through its share of the batch, and sends its gradients. Sending is that of a reduce-scatter and an
all-gather, ``2 (1 - 1/W) * bytes / bandwidth + 2 (W - 1) * MESSAGE``, after Thakur, Rabenseifner
and Gropp (2005), with messages to all others one after the other. Nothing overlaps.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from latentscape.api.preparing import prepare, resolve
from latentscape.config import DataConfig, load_recipe
from latentscape.core.records import Split
from latentscape.core.units import count, memory_size, number
from latentscape.data import load_dataset, split_dataset
from latentscape.model import Network
from latentscape.training.engine.replay import WARM_UPS
from latentscape.training.timing import CPU, step_seconds
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "`simple-20`": ("simple-20", {}),
    "`conv-bn`": ("conv-bn", {}),
    "three layers of 4,800": ("simple-20", {"model.encoder.widths": [4800, 4800, 4800]}),
}
"""How a network is called, to its recipe and what is changed of it."""

SMALL, LARGE = 64, 256
"""Batches that are timed: what both take alike is fixed."""

STEPS, ROUNDS = 4, 3

BATCH = 8192
"""Images in a global batch, as thousands of workers would share it."""

BANDWIDTHS = {"1 Gb/s": 1e9, "10 Gb/s": 1e10, "100 Gb/s": 1e11}
"""Of each worker, in bits a second in each direction."""

MESSAGE = 20e-6
"""Seconds until a message has left."""

WORKERS = (2, 8, 64, 1024)
HALF = 0.5
"""Below this share of W times the speed of one worker, more of them do not pay."""

HEAD = ("network", "gradients", "network between workers", "1 worker", *map(count, WORKERS), "pays")


def measure_scaling() -> Evidence:
    """Time steps of each network on one thread."""
    config = DataConfig(source="mnist-5k")
    split = split_dataset(load_dataset(config), config)
    rows = tuple(_measured(label, split) for label in NETWORKS)
    return measured_now(
        "scaling",
        "What a step takes of one thread: for its weights, and for each image.",
        rows,
        load_recipe("simple-20"),
    )


def step_time(row: ResultRow, workers: int, bandwidth: float) -> float:
    """Return the seconds of a step on so many workers, with so many bits a second between them."""
    fixed, each = row.statistic("fixed_seconds").mean, row.statistic("image_seconds").mean
    sent = 2 * (1 - 1 / workers) * 32 * row.statistic("parameters").mean / bandwidth
    return fixed + BATCH / workers * each + sent + 2 * (workers - 1) * MESSAGE


def most_workers(row: ResultRow, bandwidth: float) -> int:
    """Return how many workers, a power of two, are still used at least by half."""
    alone, workers = step_time(row, 1, bandwidth), 1
    while alone / (2 * workers * step_time(row, 2 * workers, bandwidth)) >= HALF:
        workers *= 2
    return workers


def table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table: a step's time, and its speed-up, on more and more workers."""
    rows = []
    for row in evidence.rows:
        size = memory_size(4 * row.statistic("parameters").mean)
        for label, bandwidth in BANDWIDTHS.items():
            alone = step_time(row, 1, bandwidth)
            times = (_beside(step_time(row, workers, bandwidth), alone) for workers in WORKERS)
            pays = f"up to {count(most_workers(row, bandwidth))}"
            rows.append([row.label, size, label, _seconds(alone), *times, pays])
    return rows


def _beside(seconds: float, alone: float) -> str:
    return f"{_seconds(seconds)} ({number(alone / seconds, 2)} ×)"


def _seconds(seconds: float) -> str:
    return f"{number(seconds, 2)} s" if seconds >= 1 else f"{number(1000 * seconds, 2)} ms"


def _measured(label: str, split: Split) -> ResultRow:
    recipe, changes = NETWORKS[label]
    prepared = prepare(resolve(recipe, changes, None, split), split)
    parameters = sum(p.numel() for p in Network(prepared.model, prepared.objective).parameters())
    fixed, each = zip(*_rounds(recipe, changes, split), strict=True)
    print(label, parameters, fixed, each, flush=True)
    numbers = {"parameters": (float(parameters),), "fixed_seconds": fixed, "image_seconds": each}
    kept = {key: Number.of(tuple(values)) for key, values in numbers.items()}
    return ResultRow(label=label, recipe=recipe, kind="other", numbers=kept)


def _rounds(recipe: str, changes: Mapping[str, Any], split: Split) -> Iterator[tuple[float, float]]:
    """Yield the seconds that a step takes whatever its batch, and those of each image."""
    for _ in range(ROUNDS):
        small, large = (
            _step(recipe, {**changes, "train.batch_size": size}, split) for size in (SMALL, LARGE)
        )
        each = (large - small) / (LARGE - SMALL)
        yield max(0.0, small - SMALL * each), each


def _step(recipe: str, changes: Mapping[str, Any], split: Split) -> float:
    prepared = prepare(resolve(recipe, changes, None, split), split)
    return min(step_seconds(prepared, split, CPU, WARM_UPS + 1 + STEPS, threads=1))
