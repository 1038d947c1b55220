"""Anomalies: what a model scores as unlike its training examples, and whether labels agree."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.anomalies.result import (
    FALSE_ALARMS,
    Anomalies,
    AnomalyInputs,
    AnomalySettings,
    Extremes,
    Score,
)
from latentscape.analyses.anomalies.scoring import (
    NEIGHBOURS,
    AnomalyScores,
    score_anomalies,
    score_baselines,
)
from latentscape.analyses.comparison import Comparison
from latentscape.core.findings import Skip
from latentscape.core.records import Array, Dataset, Split
from latentscape.data.labels import label_indices
from latentscape.inference.batches import stored
from latentscape.inference.codec import reconstruct_with
from latentscape.inference.inputs import read_inputs
from latentscape.model import Network, scaled

N_EXTREME = 16
"""Images of the most and of the least anomalous examples."""


def measure_anomalies(
    comparison: Comparison, settings: AnomalySettings, inputs: AnomalyInputs
) -> Anomalies:
    """Score test examples of a run, or other data; see `find_anomalies`.

    The labels that the run was trained on are normal unless others are named, if it was not trained
    on all of them and the data have the same labels.
    """
    model, split = comparison.model, comparison.split
    data = None if inputs.data is None else comparison.read(inputs.data, inputs.changes)
    has_same_labels = data is None or data.label_names == split.dataset.label_names
    normal = settings.normal
    if not normal and has_same_labels and comparison.opened:
        normal = comparison.opened.recipe.data.train_labels
    result = find_anomalies(
        model, split, normal, data, false_alarms=settings.false_alarms, comparison=comparison
    )
    return result.model_copy(update={"settings": settings})


def find_anomalies(
    model: Network,
    split: Split,
    normal: Sequence[str] | None = None,
    data: object = None,
    *,
    neighbours: int = NEIGHBOURS,
    false_alarms: float = FALSE_ALARMS,
    comparison: Comparison | None = None,
) -> Anomalies:
    """Score examples by a model and by baselines, and compare both with what labels say.

    Parameters
    ----------
    model, split, neighbours, false_alarms
        As for `score_anomalies`.
    normal : sequence of str, optional
        The labels that are normal; all others are anomalous. Without it there is no AUROC.
    data : str, Path or data in memory, optional
        The examples to score, with a value range of their own; by default the test part of the
        split.
    comparison : Comparison, optional
        Of the same model and split, whose codes and principal components are taken.

    Raises
    ------
    DataError
        As for `score_anomalies`, and if a label of `normal` does not exist.
    """
    scored_on, n_reference = "test" if data is None else "all", len(split.train)
    known = split.dataset.label_names
    data = None if data is None else read_inputs(model, data, known)
    data, index = (split.dataset, split.test) if data is None else (data, np.arange(len(data)))
    is_anomalous, skipped = _anomalous(data, index, normal)
    # Other labels than those that a model knows are none to it.
    known_labels = data.labels if data.label_names == known else None
    scored = Split(replace(data, labels=known_labels), index[:0], index[:0], index)
    scores, baselines = _scores(model, split, scored, neighbours, false_alarms, comparison)
    highest, lowest = _extremes(model, scored, scores)
    return Anomalies(
        skipped=(*skipped, *scores.skipped, *baselines.skipped),
        protocol=Protocol(
            fitted_on="train",
            n_fitted=n_reference,
            scored_on=scored_on,
            n_scored=len(index),
            labels="none" if is_anomalous is None else "scoring",
        ),
        data=data.name,
        normal=None if normal is None else tuple(normal),
        n_anomalous=None if is_anomalous is None else int(is_anomalous.sum()),
        reference_labels=_reference_labels(split),
        ranked_among=scores.ranked_among,
        n_ranked=split.sizes[scores.ranked_among],
        neighbours=neighbours,
        scores=_judged(scores, is_anomalous),
        baselines=_judged(baselines, is_anomalous),
        label_names=() if data.labels is None else data.label_names,
        index=index,
        labels=np.full(len(index), -1) if data.labels is None else data.labels[index],
        highest=highest,
        lowest=lowest,
    )


def _scores(
    model: Network,
    split: Split,
    scored: Split,
    neighbours: int,
    false_alarms: float,
    comparison: Comparison | None,
) -> tuple[AnomalyScores, AnomalyScores]:
    """Score examples by a model, and without one; what was computed before is taken."""
    components = model.latent.numbers
    codes = pixels = linear = None
    if comparison is not None:
        codes = next((row for row in comparison.rows if row.kind == "model"), None)
        pixels = comparison.baselines.pixels()
        linear = comparison.baselines.linear(components)
    by_model = score_anomalies(
        model, split, scored, codes=codes, neighbours=neighbours, false_alarms=false_alarms
    )
    by_baselines = score_baselines(
        split,
        scored,
        components,
        pixels=pixels,
        linear=linear,
        neighbours=neighbours,
        false_alarms=false_alarms,
    )
    return by_model, by_baselines


def score_table(result: Anomalies) -> tuple[list[str], list[list[Any]]]:
    """Lay scores out for a CSV file.

    Returns
    -------
    columns : list of str
        ``index``, ``label``, ``verdict`` (``anomalous`` or ``normal``, by the threshold of the
        rank average), and the keys of the scores.
    rows : list of list
        One for each example; its label is empty where it has none.
    """
    names = [*result.label_names, ""]  # At -1, the label of what has none.
    labels = [names[label] for label in result.labels.tolist()]
    scores: Mapping[str, Score] = result.scores | result.baselines
    verdicts = ["anomalous" if flag else "normal" for flag in _flags(result)]
    columns = [
        result.index.tolist(),
        labels,
        verdicts,
        *(score.values.tolist() for score in scores.values()),
    ]
    return ["index", "label", "verdict", *scores], list(map(list, zip(*columns, strict=True)))


def _flags(result: Anomalies) -> list[bool]:
    verdicts = result.verdicts
    assert verdicts is not None  # Whatever is measured today has a threshold.
    flags: list[bool] = verdicts.tolist()
    return flags


def _anomalous(
    data: Dataset, index: NDArray[np.int64], normal: Sequence[str] | None
) -> tuple[NDArray[np.bool_] | None, list[Skip]]:
    """Tell which examples are anomalous by their labels, and why there is no AUROC if so."""
    item = "AUROC was"
    if normal is None:
        return None, [Skip(item=item, reason="no_normal")]
    if data.labels is None:
        return None, [Skip(item=item, reason="no_labels", detail={"data": data.name})]
    is_anomalous = ~np.isin(data.labels[index], label_indices(normal, data))
    if 0 < is_anomalous.sum() < len(is_anomalous):
        return is_anomalous, []
    kind = "anomalous" if is_anomalous.all() else "normal"
    detail: dict[str, int | str] = {"examples": len(index), "kind": kind}
    return is_anomalous, [Skip(item=item, reason="one_kind", detail=detail)]


def _judged(scores: AnomalyScores, is_anomalous: NDArray[np.bool_] | None) -> dict[str, Score]:
    """Measure how well each score tells anomalies."""
    return {
        key: Score(
            auroc=_auroc(values, is_anomalous),
            threshold=scores.thresholds[key],
            values=values.astype(np.float32),
        )
        for key, values in scores.scores.items()
    }


def _auroc(values: Array, is_anomalous: NDArray[np.bool_] | None) -> float | None:
    from sklearn.metrics import roc_auc_score

    if is_anomalous is None or len(np.unique(is_anomalous)) < 2:
        return None
    return float(roc_auc_score(is_anomalous, values))


def _reference_labels(split: Split) -> tuple[str, ...]:
    """Return the labels that training examples have."""
    dataset = split.dataset
    if dataset.labels is None:
        return ()
    return tuple(dataset.label_names[label] for label in np.unique(dataset.labels[split.train]))


def _extremes(model: Network, scored: Split, scores: AnomalyScores) -> tuple[Extremes, Extremes]:
    """Collect the most and the least anomalous examples, and what the model makes of them."""

    def extremes(places: NDArray[np.int64]) -> Extremes:
        images, labels = stored(scored.dataset, scored.test[places])
        return Extremes(
            images=scaled(images, scored.dataset.value_range).numpy(),
            reconstructions=reconstruct_with(model)(images, labels).numpy(),
        )

    order = np.argsort(scores.scores["rank_average"], kind="stable")
    return extremes(order[::-1][:N_EXTREME]), extremes(order[:N_EXTREME])
