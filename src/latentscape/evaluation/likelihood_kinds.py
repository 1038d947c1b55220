"""What kind of likelihood a model gives examples, and how densities become bits of 8-bit data."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentscape.config import LikelihoodKind
from latentscape.core.records import Dataset, Split
from latentscape.inference.batches import stored_batches
from latentscape.model import Network


def likelihood_kind(model: Network, split: Split) -> LikelihoodKind:
    """Return what the likelihood of the test examples under a model is."""
    return model.config.likelihood.kind_on(binary=is_binary(split))


def is_binary(split: Split) -> bool:
    """Whether all test examples are black and white: at the two ends of their range."""
    ends = np.asarray(split.dataset.value_range)
    batches = stored_batches(split.dataset, split.test)
    return all(bool(np.isin(images.numpy(), ends).all()) for images, _ in batches)


@dataclass(frozen=True)
class Dequantisation:
    """Uniform noise that turns whole numbers into continuous ones (Theis et al. 2016, section 3.1).

    A grey level k of `levels` is spread over [k, k + 1) / levels. By Jensen's inequality the mean
    log-density of the spread values, less log(levels) for each, is a lower bound of the
    log-probability that the density gives the level itself.

    Attributes
    ----------
    low : int
        The stored value that stands for level 0.
    levels : int
        How many there are.
    """

    low: int
    levels: int

    def spread(self, images: Tensor) -> Tensor:
        """Spread stored images (B, *shape) over [0, 1), with torch's own generator."""
        levels = images.float() - self.low
        return (levels + torch.rand_like(levels)) / self.levels

    def log_volume(self, values: int) -> float:
        """Return the logarithm of how many cells so many values have, in nats."""
        return values * math.log(self.levels)


def dequantisation(kind: LikelihoodKind, dataset: Dataset) -> Dequantisation | None:
    """Return how to spread the grey levels of 8-bit data; None where no bits would come of it.

    That is, where the likelihood is no density, or the data are not whole numbers of 8 bits within
    their range.
    """
    low, high = dataset.value_range
    whole = low == int(low) and high == int(high)
    if kind.of != "density" or dataset.images.dtype != np.uint8 or not whole:
        return None
    if dataset.images.extent.low < low or dataset.images.extent.high > high:
        return None
    return Dequantisation(int(low), int(high - low) + 1)
