"""Recipes and data with a fault that shows before training: for each symptom, one that has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latentscape.config import Recipe, override
from latentscape.core.records import Dataset

from .cases import good, images

QUICK = {"train.epochs": 4}

_SYMPTOMS = "latentscape.doctor.symptoms"


@dataclass(frozen=True)
class BeforeCase:
    """A good recipe and good data, and what breaks one of them.

    Attributes
    ----------
    symptom : str
        What the doctor has to name first.
    good : str
        One of `doctor.cases.GOOD`.
    broken : mapping of str to value
        Changes that break it.
    data : callable
        Makes the data.
    mended_data : callable, optional
        Makes them as they should be, where no setting mends it.
    machine : tuple of str and object, optional
        Path of an object, and what takes its place: a small machine, or a low limit.
    """

    symptom: str
    good: str = "plain"
    broken: Mapping[str, Any] = field(default_factory=dict)
    data: Callable[[], object] = lambda: spots()
    mended_data: Callable[[], object] | None = None
    machine: tuple[str, object] | None = None

    @property
    def recipe(self) -> Recipe:
        """The broken recipe."""
        return override(good(self.good), {**QUICK, **self.broken})


def spots(n: int = 640, **more: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 1, 8, 8) of shares of 1, and labels."""
    data = images(n, **more).dataset
    assert data.labels is not None
    return data.images[:], data.labels


def scaled_spots(factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return images on another scale."""
    values, labels = spots()
    return factor * values, labels


def coloured(*, mixed_up: bool) -> np.ndarray:
    """Return images (n, 3, 8, 8), perhaps of values that stand with the channels last."""
    values, _ = spots()
    tints = np.random.default_rng(0).uniform(0.2, 1, (len(values), 3, 1, 1))
    pictures = (values * tints).astype(np.float32)
    return pictures.transpose(0, 2, 3, 1).reshape(pictures.shape) if mixed_up else pictures


def parts(*, inverted: bool) -> Dataset:
    """Return data with an official test part, perhaps inverted."""
    values, labels = spots()
    values = values.copy()
    if inverted:
        values[500:] = 1 - values[500:]
    return Dataset("parts", values, labels, tuple("abcd"), (0.0, 1.0), n_official_train=500)


def with_blanks(share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return images some of which are black."""
    values, labels = spots()
    values = values.copy()
    values[: round(share * len(values))] = 0
    return values, labels


def with_copies(copies: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every image so many times."""
    values, labels = spots(640 // copies)
    return np.tile(values, (copies, 1, 1, 1)), np.tile(labels, copies)


def imbalanced(rare: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of four labels, the last of which is as rare as that."""
    values, labels = spots()
    keep = np.concatenate([np.flatnonzero(labels < 3), np.flatnonzero(labels == 3)[:rare]])
    return values[keep], labels[keep]


BEFORE = (
    BeforeCase(
        "values_outside", broken={"data.range": (0.0, 1.0)}, data=lambda: scaled_spots(255.0)
    ),
    BeforeCase("unused_range", broken={"data.range": (0.0, 255.0)}),
    BeforeCase(
        "channel_order",
        data=lambda: coloured(mixed_up=True),
        mended_data=lambda: coloured(mixed_up=False),
    ),
    BeforeCase(
        "parts_differ",
        data=lambda: parts(inverted=True),
        mended_data=lambda: parts(inverted=False),
    ),
    BeforeCase("label_leak", data=lambda: spots(leak=True), mended_data=spots),
    BeforeCase("constant_images", data=lambda: with_blanks(0.1), mended_data=spots),
    BeforeCase("duplicates", data=lambda: with_copies(2), mended_data=lambda: with_copies(1)),
    BeforeCase("few_examples", data=lambda: spots(40), mended_data=spots),
    BeforeCase("imbalance", data=lambda: imbalanced(10), mended_data=lambda: imbalanced(160)),
    BeforeCase("no_validation", broken={"data.validation": 0.0, "name": "own"}),
    BeforeCase(
        "memory",
        broken={"train.batch_size": 512},
        machine=(f"{_SYMPTOMS}.memory.available_memory", lambda device: 1_000_000.0),
    ),
    BeforeCase(
        "deep_body", broken={"model.encoder.kind": "conv", "model.encoder.channels": (8,) * 5}
    ),
    BeforeCase("dense_body", machine=(f"{_SYMPTOMS}.dense_body.WEIGHTS", 4000)),
    BeforeCase(
        "wide_likelihood",
        "vae",
        {"model.likelihood.kind": "gaussian", "model.likelihood.variance": 0.5},
    ),
    BeforeCase("rate_too_high", broken={"train.lr": 10.0}),
    BeforeCase("rate_too_low", broken={"train.lr": 1e-6}),
    BeforeCase("few_steps", broken={"train.epochs": 2, "train.batch_size": 256}),
    BeforeCase(
        "long_training",
        broken={"train.epochs": 8},
        machine=(f"{_SYMPTOMS}.long_training.SECONDS", 1e-9),
    ),
)
