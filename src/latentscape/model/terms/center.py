"""The distance of codes from the centre of their label."""

import torch
from torch import Tensor

from latentscape.config import ModelConfig, ObjectiveConfig
from latentscape.model.averages import BatchAverages, sums_by
from latentscape.model.objectives import Pass

CENTER_RATE = 0.5
"""Share of the way that a centre moves to the mean of its codes in a step (Wen et al. 2016)."""


class Centers(BatchAverages):
    """A centre of the codes of each label, moved by the codes themselves (Wen et al. 2016).

    Parameters
    ----------
    objective : ObjectiveConfig
        Not needed.
    model : ModelConfig
        Says how many labels there are.
    dim : int
        How long the centres are.
    """

    places: Tensor

    def __init__(self, objective: ObjectiveConfig, model: ModelConfig, dim: int) -> None:
        super().__init__()
        assert model.input is not None
        self.register_buffer("places", torch.zeros(model.input.labels, dim))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return half the squared distances (B,) of codes (B, D) from the centres of their labels.

        In training the centres then move, as in equation 4 of the paper.
        """
        offset = self.places.index_select(0, labels) - z
        if self.training:
            self.observe(offset.detach(), labels)
        return 0.5 * offset.square().sum(-1)

    @torch.no_grad()
    def learn(self, *values: Tensor) -> None:
        """Move the centres by the offsets (B, D) of codes of the labels (B,)."""
        offset, labels = values
        moved = sums_by(labels, offset, len(self.places))
        counts = sums_by(labels, torch.ones_like(labels, dtype=moved.dtype), len(self.places))
        self.places.sub_(CENTER_RATE * moved / (1 + counts[:, None]))


def center(result: Pass) -> Tensor:
    """Half the squared distance of the code from the centre of its label (Wen et al. 2016)."""
    assert result.labels is not None
    z = result.code.z
    labels = result.labels.expand(z.shape[:-1])
    distances: Tensor = result.modules["centers"](z.flatten(0, -2), labels.flatten())
    return distances.mean()
