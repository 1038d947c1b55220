"""Binarisation: each pixel becomes black or white at random, white with its grey level as odds."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import Dataset, Split
from latentscape.data.statistics import check_unit_range

_CHUNK = 1000  # part of the result: each chunk of examples has a generator of its own
_PIXELS = 4  # purpose of the generator; those of ``splits`` are numbered 0 to 3


def binarize_split(split: Split, mode: str, seed: int | None = None) -> Split:
    """Replace grey pixels by black and white ones, drawn at random.

    Parameters
    ----------
    split : Split
        Grey examples within the range of the dataset.
    mode : str
        ``none`` draws nothing, ``static`` every example; ``dynamic`` all but the training part,
        which training itself draws anew in every epoch (Burda et al. 2016; Salakhutdinov and Murray
        2008).
    seed : int, optional
        Seed of the draws; by default the split's own.

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
    seed = split.seed if seed is None else seed
    grey = split.grey or split.dataset
    return replace(split, grey=grey, dataset=_binarize(split.dataset, np.concatenate(parts), seed))


def _binarize(dataset: Dataset, index: NDArray[np.int64], seed: int) -> Dataset:
    images = np.array(dataset.images)
    low, high = dataset.value_range
    selected = np.zeros(len(images), bool)
    selected[index] = True
    for start in range(0, len(images), _CHUNK):
        rows = slice(start, start + _CHUNK)
        chunk, mask = images[rows], selected[rows]
        if mask.any():
            # All of a chunk is drawn, so that a pixel does not depend on which others are selected.
            generator = np.random.default_rng([seed, _PIXELS, start])
            uniform = generator.random(chunk.shape, dtype=np.float32)
            white = uniform < (chunk.astype(np.float32) - low) / (high - low)
            chunk[mask] = np.where(white, high, low).astype(chunk.dtype)[mask]
    return replace(dataset, images=images)
