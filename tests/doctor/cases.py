"""Good recipes that are broken on purpose: for each symptom, one that has it first of all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentscape.config import DataConfig, Recipe, load_recipe, override
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset

GOOD = {
    "plain": ("simple-20", {"model.encoder.widths": [64], "model.latent.dim": 8}),
    "vae": (
        "vae-20",
        {
            "model.encoder.widths": [64],
            "model.encoder.activation": "leaky_relu",
            "model.latent.dim": 8,
            "train.snapshots": [],
        },
    ),
    "vq": (
        "vq-vae",
        {
            "model.encoder.kind": "mlp",
            "model.encoder.activation": "leaky_relu",
            "model.encoder.widths": [64],
            "model.latent.codes": 16,
            "model.latent.positions": 4,
        },
    ),
}
"""Recipes that have no symptom on the data of `images`: name, and what makes them small."""

SPEED = {
    "train.epochs": 20,
    "train.batch_size": 32,
    "train.lr": 2e-2,
    "train.schedule": "cosine",
    "train.precision": "float32",
}

STEADY = {"train.schedule": "constant"}
"""Keeps a model learning until it ends."""


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
    mended_data : mapping of str to value, optional
        The same, where data and no setting mend it.
    clusters : int, optional
        Into how many the codes were clustered.
    """

    symptom: str
    good: str
    broken: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)
    mended_data: Mapping[str, Any] | None = None
    clusters: int | None = None

    @property
    def recipe(self) -> Recipe:
        """The broken recipe."""
        return override(good(self.good), self.broken)


def good(name: str) -> Recipe:
    """Return a good recipe."""
    base, changes = GOOD[name]
    return override(load_recipe(base), {**SPEED, **changes})


def images(
    n: int = 400,
    *,
    contrast: float = 1.0,
    spots: int = 1,
    spread: float = 1.0,
    side: int = 8,
    leak: bool = False,
    binary: bool = False,
) -> Split:
    """Make images of soft spots whose places, sizes and brightness differ, in four classes.

    A leak puts the label into the first pixel. Binary images have a draw of every pixel.
    """
    source = np.random.default_rng(0)
    labels = np.arange(n) % 4
    quarters = [labels, *(source.integers(0, 4, n) for _ in range(spots - 1))]
    values = contrast * sum(_spot(source, quarter, side, spread) for quarter in quarters)
    values = np.clip(values, 0, 1)
    if binary:
        values = values > source.random(values.shape)
    if leak:
        values[:, 0, 0, 0] = labels / 4
    data = Dataset(
        "spots", values.astype(np.float32), labels.astype(np.int64), tuple("abcd"), (0.0, 1.0)
    )
    return split_dataset(data, DataConfig(validation=0.2))


def _spot(source: np.random.Generator, quarter: np.ndarray, side: int, spread: float) -> np.ndarray:
    """Draw a spot in a quarter of each image."""
    n = len(quarter)
    centres = np.stack([quarter % 2, quarter // 2], 1) * side / 2 + side / 4 - 0.5
    centres = centres + source.normal(0, spread * side / 10, (n, 2))
    size = 1.5 + spread * source.uniform(-0.5, 0.5, n)
    light = 0.8 + spread * source.uniform(-0.2, 0.2, n)
    rows, columns = np.mgrid[:side, :side]
    squares = (rows - centres[:, :1, None]) ** 2 + (columns - centres[:, 1:, None]) ** 2
    return (light[:, None, None] * np.exp(-squares / (2 * size[:, None, None])))[:, None]


CASES = (
    Case("label_leak", "plain", {}, {"leak": True}, mended_data={}),
    Case(
        "nan_ahead",
        "plain",
        {"train.optimizer": "sgd", "train.lr": 0.7, "model.likelihood": "gaussian"},
    ),
    Case(
        "batch_norm_lag",
        "plain",
        {
            "model.encoder.norm": "batch",
            "train.epochs": 3,
            "train.batch_size": 64,
            "train.lr": 0.1,
            **STEADY,
        },
    ),
    Case("kl_weight", "vae", {"objective.weights.reconstruction": 1 / 64}),
    Case("under_training", "plain", {"train.epochs": 2, "train.batch_size": 16}),
    Case(
        "strong_decoder",
        "vae",
        {"model.decoder.kind": "mlp", "model.decoder.widths": [32] * 6},
    ),
    Case(
        "dead_units",
        "plain",
        {"model.init.kind": "truncated_normal", "model.init.sd": 0.05, "model.init.bias": -1.0},
    ),
    Case(
        "saturated_units",
        "plain",
        {
            "model.encoder.activation": "sigmoid",
            "model.init.kind": "truncated_normal",
            "model.init.sd": 20.0,
        },
    ),
    Case(
        "posterior_collapse",
        "vae",
        {"model.likelihood.kind": "gaussian", "model.likelihood.variance": 0.5},
        {"contrast": 0.3},
    ),
    Case(
        "codebook_unused",
        "vq",
        {"model.latent.revive_below": 0.0, "model.latent.codes": 512, "train.lr": 0.01},
        {"n": 640},
    ),
    Case("over_fitting", "plain", {"train.epochs": 40, **STEADY}, {"n": 320, "binary": True}),
    Case(
        "memorised",
        "plain",
        {
            "model.encoder.widths": [256],
            "model.likelihood.kind": "gaussian",
            "train.epochs": 40,
            "train.lr": 0.01,
        },
        {"n": 160, "binary": True},
    ),
    Case("prior_scale", "vae", {"objective.weights.rate": 1e-4}),
    Case(
        "inactive_dimensions",
        "vae",
        {"model.latent.dim": 64, "train.epochs": 60, "train.batch_size": 64, "train.lr": 0.02},
        {"n": 640},
    ),
    Case(
        "code_too_small",
        "plain",
        {"model.latent.dim": 1, "model.encoder.activation": "leaky_relu"},
        {"spots": 9, "side": 12},
    ),
    Case(
        "grey_veil",
        "plain",
        {
            "model.encoder.activation": "sigmoid",
            "model.latent.activation": "sigmoid",
            "model.init.kind": "truncated_normal",
            "model.init.sd": 0.001,
            "train.lr": 0.005,
        },
    ),
    Case("blur", "vae", {"model.likelihood.kind": "gaussian", "model.likelihood.variance": 0.3}),
    Case("code_too_large", "plain", {"model.latent.dim": 512}),
    Case("cluster_count", "plain", {}, {"spread": 0.2}, clusters=10),
)
