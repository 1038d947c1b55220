"""Examples made small, to be looked at."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from latentscape.core.records import Array
from latentscape.model import scaled


def reduce_examples(
    examples: Array, value_range: tuple[float, float], shape: Sequence[int]
) -> NDArray[np.uint8]:
    """Make thumbnails (n, *shape) of stored examples, each value a mean of theirs.

    Values from 0 to 255 go over the range of the stored ones.
    """
    is_same = examples.shape[1:] == tuple(shape)
    if is_same and examples.dtype == np.uint8 and value_range == (0, 255):
        return examples
    values = scaled(torch.from_numpy(examples), value_range)
    if not is_same:
        # A vector is an image of a single row.
        maps = values if values.dim() == 4 else values[:, None, None]
        size = tuple(shape[1:]) if values.dim() == 4 else (1, *shape)
        values = F.interpolate(maps, size, mode="area").reshape(-1, *shape)
    return (values.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
