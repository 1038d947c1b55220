"""What symptoms of the data look at: some examples of a part, as they are stored."""

import hashlib
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Array, Split

MAX_EXAMPLES, MAX_VALUES = 5000, 1 << 24
"""Examples that are looked at, and the values of all of them."""


def most_examples(split: Split, most: int = MAX_EXAMPLES) -> int:
    """Return how many examples are looked at: fewer where they are large."""
    return max(2, min(most, MAX_VALUES // math.prod(split.dataset.shape)))


def sample(split: Split, part: str = "train", most: int = MAX_EXAMPLES) -> Array:
    """Return stored values (n, *shape) of some examples of a part, as float32."""
    index = split.subset(part, most_examples(split, most))
    return split.dataset.images.take(index).astype(np.float32)


def scaled_sample(split: Split, part: str = "train", most: int = MAX_EXAMPLES) -> Array:
    """Return the same on the scale where the ends of the range are 0 and 1."""
    low, high = split.dataset.value_range
    return (sample(split, part, most) - np.float32(low)) / np.float32(high - low)


def digests(split: Split, index: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield a hash of the stored values of each example; those of equal ones are equal."""
    images = (split.grey or split.dataset).images
    for chunk in images.chunks(index=index):
        for image in chunk:
            yield hashlib.blake2b(image.tobytes(), digest_size=16).digest()
