"""Whether models that are trained in lower precision are as good: the same seeds in both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import latentscape
from benchmarks.images import load_images
from benchmarks.scores import test_loss
from benchmarks.works import WORKS, Work
from latentscape.core.runtime import choose_device, choose_precision
from latentscape.model import Network

SEEDS = range(5)
PRECISIONS = ("float32", "auto")


@dataclass(frozen=True)
class Length:
    """How long a work is trained: shorter than in the contest where that takes long."""

    images: int
    epochs: int


LENGTHS = {
    "simple-20": Length(60_000, 5),
    "elaborate-4": Length(60_000, 5),
    "vae-20": Length(60_000, 5),
    "dense-dropout": Length(20_000, 3),
    "conv-bn": Length(10_000, 2),
    "conv-vae": Length(10_000, 2),
    "wide-mlp": Length(20_000, 3),
    "conv-vae-64": Length(2_048, 2),
}


def run_precision() -> dict[str, Any]:
    """Train every work with every seed in both precisions.

    Returns
    -------
    dict
        ``auto``: what it stands for here; ``rows``: a row for each work.
    """
    rows = []
    for work in WORKS:
        rows.append(_compared(work))
        print(f"{work.recipe:14} difference {rows[-1]['difference']:+.3f}", flush=True)
    return {"auto": choose_precision("auto", choose_device("cpu")), "rows": rows}


def _compared(work: Work) -> dict[str, Any]:
    """Return the test losses of a work and what they say."""
    length = LENGTHS[work.recipe]
    parts = np.concatenate([*load_images(replace(work, images=length.images)).values()])
    parts = parts.reshape(-1, *work.shape)
    data = latentscape.Dataset(work.data, parts, n_official_train=length.images)
    # The precisions take turns, so that whatever else happens on the machine happens to both.
    pairs = [[_loss(work, data, seed, each) for each in PRECISIONS] for seed in SEEDS]
    losses = dict(zip(PRECISIONS, zip(*pairs, strict=True), strict=True))
    return {
        "work": work.recipe,
        "metric": work.metric,
        "images": length.images,
        "epochs": length.epochs,
        "losses": losses,
        **summed_up(losses["float32"], losses["auto"]),
    }


def summed_up(full: Sequence[float], auto: Sequence[float]) -> dict[str, Any]:
    """Compare losses of the same seeds: means, deviations, and the mean paired difference."""
    differences = np.subtract(auto, full)
    difference, noise = float(differences.mean()), float(np.std(full, ddof=1))
    return {
        "mean": {"float32": float(np.mean(full)), "auto": float(np.mean(auto))},
        "sd": {"float32": noise, "auto": float(np.std(auto, ddof=1))},
        "difference": difference,
        "difference_se": float(differences.std(ddof=1) / np.sqrt(len(differences))),
        "within_noise": abs(difference) <= noise,
    }


def _loss(work: Work, data: latentscape.Dataset, seed: int, precision: str) -> float:
    """Train once, and return the loss of the test images."""
    changes = {
        "train.epochs": LENGTHS[work.recipe].epochs,
        "train.batch_size": work.batch_size,
        "train.seed": seed,
        "train.precision": precision,
        "data.validation": 0,
        "data.test": 100,  # For the findings of the run, which are not used here.
    }
    with TemporaryDirectory() as folder:
        run = latentscape.train(
            work.source,
            data=data,
            changes=changes,
            as_published=True,
            folder=folder,
            device="cpu",
            quiet=True,
        )
        model = latentscape.load(run.path)
    test = data.images[data.n_official_train :]
    return test_loss(work.metric, test, *_reconstructed(model, torch.from_numpy(test)))


@torch.inference_mode()
def _reconstructed(
    model: Network, images: torch.Tensor
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return what a model makes of images, and the rates of a variational one."""
    parts = torch.split(images, 1000)
    mean = torch.cat([model.reconstruct(part).flatten(1) for part in parts]).numpy()
    if not model.draws:
        return mean, None
    rates = [model.posterior(part).rate().sum(1) for part in parts]
    return mean, torch.cat(rates).numpy()
