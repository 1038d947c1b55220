"""What is asked of legibility, and what comes out."""

from pathlib import Path
from typing import Annotated, Any, Self

from numpy.typing import NDArray
from pydantic import Field, SkipValidation, model_validator

from latentscape.analyses.analysis import Inputs, Protocol, Result, Settings
from latentscape.analyses.codes import Guessing
from latentscape.core.findings import Flags, Integers, Record, Share, Statistic, check_lengths
from latentscape.core.metrics import Metric

READABLE = Metric(
    "readable", "Readable", "of test images", higher_is_better=True, is_share=True, rank=4
)
READABLE_OF_16 = Metric(
    "readable_of_16", "Readable", "of 16", higher_is_better=True, is_count=True, digits=3, rank=0
)


class LegibilitySettings(Settings):
    """Nothing can be asked for."""


class LegibilityInputs(Inputs):
    """What is read in place of the reconstructions of the run's own model.

    Attributes
    ----------
    reconstructions : str, Path or ndarray, optional
        A .npy file or an array (n, *shape) of test images reconstructed elsewhere, in their order
        and on the scale 0 to 1.
    """

    reconstructions: Annotated[str | Path | NDArray[Any] | None, SkipValidation] = Field(
        None, description="Test images of --data that another model reconstructed: .npy."
    )


class LinearReading(Record):
    """The share of test images that are read when PCA with `dim` components reconstructs them."""

    dim: int = Field(ge=1)
    readable: Share


class SnapshotReading(Record):
    """What is read of the fixed examples after an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    readable_of_16 : int
        How many examples are read rightly.
    legible : ndarray of bool
        (k,) which ones.
    """

    epoch: int
    readable_of_16: int = Field(ge=0)
    legible: Flags


class Reading(Record):
    """What a classifier reads in reconstructions of test images.

    Attributes
    ----------
    readable : float
        Share of the reconstructions in which the original's own label is read.
    originals : float
        Share of the test images themselves that are read rightly: the classifier's accuracy.
    pca : LinearReading or None
        The linear baseline; None of reconstructions that were made elsewhere.
    per_class : dict of str to float
        By label, the share of reconstructions that are read rightly.
    readable_of_16, originals_of_16 : int
        How many of the fixed examples are read rightly, reconstructed and as they are. There are
        16 of them, fewer where there are fewer test images.
    labels : ndarray of int64
        (k,) the label read in each of the examples when it is reconstructed.
    legible : ndarray of bool
        (k,) whether it is the original's own.
    snapshots : tuple of SnapshotReading
        The same after some of the epochs.
    """

    readable: Share
    originals: Share
    pca: LinearReading | None
    per_class: dict[str, Share]
    readable_of_16: int = Field(ge=0)
    originals_of_16: int = Field(ge=0)
    labels: Integers
    legible: Flags
    snapshots: tuple[SnapshotReading, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_lengths(labels=len(self.labels), legible=len(self.legible))
        for snapshot in self.snapshots:
            check_lengths(legible=len(self.legible), snapshot=len(snapshot.legible))
        return self

    def at(self, epoch: int) -> SnapshotReading | None:
        """Return what was read after an epoch; None where that is not known."""
        return next((item for item in self.snapshots if item.epoch == epoch), None)


class Legibility(Result):
    """In how many reconstructions a classifier still reads the original's own label.

    Attributes
    ----------
    name : str
        Whose reconstructions they are.
    protocol : Protocol
        What the classifier was trained on, and the test images.
    guessing : Guessing or None
        What a classifier reads that does not look; None without labels.
    reading : Reading or None
        None where there are no two labels to tell apart.
    """

    part = "legibility"

    settings: LegibilitySettings = LegibilitySettings()
    name: str
    protocol: Protocol
    guessing: Guessing | None = None
    reading: Reading | None

    def of_all(self, readable: float) -> str:
        """Write a share of all test images with the interval that so many leave open."""
        return READABLE.write_statistic(
            Statistic(mean=readable, trials=self.protocol.n_scored or None)
        )
