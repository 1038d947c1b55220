"""What is asked of probes, and what comes out."""

from itertools import pairwise
from typing import Self

from pydantic import Field, field_validator, model_validator

from latentscape.analyses.analysis import Inputs, Protocol, Result, Settings
from latentscape.analyses.codes import CodeResult, Guessing
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.findings import Record, Skip, Statistic
from latentscape.core.units import joined

PROBES = {"knn": "k-NN", "logistic": "Logistic regression", "mlp": "MLP"}
"""The classifiers on frozen codes, by their keys: what people read."""


class ProbeSettings(Settings):
    """How labels are read from codes.

    Attributes
    ----------
    probes : tuple of str
        Keys of `PROBES`.
    counts : tuple of int
        Numbers of labels to learn from, beside all of them; 2 or more each.
    draws : int
        How often so many labels are drawn.
    seed : int
        Draws labels, initial weights and batches.
    """

    probes: tuple[str, ...] = Field(
        tuple(PROBES),
        description="knn, logistic or mlp; by default all of them.",
        json_schema_extra={"option": "--probe"},
    )
    counts: tuple[int, ...] = Field(
        (10, 100, 1000),
        description="Labels to train on, beside all of them; 10, 100 and 1,000 by default.",
        json_schema_extra={"option": "-n"},
    )
    draws: int = Field(5, description="How often so few labels are drawn.")
    seed: int = Field(0, description="Draws what is drawn.")

    @field_validator("probes")
    @classmethod
    def _check_probes(cls, probes: tuple[str, ...]) -> tuple[str, ...]:
        for probe in probes:
            if probe not in PROBES:
                raise unknown("probe", probe, PROBES, ConfigError)
        return tuple(dict.fromkeys(probes))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.counts, default=2) < 2 or self.draws < 1:
            counts = joined(list(map(str, self.counts)))
            raise ConfigError(
                f"Probes were asked for {self.draws} draw(s) of {counts} labels",
                expected="1 draw at least, of 2 labels at least",
            )
        return self


class ProbeInputs(Inputs):
    """Nothing else can be looked at."""


class Fit(Record):
    """How well a perceptron fits some examples.

    Attributes
    ----------
    loss : float
        Mean cross-entropy in nats.
    accuracy : float
        Share of the examples.
    """

    loss: float
    accuracy: float


class LearningPoint(Record):
    """How perceptrons fit after an epoch, on average.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    train : Fit
        On training examples, 5,000 at most.
    validation : Fit or None
        On validation examples; None without any.
    """

    epoch: int = Field(ge=0)
    train: Fit
    validation: Fit | None


Choices = dict[str, int | float | tuple[int, ...] | tuple[float, ...]]
"""Settings of a probe, by name: ``k`` of k-NN; ``C``, ``iterations`` and the smallest and largest C
that were ``tried``; ``rate``, ``decay``, ``epochs`` and ``best_epochs`` of the perceptron."""


class ProbeScore(Record):
    """What a probe reaches with so many labels.

    Attributes
    ----------
    labels : int
        How many labels it learned from.
    draws : int
        How often so many were drawn.
    accuracy : Statistic
        Share of test examples, over draws; with all labels over perceptrons that differ in their
        initial weights.
    choices : dict
        Settings of the probe.
    """

    labels: int = Field(ge=1)
    draws: int = Field(ge=1)
    accuracy: Statistic
    choices: Choices


class ProbeResult(Record):
    """What one kind of probe reaches on a code.

    Attributes
    ----------
    probe : str
        A key of `PROBES`.
    scores : tuple of ProbeScore
        By number of labels, all of them last.
    """

    probe: str
    scores: tuple[ProbeScore, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.probe not in PROBES:
            raise ValueError(f"{self.probe} is no probe")
        if any(first.labels >= second.labels for first, second in pairwise(self.scores)):
            raise ValueError(f"scores of {self.probe} are not in the order of their labels")
        return self


class CodeProbes(CodeResult):
    """What probes reach on a code.

    Attributes
    ----------
    protocol : Protocol
        Which examples they learned from, chose their settings on, and were scored on.
    results : tuple of ProbeResult
        One of each kind of probe.
    curves : tuple of LearningPoint
        Of the perceptrons on all labels.
    """

    protocol: Protocol
    results: tuple[ProbeResult, ...] = ()
    curves: tuple[LearningPoint, ...] = ()

    def scores_of(self, probe: str) -> tuple[ProbeScore, ...]:
        """Return what a kind of probe reaches; nothing where it was not trained."""
        return next((item.scores for item in self.results if item.probe == probe), ())

    def accuracies_of(self, probe: str) -> dict[int, Statistic]:
        """Return number of labels to accuracy, as a share of the scored examples."""
        n = self.protocol.n_scored
        return {score.labels: score.accuracy.over(n) for score in self.scores_of(probe)}


class Probes(Result):
    """How well small classifiers read labels from frozen codes.

    Attributes
    ----------
    guessing : Guessing or None
        What takes no code at all; None without labels.
    rows : tuple of CodeProbes
        Of each code; the run's model first.
    """

    part = "probing"

    settings: ProbeSettings = ProbeSettings()
    guessing: Guessing | None = None
    rows: tuple[CodeProbes, ...] = Field(min_length=1)

    def skips(self) -> tuple[Skip, ...]:
        """Return all that was not measured."""
        return (*self.skipped, *(skip for row in self.rows for skip in row.skipped))
