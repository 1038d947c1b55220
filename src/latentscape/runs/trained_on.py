"""What a model was trained on: names at once, examples once they are needed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from latentscape.core.errors import MissingData
from latentscape.core.records import Array, Split


@dataclass(frozen=True, eq=False)
class SavedCodes:
    """Codes of test examples, which a run keeps.

    Attributes
    ----------
    codes : ndarray of float32
        (n, D).
    labels : ndarray of int64
        (n,) indices of labels; -1 without.
    rates : tuple of float or None
        Mean rate of each number of a code over all test examples, in nats.
    """

    codes: Array
    labels: Array
    rates: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class TrainedOn:
    """What a model was trained on.

    Attributes
    ----------
    label_names : tuple of str
        What each label is called; empty without labels.
    labels : tuple of int
        The labels that training examples have.
    load : callable
        Loads the examples.
    load_codes : callable
        Returns codes that can stand in for those of missing examples; None where there are none.
    """

    label_names: tuple[str, ...]
    labels: tuple[int, ...]
    load: Callable[[], Split]
    load_codes: Callable[[], SavedCodes | None] = lambda: None

    @classmethod
    def of(cls, split: "Split | Self") -> Self:
        """Describe examples that are loaded already."""
        if isinstance(split, cls):
            return split
        assert isinstance(split, Split)
        labels, names = split.dataset.labels, split.dataset.label_names
        if labels is None:
            return cls((), (), lambda: split)
        return cls(names, tuple(np.unique(labels[split.train]).tolist()), lambda: split)

    @cached_property
    def substitute(self) -> SavedCodes | None:
        """The codes that stand in for those of training examples; None where these are there.

        Raises
        ------
        MissingData
            If there are neither.
        """
        try:
            self.split  # noqa: B018
        except MissingData:
            codes = self.load_codes()
            if codes is None:
                raise
            return codes
        return None

    @cached_property
    def split(self) -> Split:
        """The examples.

        Raises
        ------
        MissingData
            If they are not where they were.
        """
        return self.load()
