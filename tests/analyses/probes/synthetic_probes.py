"""Small made-up results of probes, of the types that analysis gives."""

from math import log10

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.probes.result import (
    PROBES,
    CodeProbes,
    Fit,
    LearningPoint,
    ProbeResult,
    Probes,
    ProbeScore,
)
from latentscape.core.findings import Statistic

NUMBERS = (10, 30, 100)


def probes(label="simple-20", *, gain=0.0, seed=1, dim=2):
    """Make probes of a model and its baselines; `gain` is added to the model's accuracies."""
    codes = [
        (label, "model", dim, 0.5 + gain + 0.01 * (seed - 1)),
        ("raw pixels", "pixels", 120, 0.53),
        (f"PCA, {dim}", "pca", dim, 0.47),
    ]
    return Probes(rows=tuple(code_probes(*code) for code in codes))


def code_probes(name, kind, dim, accuracy):
    """Make what all probes reach on a code."""
    steps = dict(zip(PROBES, (0.0, 0.01, 0.02), strict=True))
    return CodeProbes(
        name=name,
        kind=kind,
        dim=dim,
        protocol=Protocol(
            fitted_on="train",
            n_fitted=100,
            selected_on="validation",
            n_selected=10,
            scored_on="test",
            n_scored=60,
            labels="training",
        ),
        results=tuple(_result(probe, accuracy + step) for probe, step in steps.items()),
        curves=tuple(
            LearningPoint(
                epoch=epoch,
                train=Fit(loss=2 / epoch, accuracy=1 - 0.5 / epoch),
                validation=Fit(loss=2.2 / epoch, accuracy=1 - 0.6 / epoch),
            )
            for epoch in range(1, 6)
        ),
    )


def _result(probe, accuracy):
    return ProbeResult(probe=probe, scores=tuple(_score(probe, n, accuracy) for n in NUMBERS))


def _score(probe, labels, accuracy):
    mean = accuracy + 0.1 * log10(labels)
    is_drawn = labels < 100
    return ProbeScore(
        labels=labels,
        draws=5 if is_drawn else 1,
        accuracy=Statistic(mean=mean, sd=0.02, n=5) if is_drawn else Statistic(mean=mean),
        choices={"k": 5} if probe == "knn" else {},
    )


def with_row(result, place, **changes):
    """Return probes with another row of a code."""
    rows = list(result.rows)
    rows[place] = rows[place].model_copy(update=changes)
    return result.model_copy(update={"rows": tuple(rows)})
