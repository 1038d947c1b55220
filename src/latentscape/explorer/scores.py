"""Scores: what is known of each point, as a number."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from latentscape.analyses.anomalies import AnomalyAnalysis
from latentscape.analyses.anomalies.result import FALSE_ALARMS
from latentscape.analyses.anomalies.result import SCORES as NAMES
from latentscape.analyses.anomalies.scoring import (
    SCORES,
    AnomalyScores,
    MahalanobisDistance,
    score_codes,
)
from latentscape.analyses.probes.classifiers import Examples, fit_logistic
from latentscape.analyses.probes.method import moments
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Codes
from latentscape.core.subsets import draw_subset
from latentscape.core.units import count, percent
from latentscape.evaluation.codes import are_same
from latentscape.evaluation.reconstruction import measure_errors
from latentscape.explorer.contents import Anomaly, Dim, Score
from latentscape.explorer.explored import Explored, Piece
from latentscape.inference.batches import evaluating, stored_batches, to_device
from latentscape.inference.codec import reconstruct_with
from latentscape.model.latents import ACTIVE_VARIANCE
from latentscape.reporting.sentences import describe_skip

MAX_PROBED = 10_000
"""Training examples that the probe of the labels learns from, at most."""

MAX_CLASSES = 100
"""Labels up to which there is a probe: a regression of more takes longer than people wait."""

MAX_DIMS = 512
"""Numbers of a code that the page is told of one by one."""

_Floats = NDArray[np.float32]


def describe_codes(explored: Explored) -> Piece:
    """Give the codes of the points, and what each number of them is like."""
    codes = explored.point_codes
    rates = explored.rates
    return Piece(
        {"dims": _dims(codes, rates)} if codes.shape[1] <= MAX_DIMS else {}, {"codes": codes}
    )


def rate(explored: Explored) -> Piece:
    """Score points by what their codes cost, where images have distributions of codes."""
    latent = explored.model.config.latent
    if not latent.has_posterior:
        return Piece()
    rates = explored.rates
    if rates is None:
        about = "One draw of the log-density of the posterior less that of the prior."
        return _piece("rate", "KL", _drawn_rates(explored), "nats", about)
    about = "Divergence of the posterior from the prior N(0, I), summed over the code."
    return _piece("rate", "KL", rates.sum(1), "nats", about)


def errors(explored: Explored) -> Piece:
    """Score points whose model has no training examples at hand by their error alone."""
    measured = measure_errors(reconstruct_with(explored.model), explored.points.alone())
    return _piece("error", "Reconstruction error", measured.per_pixel, *_ERROR, higher="worse")


def anomalies(explored: Explored) -> Piece:
    """Score points by how unlike the training examples they are, with thresholds."""
    codes = explored.codes
    if codes is None:
        return errors(explored)
    result = score_codes(
        SCORES,
        codes,
        [(explored.points.alone(), explored.point_codes)],
        reconstruct_with(explored.model),
        may_be_trained_on=codes.split.dataset is explored.points.dataset,
    )
    pieces = [_anomaly_score(key, result, codes) for key in SCORES if key in result.scores]
    notes = [describe_skip(skip, AnomalyAnalysis.skip_reasons) for skip in result.skipped]
    scores = tuple(score for score, _ in pieces)
    anomaly, arrays = _anomaly(codes, result)
    arrays |= {f"score/{score.key}": values for score, values in pieces}
    return Piece({"scores": scores, "anomaly": anomaly}, arrays, tuple(notes))


def confidence(explored: Explored) -> Piece:
    """Score points by how sure a regression of the labels on the code is of its answer.

    Two regressions learn from half of the training examples each. A point that one of them has
    learned from is judged by the other.
    """
    codes = explored.codes
    labels = None if codes is None else codes.labels("train")
    if codes is None or labels is None or are_same(codes.train):
        return Piece()
    classes = len(np.unique(labels))
    if classes > MAX_CLASSES:
        note = f"There is no probe of the labels: {count(classes)} of them take too long."
        return Piece(notes=(note,))
    halves = _halves(codes)
    train = Examples(codes.train, labels)
    if any(len(np.unique(labels[half])) < 2 for half in halves):
        return Piece()
    first, second = (_probe(train.at(half)) for half in halves)
    learned = _learned_from(explored, codes, halves[0])
    values = np.where(learned, second(explored.point_codes), first(explored.point_codes))
    about = (
        f"Probability of the likeliest label, by a logistic regression on the code that learned "
        f"from {count(len(halves[0]))} training examples, none of them the point itself."
    )
    return _piece("confidence", "Probe confidence", values, "", about, higher="better")


_ERROR = ("per pixel", "Squared error between the image and its reconstruction, on the scale 0-1.")

_ABOUT = {
    "reconstruction": ("error", *_ERROR),
    "latent_knn": ("distance", "", "Mean distance of the code to its 5 nearest training codes."),
    "mahalanobis": (
        "mahalanobis",
        "",
        "Distance of the code to the mean of the training codes, under their covariance.",
    ),
    "rank_average": (
        "anomaly",
        "",
        "Mean of the ranks of error and distances among {part} examples; above 1 beyond all.",
    ),
}


def _anomaly_score(key: str, result: AnomalyScores, codes: Codes) -> tuple[Score, _Floats]:
    own, unit, about = _ABOUT[key]
    part = "training" if result.ranked_among == "train" else result.ranked_among
    about = about.format(part=part)
    score = Score(
        key=own,
        name=NAMES[key] if key != "rank_average" else "Anomaly score",
        unit=unit,
        about=f"{about} {percent(FALSE_ALARMS)} of the {part} examples are beyond the threshold.",
        threshold=result.thresholds[key],
        higher="worse",
    )
    return score, _floats(result.scores[key])


def _anomaly(codes: Codes, result: AnomalyScores) -> tuple[Anomaly, dict[str, Array]]:
    thresholds = result.thresholds
    fields = {"error_threshold": thresholds["reconstruction"], "false_alarms": FALSE_ALARMS}
    found = MahalanobisDistance(codes.train).moments if "mahalanobis" in thresholds else None
    if found is None:
        return Anomaly(**fields), {}
    mean, precision = (values.astype(np.float32) for values in found)
    anomaly = Anomaly(**fields, mahalanobis=True, mahalanobis_threshold=thresholds["mahalanobis"])
    return anomaly, {"anomaly/mean": mean, "anomaly/precision": precision}


def _halves(codes: Codes) -> list[NDArray[np.int64]]:
    """Draw training examples at random, and divide them into two halves: places among them."""
    drawn = draw_subset(np.arange(len(codes.train)), codes.labels("train"), MAX_PROBED)
    shuffled = np.random.default_rng(derive_seed(0, "halves")).permutation(drawn)
    return [np.sort(shuffled[start::2]) for start in range(2)]


def _learned_from(explored: Explored, codes: Codes, half: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which points (count,) are among the training examples at some places."""
    points = explored.points
    if points.dataset is not codes.split.dataset:
        return np.zeros(len(points), bool)
    return np.isin(points.index, codes.split.train[half])


