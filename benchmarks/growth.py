"""How the time of an epoch and the memory grow with data, batches and networks.

Each setting is trained in a process of its own, ``python -m benchmarks.growth SETTING IMAGES``, by
the objects that train a run.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import measure
from benchmarks.works import ROOT, load_mnist
from latentscape import Dataset, Split
from latentscape.api.preparing import prepare, resolve
from latentscape.config import Recipe
from latentscape.core.runtime import choose_precision
from latentscape.training.timing import CPU, step_seconds

SIDE, STORED = 28, 60_000
"""Of the images in the file that all settings take theirs from: their height and width, and how
many there are. Where more are needed, they come again and again."""

READ = 1_000
"""Images that are read at once."""

WARM_UP_SECONDS, SECONDS = 1.5, 4.0
"""How long each setting is trained before it is timed, and while it is."""
FEWEST_STEPS, MAX_STEPS = 5, 1_000_000
"""However long they take; steps are replayed from the fifth one on."""


@dataclass(frozen=True)
class Setting:
    """What is trained.

    Attributes
    ----------
    width : int or None
        Of the hidden layer, where there is one.
    side : int
        Height and width of the images.
    """

    recipe: str
    images: int
    batch_size: int
    latent_dim: int
    width: int | None = None
    side: int = SIDE


BASES = {
    "simple-20": Setting("simple-20", 60_000, 128, 20, 400),
    "conv-bn": Setting("conv-bn", 20_000, 256, 32),
}
"""What stays as it is while one thing is varied."""

VARIED: dict[str, dict[str, Sequence[int]]] = {
    "simple-20": {
        "images": (5_000, 20_000, 60_000, 200_000, 600_000),
        "batch_size": (32, 128, 512, 2048),
        "width": (100, 400, 1600),
        "latent_dim": (2, 20, 200),
    },
    "conv-bn": {
        "images": (5_000, 20_000, 60_000),
        "batch_size": (32, 128, 256, 512, 2048),
        "side": (14, 28, 56, 112),
    },
}


def run_growth() -> dict[str, Any]:
    """Train every setting once.

    Returns
    -------
    dict
        ``rows``: each setting with the seconds of an epoch, the most memory held, and the bytes of
        the images themselves.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "images"
        np.asarray(load_mnist().images)[:STORED].tofile(file)
        return {"rows": [_grown(setting, file) for setting in _settings()]}


def along(rows: Sequence[dict[str, Any]], recipe: str, varied: str) -> list[dict[str, Any]]:
    """Return the rows of a recipe in which nothing but one thing is varied, in its order.

    What was not varied yet when they were measured, rows do not name: it was as in the base.
    """
    base = asdict(BASES[recipe])
    kept = [field.name for field in fields(Setting) if field.name != varied]
    whole = [{**base, **row} for row in rows]
    series = [row for row in whole if all(row[name] == base[name] for name in kept)]
    return sorted(series, key=lambda row: int(row[varied]))


def _settings() -> list[Setting]:
    """List the settings; those that several series share come once."""
    settings = [
        Setting(**{**asdict(BASES[recipe]), name: value})
        for recipe, series in VARIED.items()
        for name, values in series.items()
        for value in values
    ]
    return list(dict.fromkeys(settings))


def _grown(setting: Setting, file: Path) -> dict[str, Any]:
    module = [sys.executable, "-m", "benchmarks.growth"]
    measured = measure([*module, json.dumps(asdict(setting)), file], ROOT.parent)
    row = {**asdict(setting), **json.loads(measured.output), "peak_bytes": measured.peak_bytes}
    print(f"{setting}: {row['seconds']:.2f} s, {row['peak_bytes'] / 1e6:.0f} MB", flush=True)
    return row


def _train(setting: Setting, file: Path) -> dict[str, Any]:
    """Train for some seconds, and return how long an epoch takes at that pace."""
    split = _load_split(setting, file)
    recipe = _recipe(setting, split)
    seconds = step_seconds(recipe, split, CPU, MAX_STEPS, WARM_UP_SECONDS + SECONDS)
    if len(seconds) < 2 * FEWEST_STEPS:
        seconds = step_seconds(recipe, split, CPU, 2 * FEWEST_STEPS)
    warm = max(FEWEST_STEPS, sum(np.cumsum(seconds) < WARM_UP_SECONDS))
    timed = seconds[int(warm) :]
    return {
        "seconds": float(np.mean(timed)) * recipe.train.steps_per_epoch(setting.images),
        "images_timed": len(timed) * setting.batch_size,
        "data_bytes": split.dataset.images.nbytes,
        "precision": choose_precision(recipe.train.precision, CPU),
    }


def _load_split(setting: Setting, file: Path) -> Split:
    """Read the images, without ever holding many more than them."""
    count, side = setting.images, setting.side
    images = np.empty((count, 1, side, side), np.uint8)
    size = SIDE * SIDE
    for start in range(0, count, READ):
        read = np.fromfile(file, np.uint8, READ * size, offset=start % STORED * size)
        part = images[start : start + READ, 0]
        part[:] = _resized(read.reshape(-1, SIDE, SIDE), side)[: len(part)]
    nothing = np.empty(0, np.int64)
    return Split(Dataset("mnist", images), np.arange(count), nothing, nothing, seed=0)


def _resized(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Repeat pixels, or leave some out: only the size of images matters here."""
    if side < SIDE:
        return images[:, :: SIDE // side, :: SIDE // side]
    return images.repeat(side // SIDE, 1).repeat(side // SIDE, 2)


def _recipe(setting: Setting, split: Split) -> Recipe:
    changes: dict[str, Any] = {
        "train.batch_size": setting.batch_size,
        "model.latent.dim": setting.latent_dim,
    }
    if setting.width:
        changes["model.encoder.widths"] = [setting.width]
    return prepare(resolve(setting.recipe, changes, split.dataset), split)


def main() -> None:
    """Train the setting on the command line, and print what was measured as JSON."""
    _, setting, file = sys.argv
    print(json.dumps(_train(Setting(**json.loads(setting)), Path(file))))


if __name__ == "__main__":
    main()
