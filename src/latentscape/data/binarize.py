"""Binarisation: every pixel drawn once, black or white, with its grey level as probability."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Dataset, Split
from latentscape.data.statistics import check_unit_range

_CHUNK = 1000
_PIXELS = 4  # The draws of ``splits`` are numbered 0 to 3.


def binarize_split(split: Split, mode: str, seed: int | None = None) -> Split:
    """Draw the pixels of examples black or white.

    Parameters
    ----------
    split : Split
        Grey examples within the range of the dataset.
    mode : str
        ``none`` draws nothing, ``static`` every example; ``dynamic`` all but the training part,
        which training itself draws anew in every epoch (Burda et al. 2016; Salakhutdinov and Murray
        2008).
    seed : int, optional
        Draws the pixels; by default the split's own.

    Returns
    -------
    Split
        The same examples in the same parts. The draw of an example depends on the seed and
        on its place in the dataset alone, so that a smaller split has the same pixels.

    Raises
    ------
    DataError
        If values leave the range that stands for 0 to 1.
    """
    if mode == "none":
        return split
    check_unit_range(split.dataset)
    parts = [split.validation, split.test]
    if mode == "static":
        parts.append(split.train)
    drawn = _draw(split.dataset, np.concatenate(parts), split.seed if seed is None else seed)
    return replace(split, dataset=drawn)


def _draw(dataset: Dataset, index: NDArray[np.int64], seed: int) -> Dataset:
    images = dataset.images.copy()
    low, high = dataset.value_range
    chosen = np.zeros(len(images), bool)
    chosen[index] = True
    for start in range(0, len(images), _CHUNK):
        part, wanted = images[start : start + _CHUNK], chosen[start : start + _CHUNK]
        if wanted.any():
            generator = np.random.default_rng([seed, _PIXELS, start])
            draws = generator.random(part.shape, dtype=np.float32)
            white = draws < (part.astype(np.float32) - low) / (high - low)
            part[wanted] = np.where(white, high, low).astype(part.dtype)[wanted]
    return replace(dataset, images=images)
