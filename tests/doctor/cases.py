"""Good recipes that are broken on purpose: for each symptom, one that has it first of all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentscape.config import DataConfig, Recipe, load_recipe, override
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset

GOOD = {
    "plain": (
        "simple-20",
        {"model.encoder.widths": [64], "model.latent.dim": 8, "train.epochs": 20},
    ),
    "vae": (
        "vae-20",
        {
            "model.encoder.widths": [64],
            "model.latent.dim": 8,
            "train.epochs": 20,
            "train.snapshots": [],
        },
    ),
}
"""Recipes that have no symptom on the data of `images`: name, and what makes them small."""

SPEED = {"train.batch_size": 32, "train.lr": 3e-3, "train.precision": "float32"}


@dataclass(frozen=True)
class Case:
    """A good recipe, and what breaks it.

    Attributes
    ----------
    symptom : str
        What the doctor has to name first.
    good : str
        One of `GOOD`.
    broken : mapping of str to value
        Changes that break it.
    data : mapping of str to value
        Arguments of `images`.
    """

    symptom: str
    good: str
    broken: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """The broken recipe."""
        return override(good(self.good), self.broken)


def good(name: str) -> Recipe:
    """Return a good recipe."""
    base, changes = GOOD[name]
    return override(load_recipe(base), {**SPEED, **changes})


def images(n: int = 640, contrast: float = 1.0, side: int = 8, seed: int = 0) -> Split:
    """Make images of a soft spot whose place, size and brightness differ, in four classes."""
    source = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    centres = np.stack([labels % 2, labels // 2], 1) * side / 2 + side / 4 - 0.5
    centres = centres + source.normal(0, side / 10, (n, 2))
    size, light = source.uniform(1.0, 2.0, n), source.uniform(0.6, 1.0, n)
    rows, columns = np.mgrid[:side, :side]
    squares = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    values = light[:, None, None] * np.exp(-squares / (2 * size[:, None, None]))
    values = (contrast * values).astype(np.float32)[:, None]
    names = tuple("abcd")
    data = Dataset("spots", values, labels.astype(np.int64), names, value_range=(0.0, 1.0))
    return split_dataset(data, DataConfig(validation=0.2))


CASES = (
    Case(
        "posterior_collapse",
        "vae",
        {"model.likelihood.kind": "gaussian", "model.likelihood.variance": 0.5},
        {"contrast": 0.3},
    ),
)
