"""Examples, and what a model makes of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Examined:
    """Examples of one part, and what the model makes of them, on the CPU.

    Attributes
    ----------
    index : ndarray of int64
        (n,) indices into the dataset.
    images, reconstructions : Tensor
        (n, *shape) on the scale 0 to 1.
    features : Tensor
        (n, F) what the encoder gives the latent.
    codes : Tensor
        (n, D), without sampling.
    """

    index: NDArray[np.int64]
    images: Tensor
    reconstructions: Tensor
    features: Tensor
    codes: Tensor

    @cached_property
    def errors(self) -> Tensor:
        """(n,) squared errors per pixel."""
        return (self.images - self.reconstructions).square().flatten(1).mean(1)

    @property
    def error(self) -> float:
        """Mean squared error per pixel."""
        return float(self.errors.mean())
