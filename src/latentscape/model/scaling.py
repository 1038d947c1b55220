"""Stored values and the scale from 0 to 1."""

from torch import Tensor


def scaled(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Turn stored values into float32, with the two ends of their range as 0 and 1."""
    low, high = value_range
    values = images.float()
    if low:
        values = values - low
    if high - low == 1:
        return values
    # In place where `values` is a copy already, which nobody else holds.
    return values / (high - low) if values is images else values.div_(high - low)
