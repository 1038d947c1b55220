"""The likeness of codes of one image that was corrupted twice."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from latentscape.model.objectives import Pass

TEMPERATURE = 0.5
"""The lower, the more the nearest other images count."""


def contrast(result: Pass) -> Tensor:
    """Cross-entropy of finding the code of an image's other copy in the batch (Chen et al. 2020).

    Each image is corrupted twice; by the cosine of the angle between codes each copy has to tell
    the other one from all other images (SimCLR, NT-Xent). Codes become alike for
    whatever corruption leaves alone.
    """
    other = result.once(other_codes)
    codes = functional.normalize(torch.cat([result.code.z.reshape(-1, *other.shape)[0], other]))
    similarity = codes @ codes.T / TEMPERATURE
    itself = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    partner = torch.arange(len(codes), device=codes.device).roll(len(other))
    return functional.cross_entropy(similarity.masked_fill(itself, -math.inf), partner)


def other_codes(result: Pass) -> Tensor:
    """Return the codes (B, D) of the other copy of each image."""
    return result.encode(result.corrupt(result.target))
