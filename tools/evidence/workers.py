"""Several workers on one model: whether they come to the bits of one, and what that costs.

Workers are processes of one thread on this machine. A kill is SIGKILL to one of them, drawn, after
a step that is drawn; then the run goes on with another number of them, drawn too. Times are those
of steps, medians of rounds that take turns: ``python -m tools.evidence.workers CALL ARGUMENTS``.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.records import Split
from latentscape.core.units import count, number
from latentscape.data import load_dataset, split_dataset
from latentscape.model import Network
from latentscape.runs import DataFacts, Environment, Run, create_run, open_run
from latentscape.training.engine.replay import WARM_UPS
from latentscape.training.hook import Hook, Training
from latentscape.training.timing import CPU, step_seconds
from latentscape.training.train import follow_run, train_run
from latentscape.training.workers import Workers, joined
from tools.evidence.measuring import measured_now
from tools.evidence.records import ROOT, Evidence, Number, ResultRow

RECIPES = ("simple-20", "vae-20", "conv-bn", "vq-vae", "factor-vae", "cluster-10")
COUNTS = (1, 2, 4)
SHARDS = 8
EPOCHS, BATCH_SIZE = 3, 64
DATA = DataConfig(source="mnist-5k", train=600, test=100)
KILLS = 30

NETWORKS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "`simple-20`": ("simple-20", {}),
    "`conv-bn`": ("conv-bn", {}),
    "three layers of 2,400": ("simple-20", {"model.encoder.widths": [2400, 2400, 2400]}),
}
BATCHES = (128, 1024)
STEPS, ROUNDS = 6, 5
WAYS = {"plain": (1, 1, 1), "shards": (SHARDS, 1, 1), "threads": (SHARDS, 1, 2)} | {
    "workers": (SHARDS, 2, 1)
}
"""Shards, workers and threads of each."""

BITS_HEAD = ("recipe", "steps", *(f"{count} workers" for count in COUNTS[1:]), "after a kill")
SPEED_HEAD = (
    "network",
    "weights",
    "batch",
    "1 shard",
    f"{SHARDS} shards",
    f"{SHARDS} shards, 2 threads",
    f"{SHARDS} shards, 2 workers",
)


def measure_workers(kills: int = KILLS, rounds: int = ROUNDS) -> Evidence:
    """Train on several workers, kill some, and time steps."""
    with TemporaryDirectory(prefix="workers-") as place:
        bits = _bits(Path(place), kills)
    rows = (*bits, *(_speed(label, size, rounds) for label in NETWORKS for size in BATCHES))
    return measured_now(
        "workers",
        "Whether several workers come to the bits of one, and what a step of theirs takes.",
        rows,
        load_recipe("simple-20"),
    )


def bits_table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table of equal bits."""
    rows = []
    for row in (row for row in evidence.rows if "same_2" in row.numbers):
        same = ["the same" if row.statistic(f"same_{n}").mean else "others" for n in COUNTS[1:]]
        killed = row.numbers["same_after_kill"].values
        kills = f"{sum(map(int, killed))} of {len(killed)} the same" if killed else "none"
        rows.append([row.label, count(int(row.statistic("steps").mean)), *same, kills])
    return rows


