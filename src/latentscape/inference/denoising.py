"""Denoising: what a model makes of corrupted images."""

from collections.abc import Iterable
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from latentscape.config import CorruptionConfig
from latentscape.core.findings import Images, Record
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.inference.batches import evaluating, filled, stored_batches, to_device
from latentscape.inference.samples import Batch
from latentscape.model import Network
from latentscape.model.corruption import corrupt

_CPU = torch.device("cpu")


class Denoising(Record):
    """What a model makes of corrupted images.

    Attributes
    ----------
    clean, noisy, restored : ndarray of float32
        (n, *shape).
    kind : str
        The corruption.
    amount : float
        Its standard deviation or share.
    mse_noisy, mse_restored : float
        Squared error per pixel to the clean images, over the test examples.
    n : int
        Examples that errors are averaged over.
    measured_on : str
        ``test`` examples; those ``shown``, where the test examples are missing.
    trained_on : str
        ``same`` corruption, ``other`` or ``none``.
    """

    clean: Images
    noisy: Images
    restored: Images
    kind: str
    amount: float
    mse_noisy: float
    mse_restored: float
    n: int
    trained_on: Literal["same", "other", "none"]
    measured_on: Literal["test", "shown"] = "test"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({self.clean.shape, self.noisy.shape, self.restored.shape}) > 1:
            raise ValueError("clean, noisy and restored images differ in shape")
        return self


def denoise(
    model: Network,
    split: Split | None,
    examples: Batch,
    corruption: CorruptionConfig,
    seed: int,
) -> Denoising:
    """Corrupt images, and let a model restore them.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split or None
        Errors are averaged over its test part; over `examples` without it.
    examples : tuple of Tensor
        Stored images (n, *shape) and their labels.
    corruption : CorruptionConfig
        What is done to the images.
    seed : int
        Draws the corruption, the same on every device.

    Returns
    -------
    Denoising
        The images, and the errors over the whole test part.
    """
    with forked_random(derive_seed(seed, "shown noise"), _CPU):
        clean, noisy, restored = _restored(model, examples, corruption).numpy()
    with forked_random(derive_seed(seed, "measured noise"), _CPU):
        batches = [examples] if split is None else stored_batches(split.dataset, split.test)
        mse_noisy, mse_restored = _errors(model, batches, corruption)
    return Denoising(
        clean=clean,
        noisy=noisy,
        restored=restored,
        kind=corruption.kind,
        amount=corruption.amount,
        mse_noisy=mse_noisy,
        mse_restored=mse_restored,
        n=len(clean) if split is None else len(split.test),
        measured_on="shown" if split is None else "test",
        trained_on=_trained_on(model, corruption),
    )


def _restored(model: Network, batch: Batch, corruption: CorruptionConfig) -> Tensor:
    """Return clean, noisy and restored images (3, n, *shape); draws from torch's generator."""
    clean = model.scale(batch[0])
    noisy = corrupt(corruption, clean)
    with evaluating():
        inputs, labels = to_device(model, filled((noisy, batch[1])))
        restored = model.decode(model.encode_scaled(inputs, labels), labels).cpu()[: len(noisy)]
    return torch.stack([clean, noisy, restored])


def _errors(model: Network, batches: Iterable[Batch], corruption: CorruptionConfig) -> list[float]:
    """Return the mean squared errors per pixel, noisy and restored; draws like `_restored`."""
    sums, pixels = torch.zeros(2, dtype=torch.float64), 0
    for batch in batches:
        clean, *versions = _restored(model, batch, corruption)
        errors = [(images - clean).square().sum(dtype=torch.float64) for images in versions]
        sums += torch.stack(errors)
        pixels += clean.numel()
    values: list[float] = (sums / pixels).tolist()
    return values


def _trained_on(model: Network, corruption: CorruptionConfig) -> Literal["same", "other", "none"]:
    if model.config.corruption == corruption:
        return "same"
    return "other" if model.config.corruption else "none"
