"""What is asked of sample quality, and what comes out."""

from typing import Self

from pydantic import Field, model_validator

from latentscape.analyses.analysis import Inputs, Protocol, Result, Settings
from latentscape.analyses.codes import Guessing
from latentscape.core.findings import Record, Share, Statistic
from latentscape.core.metrics import Metric

FRECHET_DISTANCE = Metric(
    "frechet_distance",
    "Fréchet classifier distance",
    about="between samples and test images, in the features of the classifier; lower is better.",
)
PRECISION = Metric(
    "precision",
    "Precision",
    higher_is_better=True,
    about="the share of samples that lie among test images (Kynkäänniemi et al. 2019).",
)
RECALL = Metric(
    "recall",
    "Recall",
    higher_is_better=True,
    about="the share of test images that lie among samples.",
)
LABEL_DISTANCE = Metric(
    "label_distance",
    "Label distance",
    about="the share of samples that would need another label for all labels to be as frequent as "
    "in the test images.",
)
RECOGNISED = Metric(
    "recognised",
    "Recognised",
    "of samples",
    higher_is_better=True,
    is_share=True,
    about="the share of samples in which the classifier sees the label asked for.",
)
JUDGED = Metric("judge_accuracy", "Accuracy", "of the judge", True, is_share=True)


class QualitySettings(Settings):
    """Which samples are judged.

    Attributes
    ----------
    count : int
        How many samples are drawn.
    source : str or None
        Where their codes come from: ``prior``, ``gmm`` or ``vamp``; by default the model's prior,
        and a mixture fitted to the training codes where it has none.
    seed : int
        Draws them.
    """

    count: int = Field(
        10_000,
        ge=1,
        description="Samples to draw; 10,000 by default.",
        json_schema_extra={"option": "--draws"},
    )
    source: str | None = Field(
        None,
        description="Where codes come from; by default the model's prior, or a mixture.",
        json_schema_extra={"option": "--from"},
    )
    seed: int = Field(0, description="Draws samples.")


class QualityInputs(Inputs):
    """Nothing else can be looked at."""


class Closeness(Record):
    """How close images are to test images, in the features of a classifier.

    Attributes
    ----------
    frechet_distance : float
        In the features' unit squared; see `latentscape.analyses.quality.method.frechet_distance`.
    precision, recall : float
        Shares; see `latentscape.analyses.quality.method.precision_recall`.
    """

    frechet_distance: float
    precision: Share
    recall: Share


class Quality(Result):
    """How good a model's samples are, as a classifier of the data's own labels sees them.

    Attributes
    ----------
    protocol : Protocol
        What the classifier was trained on, and the test images.
    n : int
        How many samples.
    n_compared : int or None
        Samples whose closeness to the test images is measured, and as many training images beside
        them; None of earlier versions, where there may be fewer training images than samples.
    source : str
        Where their codes come from; see `latentscape.inference.samples.Samples`.
    judge_accuracy : float
        Share of the test images that the classifier names rightly.
    guessing : Guessing or None
        What takes no look at the test images; None of earlier versions.
    neighbours : int
        Nearest neighbours whose distance is the reach of a point, for precision and recall.
    closeness, reference : Closeness
        Of `n_compared` samples, and of as many training images.
    label_shares, data_shares : dict of str to float
        How often the classifier sees each label in the samples, and how often test images have it.
    label_distance : float
        Total variation distance between the two.
    recognised : float or None
        Share of the samples that are seen as the label asked for; None where none was asked for.
    recognised_guessing : Guessing or None
        What takes no look at the samples; None where no label was asked for.
    """

    part = "quality"

    settings: QualitySettings = QualitySettings()
    protocol: Protocol
    n: int = Field(ge=1)
    n_compared: int | None = Field(None, ge=1)
    source: str
    judge_accuracy: Share
    guessing: Guessing | None = None
    neighbours: int = Field(ge=1)
    closeness: Closeness
    reference: Closeness
    label_shares: dict[str, Share]
    data_shares: dict[str, Share] = Field(min_length=1)
    label_distance: float = Field(ge=0)
    recognised: Share | None = None
    recognised_guessing: Guessing | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.label_shares.keys() != self.data_shares.keys():
            raise ValueError("samples and test images have shares of different labels")
        return self

    @property
    def judging(self) -> Statistic:
        """Accuracy of the judge, as a share of the test images."""
        return Statistic(mean=self.judge_accuracy, trials=self.protocol.n_scored or None)

    @property
    def recognition(self) -> Statistic | None:
        """Share of the samples that are recognised, of so many; None where none was asked for."""
        if self.recognised is None:
            return None
        return Statistic(mean=self.recognised, trials=self.n)
