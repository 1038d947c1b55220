"""Clusters: which examples fall together in codes, found without labels, then held against them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.clusters.clusterers import (
    CLUSTERERS,
    MAX_VALUES,
    NEIGHBOURS,
    PRINCIPAL,
    Clustering,
    choose_number,
)
from latentscape.analyses.clusters.partitions import (
    Clusters,
    confusion,
    majority_labels,
    score_partition,
    silhouette,
)
from latentscape.analyses.clusters.pictures import cluster_pictures
from latentscape.analyses.maps import projections as maps
from latentscape.core.errors import ConfigError, DataError, unknown
from latentscape.core.records import Array, Codes, Findings
from latentscape.core.units import CLUSTERINGS
from latentscape.evaluation.codes import constant
from latentscape.inference.batches import subsample

METHODS = tuple(CLUSTERERS)
"""The names of the ways to cluster."""

_NO_SCORES = "Accuracy, NMI and ARI were left out: "


@dataclass(frozen=True, eq=False)
class _Task:
    """Codes to fit to and to score on."""

    codes: Codes
    fit: str
    seed: int

    @property
    def score(self) -> str:
        """Name the part that is scored."""
        return "all" if self.fit == "all" else "test"

    @cached_property
    def fitted(self) -> Array:
        return self.codes.part(self.fit)

    @cached_property
    def scored(self) -> Array:
        return self.codes.part(self.score)

    @cached_property
    def short(self) -> tuple[Array, Array]:
        """Codes to fit to and to score on, or their principal components where they are long."""
        if self.codes.dim <= PRINCIPAL:
            return self.fitted, self.scored
        from sklearn.decomposition import PCA

        model = PCA(min(PRINCIPAL, *self.fitted.shape), random_state=0).fit(self.fitted)
        return model.transform(self.fitted), model.transform(self.scored)

    def seen(self, method: str) -> tuple[Array, Array]:
        """Return what a method is fitted to, and what it then scores."""
        return (self.fitted, self.scored) if method == "kmeans" else self.short

    def places(self, method: str) -> NDArray[np.int64]:
        """Return which of the codes a method is fitted to."""
        codes, _ = self.seen(method)
        most = min(CLUSTERERS[method].most, MAX_VALUES // codes.shape[1])
        return subsample(np.arange(len(codes)), most)

    def present(self, part: str) -> int:
        """Count the different labels of a part; none without labels."""
        labels = self.codes.labels(part)
        return 0 if labels is None else len(np.unique(labels))

    @property
    def judged(self) -> bool:
        """Whether there are labels to score against."""
        return min(self.present(self.fit), self.present(self.score)) > 1


@dataclass(frozen=True)
class _Number:
    """A number of clusters, why it is that number, and what was tried where it was chosen."""

    k: int
    why: str
    chosen: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False)
class _Found:
    """What a method found: `clusters` of the scored examples, from those at `places`."""

    clustering: Clustering
    places: NDArray[np.int64]
    clusters: Clusters
    seconds: float


def find_clusters(
    codes: Codes,
    *,
    methods: Sequence[str] = METHODS,
    k: int | Literal["auto"] | None = None,
    fit: Literal["train", "all"] = "train",
    seed: int = 0,
) -> Findings:
    """Put codes into clusters without labels, and say how well clusters and labels agree.

    Parameters
    ----------
    codes : Codes
        What to cluster.
    methods : sequence of str
        Some of ``kmeans``, ``gmm``, ``agglomerative`` and ``umap`` (a mixture on a map of UMAP).
    k : int or "auto", optional
        How many clusters. ``auto`` chooses without labels, by the silhouette of K-means, and for
        ``gmm`` by its BIC. By default as many as there are labels, and ``auto`` without labels.
    fit : str
        ``train`` fits to the training part and scores on the test part, ``all`` does both with all
        examples.
    seed : int
        Of all that is drawn.

    Returns
    -------
    Findings
        ``values``: ``name``, ``kind`` and ``dim`` of the codes; ``k`` and how it was ``chosen``, if
        it was (``by`` and ``tried``, pairs of a number and its score); ``fit``, ``n_fit``,
        ``n_scored``, ``protocol``, ``left_out``; and ``methods``, for each of them ``k``, the
        scores of `score_partition` (None without labels), ``majority_labels``, ``silhouette``,
        ``sizes`` among the scored examples, ``n_fit``, ``seconds``; of ``gmm`` also how its own
        ``k`` was ``chosen``. ``arrays``: those of `cluster_pictures`, for K-means.

    Raises
    ------
    ConfigError
        If there is no such method, or `k` or `fit` is not one of these.
    DataError
        If there are fewer examples to fit to than clusters were asked for.
    """
    _check_options(methods, k, fit)
    task = _Task(codes, fit, seed)
    if hindrance := _hindrance(task, k):
        return Findings(_row(task, None, hindrance))
    number = _number(task, k)
    row = _row(task, number, _unjudged(task))
    arrays: dict[str, Array] = {}
    for method in methods:
        own = _chosen(task, "BIC") if method == "gmm" and number.chosen else number
        if missing := _missing(task, method, own.k):
            row["left_out"].append(missing)
            continue
        found = _cluster(task, method, own.k)
        row["left_out"] += _empty(found, method, own.k)
        row["methods"][method] = _result(task, own.k, found)
        if own is not number:
            row["methods"][method]["chosen"] = own.chosen
        if found.clustering.centres is not None:
            arrays = cluster_pictures(codes, task.score, found.clusters, found.clustering.centres)
    return Findings(row, arrays)


def _check_options(methods: Sequence[str], k: int | str | None, fit: str) -> None:
    for method in methods:
        if method not in METHODS:
            raise unknown("way to cluster", method, METHODS, ConfigError)
    if fit not in ("train", "all"):
        raise unknown("part to fit clusters to", fit, ("train", "all"), ConfigError)
    if not (k in (None, "auto") or (isinstance(k, int) and k > 1)):
        raise ConfigError(
            f"The number of clusters is {k!r}",
            expected="2 or more, or 'auto', which chooses it without labels",
        )


def _hindrance(task: _Task, k: int | str | None) -> list[str]:
    """Say why there can be no clusters at all, if so."""
    if collapsed := constant(task.codes):
        return [f"{collapsed}, and there is nothing to cluster."]
    count, present = len(task.fitted), task.present(task.fit)
    if isinstance(k, int) and count < k:
        raise DataError(
            f"There are {count:,} examples to fit {k:,} clusters to",
            expected="at least as many examples as clusters",
            fix="Ask for fewer clusters, or take more examples.",
        )
    fewest = k if isinstance(k, int) else present if k is None and present > 1 else 3
    if count < fewest:
        return [f"Clusters were left out: of {count:,} examples there are too few to fit them to."]
    return []


def _number(task: _Task, k: int | str | None) -> _Number:
    if isinstance(k, int):
        return _Number(k, "as many as were asked for")
    if k is None and task.present(task.fit) > 1:
        return _Number(task.present(task.fit), "as many as there are labels")
    return _chosen(task, "silhouette")


def _chosen(task: _Task, by: str) -> _Number:
    k, tried = choose_number(task.short[0], by, task.seed)
    why = "a number chosen without labels, by the silhouette of K-means (of the mixture: by BIC)"
    return _Number(k, why, {"by": by, "tried": tried})


def _row(task: _Task, number: _Number | None, left_out: list[str]) -> dict[str, Any]:
    return {
        "name": task.codes.name,
        "kind": task.codes.kind,
        "dim": task.codes.dim,
        "k": number and number.k,
        "chosen": number and number.chosen,
        "fit": task.fit,
        "n_fit": len(task.fitted),
        "n_scored": len(task.scored),
        "protocol": _protocol(task, number),
        "left_out": left_out,
        "methods": {},
    }


def _protocol(task: _Task, number: _Number | None) -> str:
    """Say what was fitted to what, and which labels each score uses."""
    count, scored = f"{len(task.fitted):,}", f"{len(task.scored):,}"
    text = (
        f"Fitted to and scored on all {count} examples."
        if task.fit == "all"
        else f"Fitted to at most {count} training examples, scored on {scored} test examples."
    )
    if number:
        text = f"{number.k} clusters, {number.why}. {text}"
    if task.judged:
        text += (
            " Majority: each cluster is called by the commonest label of the examples it was "
            "fitted to. One to one: the labels of the scored examples themselves choose the best "
            "map of clusters to labels."
        )
    return text


def _unjudged(task: _Task) -> list[str]:
    if task.judged:
        return []
    if task.codes.labels("all") is None:
        return [f"{_NO_SCORES}there are no labels."]
    return [f"{_NO_SCORES}there is only one label among the examples to fit to or to score."]


def _missing(task: _Task, method: str, k: int) -> str:
    """Say why a method cannot be used, if so."""
    if method == "umap" and (sentence := maps.missing("umap")):
        return sentence
    codes, places = task.seen(method)[0], task.places(method)
    count, fewest = len(places), max(k, 2)
    if method == "umap":  # Its graph of neighbours says nothing where they are all the same.
        count, fewest = len(np.unique(codes[places], axis=0)), max(k, NEIGHBOURS + 1)
    if count >= fewest:
        return ""
    return (
        f"{CLUSTERINGS[method]} was left out: it needs at least {fewest:,} different examples to "
        f"fit to, and got {count:,}."
    )


def _cluster(task: _Task, method: str, k: int) -> _Found:
    start = time.perf_counter()
    (codes, scored), places = task.seen(method), task.places(method)
    clustering = CLUSTERERS[method].fit(codes[places], k, task.seed)
    clusters, rest = np.empty(len(scored), np.int64), np.ones(len(scored), bool)
    if task.fit == task.score:
        clusters[places], rest[places] = clustering.clusters, False
    if rest.any():
        clusters[rest] = clustering.assign(scored[rest])
    return _Found(clustering, places, clusters, time.perf_counter() - start)


def _empty(found: _Found, method: str, k: int) -> list[str]:
    filled = len(np.unique(found.clustering.clusters))
    if filled == k:
        return []
    return [
        f"{CLUSTERINGS[method]} filled only {filled} of {k} clusters, as happens where many codes "
        "are the same."
    ]


def _result(task: _Task, k: int, found: _Found) -> dict[str, Any]:
    return {
        "k": k,
        **_scores(task, k, found),
        "silhouette": silhouette(task.scored, found.clusters),
        "sizes": np.bincount(found.clusters, minlength=k).tolist(),
        "n_fit": len(found.places),
        "seconds": found.seconds,
    }


def _scores(task: _Task, k: int, found: _Found) -> dict[str, Any]:
    known, labels = task.codes.labels(task.fit), task.codes.labels(task.score)
    if known is None or labels is None or not task.judged:
        nothing = dict.fromkeys(("majority", "hungarian", "nmi", "ari"))
        return {**nothing, "majority_labels": [None] * k, "confusion": []}
    names = task.codes.label_names
    fitted = confusion(found.clustering.clusters, known[found.places], (k, len(names)))
    called = majority_labels(fitted)
    return {
        **score_partition(found.clusters, labels, called, len(names)),
        "majority_labels": [None if label is None else names[label] for label in called],
    }
