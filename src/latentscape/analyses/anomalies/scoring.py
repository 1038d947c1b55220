"""Anomaly scores: how unlike the training examples an image is, to a model and to plain pixels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.anomalies.result import BASELINE_OF, FALSE_ALARMS
from latentscape.analyses.anomalies.result import SCORES as SCORE_NAMES
from latentscape.core.errors import DataError
from latentscape.core.findings import Skip
from latentscape.core.progress import stage
from latentscape.core.records import Array, Codes, Split
from latentscape.core.subsets import max_examples
from latentscape.evaluation.baselines import pca
from latentscape.evaluation.codes import count_not_finite, is_constant, model_codes, pixel_codes
from latentscape.evaluation.principal import Components, fit_components
from latentscape.evaluation.reconstruction import measure_errors
from latentscape.inference.codec import Reconstruct, encode, reconstruct_with
from latentscape.model import Network

SCORES, BASELINES = tuple(SCORE_NAMES), tuple(BASELINE_OF.values())
"""Keys of the scores of a model, and of the same scores without one."""

NEIGHBOURS = 5

MIN_HELD_OUT = 20
"""Validation examples from which on ranks are taken among them."""

MAX_COMPONENTS, VARIANCE = 100, 0.95
"""Longer codes are projected to so many principal components at most, that hold so much of it."""

_Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AnomalyScores:
    """How anomalous images are.

    Attributes
    ----------
    scores : dict of str to ndarray of float64
        (n,) of each kind of score; higher is more anomalous.
    ranked_among : str
        The part among whose scores ranks were taken, ``validation`` or ``train``.
    thresholds : dict of str to float
        By kind of score. At most the allowed share of false alarms in that part scores higher.
    skipped : tuple of Skip
        What could not be scored, and why.
    """

    scores: dict[str, _Scores]
    ranked_among: Literal["validation", "train"]
    thresholds: dict[str, float]
    skipped: tuple[Skip, ...] = ()


class NeighbourDistance:
    """The mean Euclidean distance of codes to the nearest of some training codes.

    Parameters
    ----------
    train : ndarray of float32
        (m, D), all of which are searched.
    count : int
        How many of the nearest ones count.
    """

    def __init__(self, train: Array, count: int = NEIGHBOURS) -> None:
        from sklearn.neighbors import NearestNeighbors

        self.count, self._train = count, train
        # Compared with all of them, in chunks: exact, and no slower than trees in many dimensions.
        self._search: Any = NearestNeighbors(algorithm="brute").fit(train)

    def __call__(self, codes: Array, skip: int = 0) -> _Scores:
        """Return the distances (n,) of codes (n, D), without so many of the nearest ones."""
        distances: _Scores = self._search.kneighbors(codes, self.count + skip)[0]
        means: _Scores = distances[:, skip:].mean(1)
        return means

    def among_others(self, codes: Array) -> _Scores:
        """Return the distances (n,) of codes (n, D), without a training code that is the same.

        So an example that was trained on is no neighbour of its own.
        """
        distances, places = self._search.kneighbors(codes, self.count + 1)
        same = (self._train[places] == codes[:, np.newaxis]).all(-1)
        # The first that is the same, or else the farthest.
        excluded = np.where(same.any(1), same.argmax(1), self.count)
        distances[np.arange(len(codes)), excluded] = 0
        means: _Scores = distances.sum(1) / self.count
        return means


class MahalanobisDistance:
    """The distance of codes to the mean of training codes under their covariance.

    The covariance is shrunk as in Ledoit and Wolf (2004). Codes of more than 100 numbers are
    projected first, to at most 100 principal components that hold 95 % of the variance.

    Parameters
    ----------
    train : ndarray of float32
        (m, D).
    """

    def __init__(self, train: Array) -> None:
        from sklearn.covariance import LedoitWolf

        self._pca: Components | None = None
        n, dim = train.shape
        if dim > MAX_COMPONENTS:
            count = min(MAX_COMPONENTS, n, dim)
            self._pca = fit_components(lambda places: train[places], (n, dim), count)
            held = np.cumsum(self._pca.shares)
            self._components = int(np.searchsorted(held, VARIANCE)) + 1
        self._model: Any = LedoitWolf().fit(self._projected(train))

    def __call__(self, codes: Array) -> _Scores:
        """Return the distances (n,) of codes (n, D)."""
        distances: _Scores = np.sqrt(self._model.mahalanobis(self._projected(codes)))
        return distances

    @property
    def moments(self) -> tuple[_Scores, _Scores] | None:
        """Mean (D,) and inverse covariance (D, D); None where codes are projected first."""
        return None if self._pca is not None else (self._model.location_, self._model.precision_)

    def _projected(self, codes: Array) -> _Scores:
        if self._pca is not None:
            codes = self._pca.project(codes)[:, : self._components]
        return codes.astype(np.float64)


@stage("scores", detail="of the model")
def score_anomalies(
    model: Network,
    split: Split,
    scored: Split,
    *,
    codes: Codes | None = None,
    neighbours: int = NEIGHBOURS,
    false_alarms: float = FALSE_ALARMS,
) -> AnomalyScores:
    """Score images by how unlike the training examples a model finds them.

    The rank average brings scores of different units together. A score's rank is the share of
    *validation* examples with a lower one (ties count half), not of the images scored: so an
    image's score does not depend on what else is scored, and a single image can be. Training
    examples would set the bar too low, since the model knows them; they are ranked among only where
    there are fewer than 20 validation examples. Beyond the highest score ranked among, where all
    shares are 1, the rank is how many times that highest the score is, so that clear anomalies are
    still told apart.

    Parameters
    ----------
    model : Network
        A trained model, evaluating.
    split : Split
        What it was trained on; the training examples are the reference.
    scored : Split
        The examples to score are its test part, stored as those of the split are. A model that is
        conditioned on labels needs theirs; no other looks at them.
    codes : Codes, optional
        Those of the split, where it was encoded before.
    neighbours : int
        How many of the nearest training codes count.
    false_alarms : float
        Share of the examples that ranks are taken among which thresholds may call anomalous.

    Returns
    -------
    AnomalyScores
        ``reconstruction``, the squared error per pixel; ``latent_knn``, the mean Euclidean distance
        to the nearest training codes, all of which are searched; ``mahalanobis``, the distance to
        the mean of the training codes under their covariance, shrunk as in Ledoit and Wolf (2004);
        ``rank_average`` over those that there are.

    Raises
    ------
    DataError
        If the images have another shape or values that are not finite, or what the model makes of
        them is not finite.
    ConfigError
        If the model needs labels and there are none.
    """
    _check_shape(scored, split)
    codes = codes or model_codes(model, split, "this model")
    pieces = ((piece, encode(model, piece.dataset, piece.test)) for piece in _pieces(scored))
    return score_codes(SCORES, codes, pieces, reconstruct_with(model), neighbours, false_alarms)


@stage("scores", detail="of the baselines")
def score_baselines(
    split: Split,
    scored: Split,
    components: int,
    *,
    pixels: Codes | None = None,
    linear: Reconstruct | None = None,
    neighbours: int = NEIGHBOURS,
    false_alarms: float = FALSE_ALARMS,
) -> AnomalyScores:
    """Score images as `score_anomalies` does, without a model.

    Parameters
    ----------
    split, scored, neighbours, false_alarms
        As for `score_anomalies`.
    components : int
        How many principal components reconstruct: as many as a code has numbers.
    pixels : Codes, optional
        Those of the split.
    linear : callable, optional
        What reconstructs from these components, where they were fitted before.

    Returns
    -------
    AnomalyScores
        ``pca_reconstruction``; ``pixel_knn``; ``pixel_mahalanobis``, in the space of the principal
        components that hold 95 % of the variance, 100 at most; ``pixel_rank_average``.

    Raises
    ------
    DataError
        As for `score_anomalies`.
    """
    _check_shape(scored, split)
    pieces = ((piece, pixel_codes(piece).test) for piece in _pieces(scored))
    pixels, linear = pixels or pixel_codes(split), linear or pca(split, components)[0]
    return score_codes(BASELINES, pixels, pieces, linear, neighbours, false_alarms)


def _check_shape(scored: Split, split: Split) -> None:
    """Refuse examples of another shape than those trained on, and none at all."""
    shape, count = scored.dataset.shape, len(scored.test)
    if shape != split.dataset.shape or not count:
        wanted = ", ".join(map(str, split.dataset.shape))
        raise DataError(
            f"The images to score are an array of shape {(count, *shape)}",
            expected=f"one of shape (n, {wanted}), as those trained on",
        )


def _pieces(scored: Split) -> Iterator[Split]:
    """Cut a test part into pieces whose codes may be in memory at once."""
    none, size = scored.train[:0], max_examples(scored.dataset.shape)
    for start in range(0, len(scored.test), size):
        piece = scored.test[start : start + size]
        yield replace(scored, train=none, validation=none, test=piece)


def score_codes(
    keys: Sequence[str],
    codes: Codes,
    scored: Iterable[tuple[Split, Array]],
    reconstruct: Reconstruct,
    neighbours: int = NEIGHBOURS,
    false_alarms: float = FALSE_ALARMS,
    *,
    may_be_trained_on: bool = False,
) -> AnomalyScores:
    """Compute every score that there can be: errors, two distances, and the average of ranks.

    Parameters
    ----------
    keys : sequence of str
        What they are called: `SCORES` or `BASELINES`.
    codes : Codes
        Of the examples that the model was trained on, and is validated on.
    scored : iterable of (Split, ndarray of float32)
        The examples to score, as test parts, and the codes (n, D) of each.
    reconstruct : callable
        From stored images to mean images.
    neighbours, false_alarms : int, float
        As for `score_anomalies`.
    may_be_trained_on : bool
        Some of the scored are training examples. None of these is a neighbour of its own then.
    """
    error, knn, mahalanobis, rank_average = keys
    part: Literal["validation", "train"] = (
        "validation" if len(codes.validation) >= MIN_HELD_OUT else "train"
    )
    own, skip = codes.part(part), int(part == "train")  # An example is no neighbour of its own.
    for values in (codes.train, own):
        _check_finite(values, f"codes of {codes.name}")
    excluded, skipped = _exclude(keys, codes, neighbours + max(skip, int(may_be_trained_on)))
    known = {error: _errors(reconstruct, replace(codes.split, test=codes.index(part)))}
    distances = dict[str, Callable[[Array], _Scores]]()
    if knn not in excluded:
        nearest = NeighbourDistance(codes.train, neighbours)
        distances[knn] = nearest.among_others if may_be_trained_on else nearest
        known[knn] = nearest(own, skip)
    if mahalanobis not in excluded:
        distances[mahalanobis] = MahalanobisDistance(codes.train)
        known[mahalanobis] = distances[mahalanobis](own)
    scores = dict[str, list[_Scores]]()
    for split, points in scored:
        _check_finite(points, f"codes of {codes.name}")
        scores.setdefault(error, []).append(_errors(reconstruct, split))
        for key, distance in distances.items():
            scores.setdefault(key, []).append(distance(points))
    whole = {key: np.concatenate(pieces) for key, pieces in scores.items()}
    ranks = ([_rank(known[key], of[key]) for key in whole] for of in (known, whole))
    known[rank_average], whole[rank_average] = (np.mean(of, axis=0) for of in ranks)
    thresholds = {key: _threshold(known[key], false_alarms) for key in whole}
    return AnomalyScores(whole, part, thresholds, skipped)


def _threshold(known: _Scores, false_alarms: float) -> float:
    """Return the smallest known score that no more than a share of the others exceed."""
    return float(np.quantile(known, 1 - false_alarms, method="higher"))


def _exclude(
    keys: Sequence[str], codes: Codes, least: int
) -> tuple[tuple[str, ...], tuple[Skip, ...]]:
    """Return the keys of scores that codes cannot have, and why."""
    _, knn, mahalanobis, _ = keys
    if is_constant(codes):
        item, detail = f"{knn} and {mahalanobis} were", {"codes": codes.name}
        return (knn, mahalanobis), (Skip(item=item, reason="same_codes", detail=detail),)
    if len(codes.train) < least:
        counts = {"least": least, "examples": len(codes.train)}
        return (knn,), (Skip(item=f"{knn} was", reason="few_examples", detail=counts),)
    return (), ()


def _errors(reconstruct: Reconstruct, split: Split) -> _Scores:
    """Return the squared errors per pixel of the test part."""
    errors = measure_errors(reconstruct, split)
    _check_finite(errors.squared_error, "reconstructions")
    return errors.squared_error / errors.pixels


def _rank(known: _Scores, scores: _Scores) -> _Scores:
    """Return the share of known scores below; beyond them all, the multiple of the highest."""
    known = np.sort(known)
    below, up_to = (np.searchsorted(known, scores, side) for side in ("left", "right"))
    highest = max(known[-1], np.finfo(np.float32).tiny)
    return np.where(scores > highest, scores / highest, (below + up_to) / 2 / len(known))


def _check_finite(values: Array, item: str) -> None:
    if bad := count_not_finite(values):
        raise DataError(
            f"{bad:,} of {len(values):,} {item} are not finite (NaN or infinity)",
            fix="Look for a model that diverged, and train it again.",
        )
