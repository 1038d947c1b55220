"""What is asked of neighbours, and what comes out."""

from typing import Self

from pydantic import Field, model_validator

from latentscape.analyses.analysis import Inputs, Protocol, Result, Settings
from latentscape.analyses.codes import Guessing
from latentscape.core.findings import Images, IntegerMatrix, Integers, Record, check_lengths


class NeighbourSettings(Settings):
    """Nothing can be asked for."""


class NeighbourInputs(Inputs):
    """Nothing else can be looked at."""


class NearestImages(Record):
    """The training images nearest to each query, the nearest first.

    Attributes
    ----------
    images : ndarray of float32
        (q, k, *shape).
    labels : ndarray of int64
        (q, k) indices of labels; -1 without.
    """

    images: Images
    labels: IntegerMatrix


class Neighbours(Result):
    """The training images nearest to test images, by codes and by pixels.

    Attributes
    ----------
    protocol : Protocol
        The training images that are searched, and the test images that agreement counts.
    k : int
        Neighbours of each query.
    guessing : Guessing or None
        How often a label agrees that is guessed; None without labels.
    agreement_latent, agreement_pixels : float or None
        Share of test images whose nearest training image has the same label.
    queries : ndarray of float32
        (q, *shape) the fixed test images.
    query_labels : ndarray of int64
        (q,) indices of their labels; -1 without.
    latent, pixels : NearestImages or None
        Nearest to the queries; None where all codes are the same.
    """

    part = "neighbours"

    settings: NeighbourSettings = NeighbourSettings()
    protocol: Protocol
    k: int = Field(ge=1)
    guessing: Guessing | None = None
    agreement_latent: float | None = None
    agreement_pixels: float | None = None
    queries: Images
    query_labels: Integers
    latent: NearestImages | None = None
    pixels: NearestImages | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(queries=len(self.queries), labels=len(self.query_labels))
        for nearest in filter(None, (self.latent, self.pixels)):
            shape = (len(self.queries), nearest.labels.shape[1], *self.queries.shape[1:])
            if nearest.images.shape != shape or len(nearest.labels) != len(self.queries):
                raise ValueError(f"neighbours have shape {nearest.images.shape}, and not {shape}")
        return self
