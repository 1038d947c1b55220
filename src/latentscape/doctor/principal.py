"""Principal components of codes: how many numbers of a code there would have to be."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Principal:
    """Directions in which codes differ most.

    Attributes
    ----------
    centre : Tensor
        (D,) mean code.
    directions : Tensor
        (D, r) of length 1, those in which codes differ most first.
    variances : Tensor
        (r,) variance along each.
    """

    centre: Tensor
    directions: Tensor
    variances: Tensor

    @classmethod
    def of(cls, codes: Tensor) -> Self:
        """Find them for codes (n, D)."""
        centre = codes.mean(0)
        _, lengths, directions = torch.linalg.svd(codes - centre, full_matrices=False)
        return cls(centre, directions.T, lengths.square() / max(1, len(codes) - 1))

    def keep(self, codes: Tensor, count: int) -> Tensor:
        """Return codes (n, D) with what lies along the first `count` directions alone."""
        kept = self.directions[:, :count]
        return self.centre + (codes - self.centre) @ kept @ kept.T
