"""Corruption: what is done to the images that the encoder sees, while the target stays clean."""

from collections.abc import Callable

import torch
from torch import Tensor

from latentscape.config import CorruptionConfig


def gaussian(images: Tensor, sd: float) -> Tensor:
    """Add normal noise; values may leave [0, 1], as the noise does."""
    return images + sd * torch.randn_like(images)


def masking(images: Tensor, share: float) -> Tensor:
    """Set a share of the values to 0 (Vincent et al. 2008)."""
    return images * (torch.rand_like(images) >= share)


def salt_and_pepper(images: Tensor, share: float) -> Tensor:
    """Set a share of the values to 0 or 1, by even chances (Vincent et al. 2010)."""
    draw = torch.rand_like(images)
    return torch.where(draw < share, (draw < share / 2).to(images.dtype), images)


def block(images: Tensor, share: float) -> Tensor:
    """Set one rectangle of each image (B, C, H, W) to 0, at a place of its own."""
    rows, columns = (_stretch(images, axis, share) for axis in (-2, -1))
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)


def _stretch(images: Tensor, axis: int, share: float) -> Tensor:
    """Return for each image a stretch of one axis, somewhere, as booleans (B, size)."""
    size = images.shape[axis]
    length = max(1, round(share * size))
    first = torch.randint(size - length + 1, (len(images), 1), device=images.device)
    places = torch.arange(size, device=images.device)
    return (places >= first) & (places < first + length)


CORRUPTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt_and_pepper": salt_and_pepper,
    "block": block,
}


def corrupt(config: CorruptionConfig | None, images: Tensor) -> Tensor:
    """Corrupt images (B, *shape) on the scale 0 to 1, drawing from torch's generator.

    Returns
    -------
    Tensor
        New images of the same shape; the given ones where `config` is None.
    """
    return images if config is None else CORRUPTIONS[config.kind](images, config.amount)
