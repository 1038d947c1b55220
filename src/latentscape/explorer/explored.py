"""A model beside the points that it encodes, and the pieces of what the page is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from latentscape.core.records import Array, Codes, Split
from latentscape.evaluation.codes import model_codes
from latentscape.explorer.examples import Points
from latentscape.inference.codec import posteriors
from latentscape.model import Network
from latentscape.runs import OpenRun


@dataclass(frozen=True, eq=False)
class Piece:
    """Something that is known of a model.

    Attributes
    ----------
    fields : mapping of str to object
        Fields of `latentscape.explorer.contents.Model`. Tuples of several pieces are joined.
    arrays : mapping of str to ndarray
        By their names without the model's key.
    notes : tuple of str
        What was left out, and why, in sentences.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explored:
    """A model beside the points.

    Attributes
    ----------
    key, label : str
        Begins the names of its arrays; what people call it.
    opened : OpenRun
        The run.
    points : Points
        The examples.
    split : Split or None
        What it was trained on; None where that is missing.
    """

    key: str
    label: str
    opened: OpenRun
    points: Points
    split: Split | None

    @property
    def model(self) -> Network:
        """The trained model."""
        return self.opened.model

    @cached_property
    def codes(self) -> Codes | None:
        """Codes of all that it was trained, validated and tested on."""
        if self.split is None:
            return None
        return model_codes(self.model, self.split, self.label)

    @cached_property
    def rates(self) -> Array | None:
        """Rates (count, D) of each number of the points' codes; None where there is no such sum."""
        latent = self.model.config.latent
        if not (latent.has_posterior and latent.has_standard_prior):
            return None
        return posteriors(self.model, self.points.dataset, self.points.index).rate().numpy()

    @cached_property
    def point_codes(self) -> Array:
        """Codes (count, D) of the points.

        Raises
        ------
        DataError
            If some are not finite.
        """
        codes, points = self.codes, self.points
        if codes is None or codes.split.dataset is not points.dataset:
            none = np.empty(0, np.int64)
            alone = Split(points.dataset, points.index, none, none)
            return model_codes(self.model, alone, self.label).train
        rows = np.empty(len(points.dataset), np.int64)
        index = codes.index("all")
        rows[index] = np.arange(len(index))
        return codes.part("all")[rows[points.index]]