def speed_table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table of times."""
    rows = []
    for row in (row for row in evidence.rows if "plain" in row.numbers):
        alone = row.statistic("plain").mean
        times = (row.statistic(way).mean for way in WAYS)
        beside = (f"{number(1000 * t, 3)} ms ({number(t / alone, 2)}\u00a0×)" for t in times)
        sizes = (count(int(row.statistic(key).mean)) for key in ("weights", "batch"))
        rows.append([row.label, *sizes, *beside])
    return rows


class KillAfter(Hook):
    """Ends a worker after a step."""

    everywhere = True

    def __init__(self, rank: int, step: int) -> None:
        self._rank, self._left = rank, step

    def on_step(self, training: Training) -> None:
        """Count, and end."""
        self._left -= 1
        if self._left == 0 and training.workers.rank == self._rank:
            os.kill(os.getpid(), signal.SIGKILL)


def _bits(folder: Path, kills: int) -> list[ResultRow]:
    """Compare what several workers come to with one, left alone and after a kill."""
    draw, alone = random.Random(0), dict[str, tuple[str, str]]()
    same: dict[str, dict[str, list[float]]] = {name: {} for name in RECIPES}
    for workers in COUNTS:
        place = _begin(folder / str(workers), RECIPES)
        _launch(workers, 1, "train", str(place), ",".join(RECIPES))
        for name in RECIPES:
            result = _result(open_run(place / name))
            alone.setdefault(name, result)
            same[name][f"same_{workers}"] = [float(result == alone[name])]
    steps = open_run(folder / "1" / RECIPES[0]).recipe.train.steps(len(_split().train))
    for kill in range(kills):
        name, before, after = RECIPES[kill % len(RECIPES)], *draw.sample(COUNTS, 2)
        place = _begin(folder / f"kill-{kill}", [name])
        rank, step = draw.randrange(before), draw.randint(1, steps - 1)
        _launch(before, 1, "train", str(place), name, str(rank), str(step))
        assert not open_run(place / name).finished
        _launch(after, 1, "train", str(place), name)
        is_same = _result(open_run(place / name)) == alone[name]
        same[name].setdefault("same_after_kill", []).append(float(is_same))
        print(
            f"{name}: {before} workers, {rank} killed after {step}, {after}: {is_same}", flush=True
        )
    return [
        ResultRow(
            label=f"`{name}`",
            recipe=name,
            kind="other",
            numbers={
                "steps": Number.of((float(steps),)),
                **{key: Number.of(tuple(values)) for key, values in same[name].items()},
            },
        )
        for name in RECIPES
    ]


def _speed(label: str, batch: int, rounds: int) -> ResultRow:
    """Time steps of a network, each way in turn."""
    recipe, changes = NETWORKS[label]
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, (shards, workers, threads) in WAYS.items():
            own = {**changes, "train.shards": shards, "train.batch_size": batch}
            answer = _launch(workers, threads, "time", recipe, json.dumps(own), str(threads))
            seconds[way].append(float(answer))
    print(label, batch, {way: median(values) for way, values in seconds.items()}, flush=True)
    numbers = {**seconds, "weights": [_weights(recipe, changes)], "batch": [float(batch)]}
    kept = {key: Number.of(tuple(values)) for key, values in numbers.items()}
    return ResultRow(label=label, recipe=recipe, kind="other", numbers=kept)


def _weights(recipe: str, changes: Mapping[str, Any]) -> float:
    prepared = prepare(override(load_recipe(recipe), changes), _split())
    return float(Network(prepared.model, prepared.objective).parameter_count)


def _begin(folder: Path, names: Sequence[str]) -> Path:
    split, changes = _split(), {"train.shards": SHARDS, "train.snapshots": []}
    changes |= {"train.epochs": EPOCHS, "train.batch_size": BATCH_SIZE}
    for name in names:
        recipe = prepare(override(load_recipe(name), changes), split)
        create_run(folder / name, recipe, DataFacts.of(split), Environment(threads=1))
    return folder


def _split() -> Split:
    return split_dataset(load_dataset(DATA), DATA)


def _result(run: Run) -> tuple[str, str]:
    """Return a SHA-256 of the model file, and all but the times of the history."""
    parts = ("epoch", "lr", "train", "validation", "latent")
    history = [{part: record[part] for part in parts} for record in run.history.records()]
    return sha256(run.model_file.read_bytes()).hexdigest(), json.dumps(history)


def _launch(workers: int, threads: int, *arguments: str) -> str:
    """Call this module in several processes, and return what the first one has printed last."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    command = [sys.executable, "-m", "tools.evidence.workers", *arguments]
    places |= {"WORLD_SIZE": str(workers), "OMP_NUM_THREADS": str(threads)}
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **places, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for rank in range(workers)
    ]
    said = [process.communicate()[0] for process in processes]
    return (said[0].splitlines() or [""])[-1]


def _train(folder: str, names: str, rank: str = "0", step: str = "0") -> None:
    """Train runs to their ends, as one of several workers; end after a step, if there is one."""
    hooks = [KillAfter(int(rank), int(step))] if int(step) else []
    with joined(CPU) as workers:
        for name in names.split(","):
            run, split = open_run(Path(folder) / name), _split()
            if workers.leads:
                train_run(run, split, CPU, hooks, workers)
            else:
                follow_run(run, split, CPU, workers, hooks)


def _time(recipe: str, changes: str, threads: str) -> None:
    """Print the seconds that a step takes."""
    split = split_dataset(load_dataset(config := DataConfig(source="mnist-5k")), config)
    prepared = prepare(override(load_recipe(recipe), json.loads(changes)), split)
    with joined(CPU) as workers:
        print(_median_step(prepared, split, int(threads), workers))


def _median_step(recipe: Any, split: Split, threads: int, workers: Workers) -> float:
    steps = WARM_UPS + 1 + STEPS
    seconds = step_seconds(recipe, split, CPU, steps, threads=threads, workers=workers)
    return median(seconds[WARM_UPS + 1 :])


if __name__ == "__main__":
    if sys.argv[1] == "train":
        _train(*sys.argv[2:])
    else:
        _time(*sys.argv[2:])
