"""What is asked of anomaly scores, and what comes out."""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, InstanceOf, model_validator

from latentscape.analyses.analysis import READING, Inputs, Protocol, Result, Settings
from latentscape.core.findings import Flags, Floats, Images, Integers, Record, check_lengths

SCORES = {
    "reconstruction": "Reconstruction error",
    "latent_knn": "k-NN distance",
    "mahalanobis": "Mahalanobis distance",
    "rank_average": "Rank average",
}
"""The scores of a model, by their keys: what people read."""

BASELINE_OF = {
    "reconstruction": "pca_reconstruction",
    "latent_knn": "pixel_knn",
    "mahalanobis": "pixel_mahalanobis",
    "rank_average": "pixel_rank_average",
}
"""Key of a score to the key of the same score without a model."""

FALSE_ALARMS = 0.05
"""Share of normal examples that a threshold may call anomalous, by default."""


class AnomalySettings(Settings):
    """Which examples are anomalies.

    Attributes
    ----------
    normal : tuple of str or None
        Labels of normal examples; all others are anomalous. By default those that the run was
        trained on, if it was not trained on all of them.
    false_alarms : float
        Share of validation examples that the threshold calls anomalous.
    """

    normal: tuple[str, ...] | None = Field(
        None,
        description="A label of normal images; by default those that the run was trained on, if "
        "it was not trained on all. Repeatable.",
    )
    false_alarms: float = Field(
        FALSE_ALARMS,
        gt=0,
        lt=1,
        description="Share of validation images that the threshold calls anomalous.",
    )


class AnomalyInputs(Inputs):
    """What is scored in place of the test examples.

    Attributes
    ----------
    data : str, Path or data in memory, optional
        Examples with a value range of their own. Their scores are not kept with the run.
    changes : dict, optional
        How they are read; see `latentscape.inference.inputs.stream_inputs`.
    """

    data: InstanceOf[object] | Path | str | None = Field(
        None, description="What to score; by default the test images of the run."
    )
    changes: dict[str, Any] | None = Field(None, description=READING)


class Score(Record):
    """One kind of score.

    Attributes
    ----------
    auroc : float or None
        The chance that an anomalous example scores higher than a normal one; ties count half. None
        where nobody says which are normal.
    threshold : float or None
        Examples with a higher score are called anomalous. Of the examples that ranks are taken
        among, at most the share of false alarms is. None in findings of earlier versions.
    values : ndarray of float32
        (n,) of each scored example; higher is more anomalous.
    """

    auroc: float | None = Field(None, ge=0, le=1)
    threshold: float | None = None
    values: Floats


class Extremes(Record):
    """Examples with the highest or the lowest scores, the first one first.

    Attributes
    ----------
    images, reconstructions : ndarray of float32
        (m, *shape) on the scale 0 to 1.
    """

    images: Images
    reconstructions: Images

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.images.shape != self.reconstructions.shape:
            raise ValueError("images and reconstructions differ in shape")
        return self


class Anomalies(Result):
    """How unlike the training examples other examples are.

    Attributes
    ----------
    protocol : Protocol
        The training examples that scores refer to, and the examples that are scored.
    data : str
        Name of the data of the scored examples.
    normal : tuple of str or None
        The labels that are normal; None where nobody says.
    n_anomalous : int or None
        Scored examples with other labels; None where nobody says.
    reference_labels : tuple of str
        The labels that training examples have; empty without labels.
    ranked_among, n_ranked : str and int
        The part, ``validation`` or ``train``, among whose scores ranks are taken, and its size.
    neighbours : int
        How many of the nearest training codes count.
    scores, baselines : dict of str to Score
        Those of `SCORES`, and those without a model; what was skipped is not in it.
    label_names : tuple of str
        What the labels of the scored examples are called; empty without labels.
    index : ndarray of int64
        (n,) places of the scored examples in their data.
    labels : ndarray of int64
        (n,) indices of their labels; -1 without.
    highest, lowest : Extremes
        The most and the least anomalous examples, by the rank average of the model.
    """

    part = "anomalies"

    settings: AnomalySettings = AnomalySettings()
    protocol: Protocol
    data: str
    normal: tuple[str, ...] | None
    n_anomalous: int | None
    reference_labels: tuple[str, ...]
    ranked_among: Literal["validation", "train"]
    n_ranked: int
    neighbours: int
    scores: dict[str, Score]
    baselines: dict[str, Score]
    label_names: tuple[str, ...]
    index: Integers
    labels: Integers
    highest: Extremes
    lowest: Extremes

    @model_validator(mode="after")
    def _check(self) -> Self:
        if strange := {*self.scores} - {*SCORES} | {*self.baselines} - {*BASELINE_OF.values()}:
            raise ValueError(f"there are no scores {strange}")
        sizes = {key: len(score.values) for key, score in (self.scores | self.baselines).items()}
        check_lengths(index=len(self.index), labels=len(self.labels), **sizes)
        known = self.labels[self.labels != -1]
        if len(known) and not 0 <= known.min() <= known.max() < len(self.label_names):
            raise ValueError(f"examples have labels other than 0 to {len(self.label_names) - 1}")
        if self.highest.images.shape != self.lowest.images.shape or not len(self.highest.images):
            raise ValueError("the most and the least anomalous images differ in shape")
        return self

    def auroc(self, key: str) -> float | None:
        """Return how well a score, of the model or of a baseline, tells anomalies."""
        score = self.scores.get(key) or self.baselines.get(key)
        return None if score is None else score.auroc

    @property
    def verdicts(self) -> Flags | None:
        """Whether each example is called anomalous, by the rank average of the model."""
        score = self.scores["rank_average"]
        # Compared as it is kept: a score that equals the threshold is not above it.
        return None if score.threshold is None else score.values > np.float32(score.threshold)

    @property
    def is_anomalous(self) -> Flags | None:
        """Whether each example has a label that is not normal; None where nobody says."""
        if self.n_anomalous is None or self.normal is None:
            return None
        known = [place for place, name in enumerate(self.label_names) if name in self.normal]
        return ~np.isin(self.labels, known)

    @property
    def anomalies_seen(self) -> tuple[str, ...]:
        """The labels of training examples that are not normal."""
        if self.normal is None:
            return ()
        return tuple(label for label in self.reference_labels if label not in self.normal)

    @property
    def takes_images(self) -> bool:
        """Whether the examples are images, and no plain vectors."""
        return self.highest.images.ndim == 4
