"""How well labels can be read from frozen codes: probes at few labels and at all of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.probes.classifiers import CLASSIFIERS, Outcome, Part, Task
from latentscape.core.errors import ConfigError, unknown
from latentscape.core.randomness import derive_seed
from latentscape.core.records import PARTS, Array, Codes
from latentscape.core.units import joined
from latentscape.evaluation.codes import constant
from latentscape.reporting.learned import summary

PROBES = tuple(CLASSIFIERS)
COUNTS = (10, 100, 1000)
INITIALISATIONS = 3
"""Perceptrons that are trained on all labels."""

_PROTOCOL = (
    "With fewer labels nothing is chosen, because choosing takes labels: k = 1, C = 1, the last "
    "epoch. Fewer labels are drawn several times, one example of each class first and then of each "
    "class its share, the same ones for all codes; a larger draw contains the smaller one. The "
    "standard deviation is over draws, or over three perceptrons that differ in their initial "
    "weights and batches. k-NN: Euclidean distance of the codes as they are; k out of 1, 3, 5, 9 "
    "and 15, by at most 2,000 validation examples. The others see codes from which the mean of the "
    "training part is taken, divided by the standard deviation of all dimensions together. "
    "Logistic regression: L2 penalty; C out of 0.01, 0.1, 1, 10 and 100, tried on at most 10,000 "
    "training examples; at most 200 iterations of L-BFGS. MLP: 64 ReLU units, then softmax; Adam "
    "at a rate that falls from 0.005 to 0, batches of 256, 30 epochs and 1,000 steps at least."
)


def probe_codes(
    codes: Codes,
    *,
    probes: Sequence[str] = PROBES,
    counts: Sequence[int] = COUNTS,
    draws: int = 5,
    seed: int = 0,
) -> dict[str, Any]:
    """Learn labels from frozen codes, from few of them and from all.

    Parameters
    ----------
    codes : Codes
        Probes learn from the training part, choose on the validation part and are scored on the
        test part.
    probes : sequence of str
        Some of ``knn``, ``logistic`` and ``mlp``.
    counts : sequence of int
        Numbers of labels to learn from, besides all of them.
    draws : int
        How many times so many labels are drawn.
    seed : int
        Draws labels, initial weights and batches.

    Returns
    -------
    dict
        ``name``, ``kind``, ``dim``; ``n_train``, ``n_validation``, ``n_test``; ``protocol``;
        ``left_out``, sentences; ``results``, for each probe a list over numbers of labels, all of
        them last: ``labels``, ``draws``, ``accuracy`` (``mean``, ``sd``, ``n``) and ``settings``;
        ``curves`` of the perceptron on all labels (see
        `latentscape.analyses.probes.perceptron.Training`).

    Raises
    ------
    ConfigError
        If a probe is unknown, or a number is too small.
    """
    _check(probes, counts, draws)
    row = {
        "name": codes.name,
        "kind": codes.kind,
        "dim": codes.dim,
        **{f"n_{part}": len(codes.part(part)) for part in PARTS},
        "protocol": _protocol(codes),
        "results": {},
        "curves": [],
    }
    if reason := _hopeless(codes):
        return {**row, "left_out": [reason]}
    few = sorted({count for count in counts if count < len(codes.train)})
    found = {name: _outcomes(name, codes, few, draws, seed) for name in probes}
    return {
        **row,
        "results": {name: [_result(*one) for one in outcomes] for name, outcomes in found.items()},
        "curves": [point for outcomes in found.values() for point in outcomes[-1][2].curves],
        "left_out": _left_out(codes, counts),
    }


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


def _check(probes: Sequence[str], counts: Sequence[int], draws: int) -> None:
    for name in probes:
        if name not in PROBES:
            raise unknown("probe", name, PROBES, ConfigError)
    if min(counts, default=2) < 2 or draws < 1:
        raise ConfigError(
            f"Probes were asked for {draws} draw(s) of {joined([str(count) for count in counts])} "
            "labels",
            expected="1 draw at least, of 2 labels at least",
        )


def _hopeless(codes: Codes) -> str:
    """Say why nothing can be probed; nothing if it can."""
    labels = codes.labels("train")
    if labels is None:
        return "Probes were left out: the data have no labels."
    if len(np.unique(labels)) < 2:
        return "Probes were left out: all training examples have the same label."
    collapsed = constant(codes)
    return collapsed and f"Probes were left out. {collapsed}."


def _left_out(codes: Codes, counts: Sequence[int]) -> list[str]:
    train, test = codes.labels("train"), codes.labels("test")
    assert train is not None
    assert test is not None
    classes, sentences = np.unique(train), []
    if many := sorted({count for count in counts if count >= len(train)}):
        named = joined([f"{count:,}" for count in many])
        sentences.append(
            f"{named} labels were left out: the training part has {len(train):,} examples in all."
        )
    if few := [count for count in sorted(set(counts)) if count < min(len(classes), len(train))]:
        named = joined([f"{count:,}" for count in few])
        sentences.append(
            f"{named} labels cannot show each of the {len(classes)} classes, and a class that is "
            "not shown is never seen."
        )
    if strange := int((~np.isin(test, classes)).sum()):
        sentences.append(
            f"{strange:,} of {len(test):,} test examples have a label that no training example "
            "has: each counts as an error."
        )
    return sentences


def _outcomes(
    name: str, codes: Codes, few: Sequence[int], draws: int, seed: int
) -> list[tuple[int, int, Outcome]]:
    """Return numbers of labels and of draws with what a probe reaches; all labels come last."""
    probe = CLASSIFIERS[name]
    task = _task(codes, seed, standardised=name != "knn")
    # Settings that many other labels choose would not be those of few labels.
    blind = replace(task, validation=task.validation.some(0))
    orders = _orders(task.train.labels, draws, seed)
    repeats = INITIALISATIONS if name == "mlp" else 1
    return [
        *((count, draws, probe(blind, orders[:, :count])) for count in few),
        (len(task.train), 1, probe(task, orders[:1].repeat(repeats, 0))),
    ]


def _orders(labels: NDArray[np.int64], draws: int, seed: int) -> NDArray[np.int64]:
    """Return (draws, N) orders; the same ones for all codes of a split."""
    seeds = [derive_seed(seed, "labels", draw) for draw in range(draws)]
    return np.stack([stratified_order(labels, np.random.default_rng(one)) for one in seeds])


def _task(codes: Codes, seed: int, *, standardised: bool) -> Task:
    labels = codes.split.dataset.labels
    assert labels is not None
    centre, scale = _moments(codes.train) if standardised else (np.float32(0), np.float32(1))
    train, validation, test = (
        Part((codes.part(part) - centre) / scale, labels[codes.index(part)]) for part in PARTS
    )
    return Task(train, validation, test, len(codes.label_names), seed)


def _moments(codes: Array) -> tuple[Array, Array]:
    """Return the mean (D,) and the standard deviation of all dimensions together.

    Each by its own would make as much of the last principal component as of the first, and of a
    pixel that is lit in one of a thousand images more than of all others.
    """
    variance, mean = torch.var_mean(torch.from_numpy(codes), dim=0, correction=0)
    return mean.numpy(), variance.mean().sqrt().numpy()


def _result(labels: int, draws: int, outcome: Outcome) -> dict[str, Any]:
    return {
        "labels": labels,
        "draws": draws,
        "accuracy": summary(outcome.accuracies),
        "settings": outcome.settings,
    }


def _protocol(codes: Codes) -> str:
    """Say how a row was measured, in the same words for all codes of a split."""
    train, validation, test = (len(codes.part(part)) for part in PARTS)
    chosen = (
        f"With all {train:,} labels, settings are chosen by accuracy on the validation part "
        f"({validation:,}), and the perceptron's epoch by its loss there."
        if validation
        else "The validation part is empty: with all labels, too, settings are fixed."
    )
    return (
        f"Classifiers learn from codes of the training part ({train:,}) and are scored on the test "
        f"part ({test:,}). {chosen} {_PROTOCOL}"
    )
