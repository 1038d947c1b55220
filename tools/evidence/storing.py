"""What images on disk cost: packing a folder, the speed of training, and memory, as data grow.

Each row is measured in processes of its own: ``python -m tools.evidence.storing PATH STORE``. The
files are made here, in a folder that is removed: digits of MNIST again and again, and Fashion-MNIST
as 70,000 PNG files in folders of their classes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np

import latentscape
from latentscape.api.preparing import prepare, resolve
from latentscape.config import DataConfig, Recipe, load_recipe
from latentscape.core.records import Split
from latentscape.core.units import count, memory_size, percent
from latentscape.data import load_dataset, split_dataset
from latentscape.training.timing import CPU, step_seconds
from tools.evidence.measuring import measured_now
from tools.evidence.records import ROOT, Evidence, Number, ResultRow

RECIPE = "simple-20"
SIZES = {"100,000": 100_000, "1,000,000": 1_000_000, "10,000,000": 10_000_000}
MAX_RESIDENT = 1_000_000
"""Images that are also read into memory, to compare."""
FOLDER = "70,000 PNG files"
STORES = ("resident", "mapped", "encoded")
ROUNDS = 3
WARM_UP_SECONDS, SECONDS = 2.0, 5.0
"""How long is trained before images are counted, and while they are."""

GROWTH_HEAD = (
    "images of 28 × 28",
    "on disk",
    "memory, `resident`",
    "memory, `mapped`",
    "to open, `mapped`",
    "images a second, `mapped`",
    "of `resident`",
)
FOLDER_HEAD = (
    "`data.store`",
    "to open at first",
    "to open again",
    "memory",
    "images a second",
    "of `resident`",
)

_STATUS = Path("/proc/self/status")


def measure_stores() -> Evidence:
    """Make the files, and train on them wherever images may be kept."""
    rows = []
    with TemporaryDirectory(prefix="stores-") as place:
        folder = Path(place)
        write_folder(folder / "png")
        rows.append(ResultRow(label=FOLDER, kind="other", numbers=_numbers(folder / "png", STORES)))
        for label, images in SIZES.items():
            write_file(folder / "x.npy", images)
            stores = STORES[:2] if images <= MAX_RESIDENT else STORES[1:2]
            numbers = _numbers(folder / "x.npy", stores)
            rows.append(ResultRow(label=label, kind="other", numbers=numbers))
    return measured_now(
        "stores",
        f"How {RECIPE} trains on images in memory, mapped, and decoded when needed.",
        tuple(rows),
        load_recipe(RECIPE),
    )


def write_folder(folder: Path) -> None:
    """Write Fashion-MNIST as image files: a folder for each part, in it one for each class."""
    from PIL import Image

    data = latentscape.load_data("fashion-mnist")
    assert data.labels is not None
    start = 0
    for chunk in data.images.chunks(1000):
        for number, image in enumerate(chunk[:, 0], start):
            part = "train" if number < 60_000 else "test"
            place = folder / part / data.label_names[data.labels[number]].replace("/", " ")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{number:05}.png")
        start += len(chunk)


def write_file(path: Path, images: int) -> None:
    """Write so many images (N, 28, 28) to a .npy file, a part at a time."""
    digits = np.asarray(latentscape.load_data("mnist").images)[:, 0]
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (images, 28, 28))
    for start in range(0, images, len(digits)):
        array[start : start + len(digits)] = digits[: images - start]
    array.flush()


def _numbers(path: Path, stores: tuple[str, ...]) -> dict[str, Number]:
    """Measure a file or folder with each store, in turns."""
    values: dict[str, list[float]] = {}
    with TemporaryDirectory(prefix="cache-") as cache:
        for _ in range(ROUNDS):
            for store in stores:
                for key, value in _in_process(path, store, cache).items():
                    values.setdefault(f"{store}_{key}", []).append(value)
                print(path.name, store, values[f"{store}_rate"][-1], flush=True)
    return {key: Number.of(tuple(each)) for key, each in values.items()}


def _in_process(path: Path, store: str, cache: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tools.evidence.storing", str(path), store]
    environment = {**os.environ, "LATENTSCAPE_CACHE": cache}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _train(path: str, store: str) -> dict[str, float]:
    """Open data and train on them for some seconds; the memory is that of both."""
    with _watched() as peak:
        begin = time.perf_counter()
        config = DataConfig(source=path, store=store)
        split = split_dataset(load_dataset(config), config)
        _ = split.dataset.fingerprint
        opened = time.perf_counter() - begin
        rate = _rate(prepare(resolve(RECIPE, {}, None, split), split), split)
    return {"open": opened, "rate": rate, "megabytes": peak[0] / 1e6}


def _rate(recipe: Recipe, split: Split) -> float:
    """Return how many images a second are trained on, by what trains a run."""
    steps = step_seconds(recipe, split, CPU, sys.maxsize, WARM_UP_SECONDS + SECONDS)
    timed = np.array(steps)[np.cumsum(steps) > WARM_UP_SECONDS]
    return recipe.train.batch_size / float(timed.mean())


@contextmanager
def _watched() -> Iterator[list[float]]:
    """Watch the memory of this process that is not files; yield a list with the most of it."""
    peak, is_over = [0.0], Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
            peak[0] = max(peak[0], 1024.0 * int(lines["RssAnon"].split()[0]))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def growth_table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table of sizes: images, gigabytes, memory, seconds, speed."""
    rows = []
    for label, images in SIZES.items():
        row = evidence.row(label)
        numbers = {key: number.values for key, number in row.numbers.items()}
        resident = numbers.get("resident_rate")
        rows.append(
            [
                label,
                memory_size(images * 784),
                *(_most(numbers.get(f"{s}_megabytes")) for s in STORES[:2]),
                f"{numbers['mapped_open'][0]:.1f} s, then {min(numbers['mapped_open'][1:]):.1f} s",
                f"{count(round(max(numbers['mapped_rate'])))}",
                "" if resident is None else percent(max(numbers["mapped_rate"]) / max(resident)),
            ]
        )
    return rows


def folder_table(evidence: Evidence) -> list[list[str]]:
    """Return the rows of the table of the folder of images: store, seconds, speed."""
    row = evidence.row(FOLDER)
    numbers = {key: number.values for key, number in row.numbers.items()}
    best = max(numbers["resident_rate"])
    return [
        [
            f"`{store}`",
            f"{numbers[f'{store}_open'][0]:.1f} s",
            f"{min(numbers[f'{store}_open'][1:]):.1f} s",
            _most(numbers[f"{store}_megabytes"]),
            count(round(max(numbers[f"{store}_rate"]))),
            percent(max(numbers[f"{store}_rate"]) / best),
        ]
        for store in STORES
    ]


def _most(megabytes: tuple[float, ...] | None) -> str:
    return "" if megabytes is None else f"{max(megabytes):.0f} MB"


if __name__ == "__main__":
    print(json.dumps(_train(*sys.argv[1:])))
