"""The distance of vectors from the codebook."""

from torch import Tensor

from latentscape.model.objectives import Pass


def commitment(result: Pass) -> Tensor:
    """Squared distance of the vectors from their codes (van den Oord et al. 2017, equation 3)."""
    vectors = result.code.unquantised
    assert vectors is not None
    return (vectors - result.code.z.detach()).square().sum(-1).mean()
