"""Corruption: what is done to the images that the encoder sees, while the target stays clean."""

import torch
from torch import Tensor
from torch.nn import functional

from latentscape.config import CorruptionConfig, load


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
    """Set one rectangle of each image (B, C, H, W) to 0, each at its own place."""
    rows, columns = (_stretch(images, axis, share) for axis in (-2, -1))
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)


def affine(images: Tensor, max_change: float) -> Tensor:
    """Move, turn, stretch and shear each image (B, C, H, W) by an affine map of its own.

    Each entry of the map differs from that of the identity by up to `max_change`; shifts count in
    half sides. What comes in from outside repeats the border.
    """
    identity = torch.eye(2, 3, device=images.device)
    change = torch.rand(len(images), 2, 3, device=images.device) * 2 - 1
    with torch.autocast(images.device.type, enabled=False):  # Places need more than 8 bits.
        places = functional.affine_grid(
            identity + max_change * change, list(images.shape), align_corners=False
        )
    return functional.grid_sample(images, places, padding_mode="border", align_corners=False)


def _stretch(images: Tensor, axis: int, share: float) -> Tensor:
    """Return for each image a stretch of one axis, somewhere, as booleans (B, size)."""
    size = images.shape[axis]
    length = max(1, round(share * size))
    first = torch.randint(size - length + 1, (len(images), 1), device=images.device)
    places = torch.arange(size, device=images.device)
    return (places >= first) & (places < first + length)


def corrupt(config: CorruptionConfig | None, images: Tensor) -> Tensor:
    """Corrupt images (B, *shape) on the scale 0 to 1, drawing from torch's generator.

    Returns
    -------
    Tensor
        New images of the same shape; `images` themselves where `config` is None.
    """
    if config is None:
        return images
    corrupted: Tensor = load(config.entry.implementation)(images, config.amount)
    return corrupted
