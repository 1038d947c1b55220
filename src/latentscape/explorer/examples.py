"""Which examples are points of an exploration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latentscape.core.records import PARTS, Array, Dataset, Split
from latentscape.core.subsets import draw_subset
from latentscape.explorer.details import Details

DEFAULT_POINTS = 10_000

ORDER = ("test", "train", "validation")
"""In which the parts of a split give points, while there is room."""


@dataclass(frozen=True, eq=False)
class Points:
    """Examples, each a point.

    Attributes
    ----------
    dataset : Dataset
        Where they are.
    index : ndarray of int64
        (count,) places in the dataset.
    parts : ndarray of uint8
        (count,) places in `part_names`.
    part_names : tuple of str
        Parts of a split, or the name of the data.
    details : Details
        What else is known of each point.
    """

    dataset: Dataset
    index: NDArray[np.int64]
    parts: NDArray[np.uint8]
    part_names: tuple[str, ...]
    details: Details = Details()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.index)

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Labels (count,) of the points; None where the data have none."""
        labels = self.dataset.labels
        return None if labels is None else labels[self.index]

    def alone(self, max_count: int | None = None) -> Split:
        """Return the points, or some of them drawn at random, as the test part of a split."""
        none = np.empty(0, np.int64)
        split = Split(self.dataset, none, none, self.index)
        if max_count is None:
            return split
        return Split(self.dataset, none, none, split.subset("test", max_count))

    def arrays(self) -> dict[str, Array]:
        """Return what the page is given of them, by name."""
        labels = np.full(len(self), -1) if self.labels is None else self.labels
        return {
            "labels": labels.astype(np.int32),
            "parts": self.parts,
            "rows": self.index.astype(np.int32),
        }


def points_of_split(split: Split, count: int) -> Points:
    """Draw so many points at most: test examples first, then those trained and validated on.

    Of each part they are those that maps show.
    """
    chosen = dict.fromkeys(ORDER, np.empty(0, np.int64))
    for part in ORDER:
        room = count - sum(map(len, chosen.values()))
        if room:
            chosen[part] = _draw(split.dataset, getattr(split, part), room)
    sizes = [len(index) for index in chosen.values()]
    places = np.array([PARTS.index(part) for part in ORDER], np.uint8)
    return Points(
        split.dataset, np.concatenate(list(chosen.values())), np.repeat(places, sizes), PARTS
    )


def points_of_data(dataset: Dataset, count: int) -> Points:
    """Draw so many points at most from examples that a model was not trained on."""
    index = _draw(dataset, np.arange(len(dataset)), count)
    return Points(dataset, index, np.zeros(len(index), np.uint8), (dataset.name,))


def _draw(dataset: Dataset, index: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    labels = None if dataset.labels is None else dataset.labels[index]
    return index[draw_subset(np.arange(len(index)), labels, count)]