def _probe(train: Examples) -> Callable[[Array], Array]:
    """Fit a regression, and return a function from codes (n, D) to its confidence (n,)."""
    centre, scale = moments(train.codes)
    model = fit_logistic(Examples((train.codes - centre) / scale, train.labels))

    def judge(codes: Array) -> Array:
        best: Array = model.predict_proba((codes - centre) / scale).max(1)
        return best

    return judge


def _drawn_rates(explored: Explored) -> Array:
    model, points = explored.model, explored.points
    rates = []
    with evaluating(), forked_random(derive_seed(0, "rates"), model.device):
        for batch in stored_batches(points.dataset, points.index):
            nats = model.code(*to_device(model, batch)).rate
            assert nats is not None  # A posterior is measured against a prior.
            rates.append(nats.cpu())
    return torch.cat(rates).numpy()


def _dims(codes: Array, rates: Array | None) -> tuple[Dim, ...]:
    low, high = np.percentile(codes, [1, 99], axis=0)
    mean, sd = codes.mean(0, dtype=np.float64), codes.std(0, dtype=np.float64)
    # Of plain codes, a dimension is dead where it never changes.
    is_active = np.square(sd) > ACTIVE_VARIANCE if rates is not None else sd > 1e-4 * sd.max()
    nats = [None] * len(mean) if rates is None else rates.mean(0, dtype=np.float64).tolist()
    numbers = zip(low, high, mean, sd, strict=True)
    return tuple(
        Dim(
            **dict(zip(("low", "high", "mean", "sd"), map(_rounded, four), strict=True)),
            rate=None if nat is None else _rounded(nat),
            active=bool(active),
        )
        for four, nat, active in zip(numbers, nats, is_active, strict=True)
    )


def _rounded(value: float) -> float:
    """Return a number with the digits that a page can show."""
    return float(f"{value:.6g}")


def _piece(
    key: str, name: str, values: Array, unit: str, about: str, higher: str = "neither"
) -> Piece:
    score = Score.model_validate(
        {"key": key, "name": name, "unit": unit, "about": about, "higher": higher}
    )
    return Piece({"scores": (score,)}, {f"score/{key}": _floats(values)})


def _floats(values: Array) -> _Floats:
    """Return scores as the page takes them: what is not finite is unknown, NaN."""
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    floats[~np.isfinite(floats)] = np.nan
    return floats
