"""How well labels can be read from frozen codes: probes at few labels and at all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.comparison import Comparison
from latentscape.analyses.probes.classifiers import CLASSIFIERS, Examples, Outcome, Task
from latentscape.analyses.probes.result import (
    PROBES,
    CodeProbes,
    ProbeResult,
    ProbeScore,
    ProbeSettings,
)
from latentscape.core.findings import Skip, Statistic
from latentscape.core.progress import Stage, stage
from latentscape.core.randomness import derive_seed
from latentscape.core.records import PARTS, Array, Codes
from latentscape.core.scratch import stacked
from latentscape.core.units import count, joined
from latentscape.evaluation.codes import is_constant
from latentscape.inference.batches import BATCH

INITIALISATIONS = 3
"""Perceptrons that are trained on all labels."""


_PACE = {"knn": 3e-7, "logistic": 1.5e-6, "mlp": 7e-6}
"""Seconds that probes take for each number of the codes, beside those that any code takes."""


class _Trial(NamedTuple):
    """What a probe reaches with so many labels, drawn so often."""

    labels: int
    draws: int
    outcome: Outcome


def probe_all(comparison: Comparison, settings: ProbeSettings) -> tuple[CodeProbes, ...]:
    """Learn labels from all codes of a comparison; see `probe_codes`."""
    key = ("probing", settings)
    pending = [(codes, probe) for codes in comparison.pending(key) for probe in settings.probes]
    expected = sum(_seconds(*pair) for pair in pending)
    with stage("probing", expected, seconds=expected) as work:
        work.count = len(pending)
        return comparison.each(key, lambda codes: probe_codes(codes, settings, work))


def probe_codes(codes: Codes, settings: ProbeSettings, work: Stage | None = None) -> CodeProbes:
    """Learn labels from frozen codes, from few of them and from all.

    Parameters
    ----------
    codes : Codes
        Probes learn from the training part, choose on the validation part and are scored on the
        test part.
    settings : ProbeSettings
        Which probes, and how many labels they learn from.
    work : Stage, optional
        Of which each probe is a step.
    """
    work = work or Stage("probing")
    if obstacle := _obstacle(codes):
        return _row(codes, {}, [obstacle])
    few = sorted({n for n in settings.counts if n < len(codes.train)})
    trials = dict[str, list[_Trial]]()
    for probe in settings.probes:
        work.step(f"{PROBES[probe]} on {codes.name}", _seconds(codes, probe))
        trials[probe] = _trials(probe, codes, few, settings)
    return _row(codes, trials, _skips(codes, settings.counts))


def stratified_order(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Order examples at random, such that the first n are a stratified draw, whatever n is.

    First comes one example of each class, the classes in random order, and then of each class its
    share: the first n hold what the method of Webster apportions to n.

    Parameters
    ----------
    labels : ndarray of int64
        (N,).
    rng : Generator
        Source of randomness.

    Returns
    -------
    ndarray of int64
        (N,) places in `labels`.
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    turn = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    due = np.where(turn == 0, 0.0, (turn + 0.5) / np.repeat(counts, counts))
    return by_class[np.lexsort((rng.random(len(labels)), due))]


def _row(
    codes: Codes, trials: Mapping[str, Sequence[_Trial]], skipped: Sequence[Skip]
) -> CodeProbes:
    train, validation, test = (len(codes.part(part)) for part in PARTS)
    return CodeProbes(
        name=codes.name,
        kind=codes.kind,
        dim=codes.dim,
        protocol=Protocol(
            fitted_on="train",
            n_fitted=train,
            selected_on="validation" if validation else None,
            n_selected=validation,
            scored_on="test",
            n_scored=test,
            labels="training",
        ),
        results=tuple(
            ProbeResult(probe=probe, scores=tuple(map(_score, of_probe)))
            for probe, of_probe in trials.items()
        ),
        curves=tuple(
            point for of_probe in trials.values() for point in of_probe[-1].outcome.curves
        ),
        skipped=tuple(skipped),
    )


def _score(trial: _Trial) -> ProbeScore:
    accuracy = Statistic.of(trial.outcome.accuracies)
    assert accuracy is not None
    return ProbeScore(
        labels=trial.labels,
        draws=trial.draws,
        accuracy=accuracy,
        choices=trial.outcome.choices,
    )


def _obstacle(codes: Codes) -> Skip | None:
    """Tell why nothing can be probed, if so."""
    labels = codes.labels("train")
    if labels is None:
        return Skip(item="Probes were", reason="no_labels")
    if len(np.unique(labels)) < 2:
        return Skip(item="Probes were", reason="one_label")
    if is_constant(codes):
        return Skip(item="Probes were", reason="same_codes", detail={"codes": codes.name})
    return None


def _skips(codes: Codes, counts: Sequence[int]) -> list[Skip]:
    """Tell which numbers of labels are too many or too few, and which labels cannot be learned."""
    train, test = codes.labels("train"), codes.labels("test")
    assert train is not None
    assert test is not None
    classes, skips = np.unique(train), []
    if many := sorted({n for n in counts if n >= len(train)}):
        detail = {"examples": len(train)}
        skips.append(Skip(item=f"{_listed(many)} were", reason="many_labels", detail=detail))
    if few := [n for n in sorted(set(counts)) if n < min(len(classes), len(train))]:
        detail = {"classes": len(classes)}
        skips.append(Skip(item=_listed(few), reason="few_labels", detail=detail))
    if unknown := int((~np.isin(test, classes)).sum()):
        detail = {"examples": unknown, "tested": len(test)}
        skips.append(Skip(item="test examples", reason="unknown_labels", detail=detail))
    return skips


def _listed(counts: Sequence[int]) -> str:
    return f"{joined(list(map(count, counts)))} labels"


def _trials(probe: str, codes: Codes, few: Sequence[int], settings: ProbeSettings) -> list[_Trial]:
    """Return what a probe reaches with each number of labels; all of them come last."""
    learn, draws = CLASSIFIERS[probe], settings.draws
    task = _task(codes, settings.seed, standardised=probe != "knn")
    # Settings that many other labels choose would not be those of few labels.
    blind = replace(task, validation=task.validation.sample(0))
    orders = _orders(task.train.labels, draws, settings.seed)
    repeats = INITIALISATIONS if probe == "mlp" else 1
    return [
        *(_Trial(n, draws, learn(blind, orders[:, :n])) for n in few),
        _Trial(len(task.train), 1, learn(task, orders[:1].repeat(repeats, 0))),
    ]


def _seconds(codes: Codes, probe: str) -> float:
    """Return how long a probe takes on a machine of two cores, roughly."""
    return len(codes.train) * _PACE[probe] * (codes.dim + 200)


def _orders(labels: NDArray[np.int64], draws: int, seed: int) -> NDArray[np.int64]:
    """Return (draws, N) orders; the same ones for all codes of a split."""
    seeds = [derive_seed(seed, "labels", draw) for draw in range(draws)]
    return np.stack([stratified_order(labels, np.random.default_rng(seed)) for seed in seeds])


def _task(codes: Codes, seed: int, *, standardised: bool) -> Task:
    labels = codes.split.dataset.labels
    assert labels is not None
    change = _standardiser(codes.train) if standardised else lambda values: values
    train, validation, test = (
        Examples(change(codes.part(part)), labels[codes.index(part)]) for part in PARTS
    )
    return Task(train, validation, test, len(codes.label_names), seed)


def _standardiser(train: Array) -> Callable[[Array], Array]:
    """Return a function that centres and scales codes as training codes need it."""
    centre, scale = moments(train)

    def change(codes: Array) -> Array:
        starts = range(0, len(codes), BATCH)
        parts = ((codes[start : start + BATCH] - centre) / scale for start in starts)
        return stacked(parts, codes.shape)

    return change


def moments(codes: Array) -> tuple[Array, Array]:
    """Return the mean (D,) and the standard deviation of all dimensions together.

    Each by its own would make as much of the last principal component as of the first, and of a
    pixel that is lit in one of a thousand images more than of all others.
    """
    variance, mean = torch.var_mean(torch.from_numpy(codes), dim=0, correction=0)
    return mean.numpy(), variance.mean().sqrt().numpy()
