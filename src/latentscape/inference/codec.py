"""From examples to codes, distributions of codes and reconstructions, in full float32."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentscape.config.parts import EngineName
from latentscape.core.records import Array, Dataset
from latentscape.core.scratch import stacked
from latentscape.inference.batches import Batch, evaluating, filled, stored_batches, to_device
from latentscape.inference.engine import choose_encoder
from latentscape.model import Network
from latentscape.model.latents import Normal

Reconstruct = Callable[[Tensor, Tensor | None], Tensor]
"""Stored images (B, *shape) and labels (B,) to mean images (B, *shape) on the scale 0 to 1."""


def encode(
    model: Network, dataset: Dataset, index: NDArray[np.int64], engine: EngineName = "auto"
) -> Array:
    """Return the codes (n, latent_dim), float32, of the examples in `index`.

    Large ones are kept on disk; see `latentscape.core.scratch`.
    """
    batches = encode_batches(model, stored_batches(dataset, index), engine)
    return stacked(batches, (len(index), model.latent_dim))


def encode_batches(
    model: Network, batches: Iterable[Batch], engine: EngineName = "auto"
) -> Iterator[Array]:
    """Encode batches, without sampling.

    Parameters
    ----------
    model : Network
        On any device.
    batches : iterable of Batch
        Of any sizes. Three of them are in memory at once.
    engine : str
        ``auto`` folds an encoder of known layers and shares a batch among threads; ``plain`` calls
        `Network.encode` on each batch. They differ by rounding.

    Yields
    ------
    ndarray of float32
        (B, latent_dim) the codes of each batch, in order.
    """
    return choose_encoder(engine, model)(model, batches)


def reconstruct_with(model: Network) -> Reconstruct:
    """Return a function that reconstructs images with a model, whatever device it is on."""

    def reconstruct(images: Tensor, labels: Tensor | None = None) -> Tensor:
        with evaluating():
            batch = to_device(model, filled((images, labels)))
            return model.reconstruct(*batch).cpu()[: len(images)]

    return reconstruct


def posteriors(model: Network, dataset: Dataset, index: NDArray[np.int64]) -> Normal:
    """Return the posteriors (n, D) of the examples in `index`, on the CPU."""
    with evaluating():
        batches = stored_batches(dataset, index)
        normals = [model.posterior(*to_device(model, batch)) for batch in batches]
        means = torch.cat([normal.mean for normal in normals]).cpu()
        log_variances = torch.cat([normal.log_variance for normal in normals]).cpu()
    return Normal(means, log_variances)
