"""Corruption: what is done to the images that the encoder sees, while the target stays clean."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

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


def affine(images: Tensor, most: float) -> Tensor:
    """Move, turn, stretch and shear each image (B, C, H, W) by an affine map of its own.

    Each entry of the map differs from that of the identity by up to `most`; shifts count in half
    sides. What comes in from outside repeats the border.
    """
    identity = torch.eye(2, 3, device=images.device)
    change = torch.rand(len(images), 2, 3, device=images.device) * 2 - 1
    with torch.autocast(images.device.type, enabled=False):  # Places need more than 8 bits.
        places = functional.affine_grid(
            identity + most * change, list(images.shape), align_corners=False
        )
    return functional.grid_sample(images, places, padding_mode="border", align_corners=False)


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
    "affine": affine,
}
OF_IMAGES = ("block", "affine")
"""The kinds that need rows and columns: plain vectors have none."""


def corrupt(config: CorruptionConfig | None, images: Tensor) -> Tensor:
    """Corrupt images (B, *shape) on the scale 0 to 1, drawing from torch's generator.

    Returns
    -------
    Tensor
        New images of the same shape; the given ones where `config` is None.
    """
    return images if config is None else CORRUPTIONS[config.kind](images, config.amount)
