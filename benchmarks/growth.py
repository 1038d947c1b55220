"""How the time of an epoch and the memory grow with data, batches and networks.

Each setting is trained in a process of its own, ``python -m benchmarks.growth SETTING IMAGES``, by
the objects that train a run.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.processes import measure
from benchmarks.works import ROOT, load_mnist
from latentscape import Dataset, Split
from latentscape.api.preparing import prepare, resolve
from latentscape.config import Recipe
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.training.loader import Examples, Loader
from latentscape.training.optim import build_optimizers
from latentscape.training.step import TrainingStep

SHAPE = (1, 28, 28)
STORED = 60_000
"""Images in the file that all settings take theirs from, again and again where it has too few."""

WARM_UP_SECONDS, SECONDS = 1.5, 4.0
"""How long each setting is trained before it is timed, and while it is."""
FEWEST_STEPS = 5
"""However long they take; steps are replayed from the fifth one on."""


@dataclass(frozen=True)
class Setting:
    """What is trained.

    Attributes
    ----------
    width : int or None
        Of the hidden layer, where there is one.
    """

    recipe: str
    images: int
    batch_size: int
    latent_dim: int
    width: int | None = None


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
    "conv-bn": {"images": (5_000, 20_000, 60_000), "batch_size": (32, 128, 256, 512, 2048)},
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
    """Return the rows of a recipe in which nothing but one thing is varied, in its order."""
    base = asdict(BASES[recipe])
    kept = [field.name for field in fields(Setting) if field.name != varied]
    found = [row for row in rows if all(row[name] == base[name] for name in kept)]
    return sorted(found, key=lambda row: int(row[varied]))


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
    split = _load_split(setting.images, file)
    recipe = _recipe(setting, split)
    device = torch.device("cpu")
    precision = choose_precision(recipe.train.precision, device)
    model = Network(recipe.model, recipe.objective).train()
    step = TrainingStep(
        model, build_optimizers(model.players(), recipe.train), recipe.train, precision
    )
    examples = Examples(split.dataset, device)
    loader = Loader(examples, split.train, recipe.train.batch_size, recipe.train.seed)
    with training_on(precision):
        _take_steps(step, loader, WARM_UP_SECONDS)
        images, seconds = _take_steps(step, loader, SECONDS)
    return {
        "seconds": seconds * setting.images / images,
        "images_timed": images,
        "data_bytes": split.dataset.images.nbytes,
        "precision": precision,
    }


def _load_split(count: int, file: Path) -> Split:
    """Read so many images, without ever holding more than them."""
    images = np.empty((count, *SHAPE), np.uint8)
    for start in range(0, count, STORED):
        with file.open("rb") as stream:
            stream.readinto(images[start : start + STORED].data)
    nothing = np.empty(0, np.int64)
    return Split(Dataset("mnist", images), np.arange(count), nothing, nothing, seed=0)


def _recipe(setting: Setting, split: Split) -> Recipe:
    changes: dict[str, Any] = {
        "train.batch_size": setting.batch_size,
        "model.latent.dim": setting.latent_dim,
    }
    if setting.width:
        changes["model.encoder.widths"] = [setting.width]
    return prepare(resolve(setting.recipe, changes, split.dataset), split)


def _take_steps(step: TrainingStep, loader: Loader, most_seconds: float) -> tuple[int, float]:
    """Train for so long; return on how many images, and for how many seconds."""
    begun, images = perf_counter(), 0
    for taken, (epoch, batch) in enumerate(_endless(loader), start=1):
        step(batch, epoch)
        images += len(batch)
        seconds = perf_counter() - begun
        if seconds > most_seconds and taken >= FEWEST_STEPS:
            break
    return images, seconds


def _endless(loader: Loader) -> Iterator[tuple[int, Any]]:
    epoch = 0
    while True:
        for batch in loader.epoch(epoch):
            yield epoch, batch
        epoch += 1


def main() -> None:
    """Train the setting on the command line, and print what was measured as JSON."""
    _, setting, file = sys.argv
    print(json.dumps(_train(Setting(**json.loads(setting)), Path(file))))


if __name__ == "__main__":
    main()
