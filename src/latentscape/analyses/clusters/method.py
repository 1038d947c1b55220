"""Clusters: which examples fall together in codes, formed without labels, then scored with them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.clusters.clusterers import (
    CLUSTERERS,
    MAX_DIM,
    MAX_VALUES,
    NEIGHBOURS,
    Clustering,
    choose_number,
)
from latentscape.analyses.clusters.partitions import (
    Assignment,
    confusion,
    majority_labels,
    matched_chance,
    score_partition,
    silhouette,
)
from latentscape.analyses.clusters.pictures import cluster_pictures
from latentscape.analyses.clusters.result import (
    METHODS,
    Agreement,
    AgreementScores,
    ClusterPictures,
    Clusters,
    ClusterSettings,
    CodeClusters,
    NumberChoice,
    Partition,
)
from latentscape.analyses.codes import guess_labels
from latentscape.analyses.comparison import Comparison
from latentscape.core.errors import DataError
from latentscape.core.extras import install, load
from latentscape.core.findings import MISSING_PACKAGE, Skip
from latentscape.core.progress import Stage, stage
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Array, Codes
from latentscape.core.subsets import draw_subset
from latentscape.evaluation.codes import is_constant
from latentscape.evaluation.principal import fit_components


@dataclass(frozen=True, eq=False)
class _Task:
    """Codes to fit to and to score on."""

    codes: Codes
    settings: ClusterSettings

    @property
    def fit(self) -> Literal["train", "all"]:
        """Name the part that is fitted to."""
        return self.settings.fit

    @property
    def score(self) -> Literal["test", "all"]:
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
        if self.codes.dim <= MAX_DIM:
            return self.fitted, self.scored
        fitted, (n, dim) = self.fitted, self.fitted.shape
        model = fit_components(lambda places: fitted[places], (n, dim), min(MAX_DIM, n, dim))
        return model.project(fitted), model.project(self.scored)

    def points(self, method: str) -> tuple[Array, Array]:
        """Return what a method is fitted to, and what it then scores."""
        return (self.fitted, self.scored) if CLUSTERERS[method].go_on else self.short

    def places(self, method: str) -> NDArray[np.int64]:
        """Return which of the codes a method is fitted to."""
        codes, _ = self.points(method)
        max_points = min(CLUSTERERS[method].max_points, MAX_VALUES // codes.shape[1])
        return draw_subset(np.arange(len(codes)), None, max_points, self.settings.seed)

    def n_labels(self, part: str) -> int:
        """Count the different labels of a part; none without labels."""
        labels = self.codes.labels(part)
        return 0 if labels is None else len(np.unique(labels))

    @property
    def has_labels(self) -> bool:
        """Whether there are labels to score against."""
        return min(self.n_labels(self.fit), self.n_labels(self.score)) > 1


@dataclass(frozen=True)
class _Number:
    """A number of clusters, and what was tried where it was chosen."""

    k: int
    choice: NumberChoice | None = None


@dataclass(frozen=True, eq=False)
class _Fit:
    """What a method gives: `clusters` of the scored examples, from those at `places`."""

    clustering: Clustering
    places: NDArray[np.int64]
    clusters: Assignment
    seconds: float


def compare_clusters(comparison: Comparison, settings: ClusterSettings) -> Clusters:
    """Cluster all codes of a comparison; see `find_clusters`. Pictures are those of the first."""
    first, key = comparison.rows[0], ("clustering", settings)
    pending = [(codes, m) for codes in comparison.pending(key) for m in settings.methods]
    expected = sum(_seconds(_Task(codes, settings), method) for codes, method in pending)
    with stage("clustering", expected, seconds=expected) as work:
        work.count = len(pending)
        rows = comparison.each(
            key, lambda codes: find_clusters(codes, settings, pictured=codes is first, work=work)
        )
    score: Literal["test", "all"] = "all" if settings.fit == "all" else "test"
    labels, k = first.labels(score), rows[0].k
    return Clusters(
        settings=settings,
        label_names=first.label_names,
        guessing=guess_labels(first.labels(settings.fit), labels),
        matched_chance=None if labels is None or k is None else matched_chance(labels, k),
        rows=rows,
    )


def find_clusters(
    codes: Codes, settings: ClusterSettings, *, pictured: bool = False, work: Stage | None = None
) -> CodeClusters:
    """Put codes into clusters without labels, and measure how well clusters and labels agree.

    Parameters
    ----------
    codes : Codes
        What to cluster.
    settings : ClusterSettings
        How.
    pictured : bool
        Whether to picture the clusters of K-means.
    work : Stage, optional
        Of which each method is a step.

    Raises
    ------
    DataError
        If there are fewer examples to fit to than clusters were asked for.
    """
    task, work = _Task(codes, settings), work or Stage("clustering")
    if obstacle := _obstacle(task):
        return _row(task, None, (), [obstacle])
    number = _number(task)
    partitions, skipped = list[Partition](), _skipped_scores(task)
    for method in settings.methods:
        work.step(f"{METHODS[method]} on {codes.name}", _seconds(task, method))
        own = _choose(task, "BIC") if method == "gmm" and number.choice else number
        if missing := _missing(task, method, own.k):
            skipped.append(missing)
            continue
        fit = _fit(task, method, own.k)
        skipped += _empty_clusters(fit, method, own.k)
        pictures = _pictures(task, fit) if pictured else None
        choice = None if own is number else own.choice
        partitions.append(_partition(task, method, _Number(own.k, choice), fit, pictures))
    return _row(task, number, tuple(partitions), skipped)


def _obstacle(task: _Task) -> Skip | None:
    """Tell why there can be no clusters at all, if so."""
    if is_constant(task.codes):
        detail = {"codes": task.codes.name}
        return Skip(item="Clusters were", reason="same_codes", detail=detail)
    k, count, n_labels = task.settings.k, len(task.fitted), task.n_labels(task.fit)
    if isinstance(k, int) and count < k:
        raise DataError(
            f"There are {count:,} examples to fit {k:,} clusters to",
            expected="at least as many examples as clusters",
            fix="Ask for fewer clusters, or take more examples.",
        )
    least = k if isinstance(k, int) else n_labels if k is None and n_labels > 1 else 3
    if count < least:
        return Skip(item="Clusters were", reason="few_examples", detail={"examples": count})
    return None


def _number(task: _Task) -> _Number:
    k = task.settings.k
    if isinstance(k, int):
        return _Number(k)
    if k is None and task.n_labels(task.fit) > 1:
        return _Number(task.n_labels(task.fit))
    return _choose(task, "silhouette")


def _choose(task: _Task, by: Literal["silhouette", "BIC"]) -> _Number:
    return _Number(*choose_number(task.short[0], by, task.settings.seed))


def _row(
    task: _Task, number: _Number | None, partitions: tuple[Partition, ...], skipped: list[Skip]
) -> CodeClusters:
    return CodeClusters(
        name=task.codes.name,
        kind=task.codes.kind,
        dim=task.codes.dim,
        protocol=Protocol(
            fitted_on=task.fit,
            n_fitted=len(task.fitted),
            scored_on=task.score,
            n_scored=len(task.scored),
            labels="scoring" if task.has_labels else "none",
        ),
        k=number and number.k,
        choice=number and number.choice,
        partitions=partitions,
        skipped=tuple(skipped),
    )


def _skipped_scores(task: _Task) -> list[Skip]:
    """Tell why clusters cannot be scored with labels, if so."""
    if task.has_labels:
        return []
    reason = "no_labels" if task.codes.labels("all") is None else "one_label"
    return [Skip(item="Accuracy, NMI and ARI were", reason=reason)]


def _seconds(task: _Task, method: str) -> float:
    """Return how long a method takes on a machine of two cores, roughly."""
    return CLUSTERERS[method].seconds(len(task.fitted), min(MAX_DIM, task.codes.dim))


def _missing(task: _Task, method: str, k: int) -> Skip | None:
    """Tell why a method cannot be used, if so."""
    if method == "umap" and not _has_umap():
        return Skip(item="UMAP was", reason=MISSING_PACKAGE, detail={"command": install("maps")})
    codes, places = task.points(method)[0], task.places(method)
    count, least = len(places), max(k, 2)
    if method == "umap":  # Its graph of neighbours says nothing where they are all the same.
        count, least = len(np.unique(codes[places], axis=0)), max(k, NEIGHBOURS + 1)
    if count >= least:
        return None
    detail = {"least": least, "examples": count}
    return Skip(item=f"{METHODS[method]} was", reason="few_different_examples", detail=detail)


def _has_umap() -> bool:
    try:
        load("umap")
    except ImportError:
        return False
    return True


def _fit(task: _Task, method: str, k: int, repeat: int = 0) -> _Fit:
    start, seed = time.perf_counter(), task.settings.seed
    seed = derive_seed(seed, "repeat", repeat) if repeat else seed
    scored, places = task.points(method)[1], task.places(method)
    clustering = _formed(task, method, places, k, seed)
    clusters, is_new = np.empty(len(scored), np.int64), np.ones(len(scored), bool)
    if task.fit == task.score:
        clusters[places], is_new[places] = clustering.clusters, False
    if is_new.any():
        clusters[is_new] = clustering.assign(scored[is_new])
    return _Fit(clustering, places, clusters, time.perf_counter() - start)


def _formed(task: _Task, method: str, places: NDArray[np.int64], k: int, seed: int) -> Clustering:
    short, way = task.short[0], CLUSTERERS[method]
    clustering = way.fit(short[places], k, seed)
    if way.go_on is None or short is task.fitted:
        return clustering
    return way.go_on(task.fitted[places], clustering.clusters, k)


def _empty_clusters(fit: _Fit, method: str, k: int) -> list[Skip]:
    filled = len(np.unique(fit.clustering.clusters))
    if filled == k:
        return []
    detail = {"filled": filled, "k": k}
    return [Skip(item=METHODS[method], reason="empty_clusters", detail=detail)]


def _partition(
    task: _Task, method: str, number: _Number, fit: _Fit, pictures: ClusterPictures | None
) -> Partition:
    return Partition(
        method=method,
        k=number.k,
        choice=number.choice,
        sizes=tuple(np.bincount(fit.clusters, minlength=number.k).tolist()),
        silhouette=silhouette(task.scored, fit.clusters),
        n_fitted=len(fit.places),
        seconds=fit.seconds,
        agreement=_agreement(task, number.k, fit),
        repeats=tuple(_repeats(task, method, number.k)),
        pictures=pictures,
    )


def _repeats(task: _Task, method: str, k: int) -> Iterator[AgreementScores]:
    """Yield how well labels agree with the clusters of other seeds."""
    if not task.has_labels:
        return
    for repeat in range(1, CLUSTERERS[method].repeats):
        agreement = _agreement(task, k, _fit(task, method, k, repeat))
        assert agreement is not None
        yield AgreementScores(
            **{name: getattr(agreement, name) for name in AgreementScores.model_fields}
        )


def _agreement(task: _Task, k: int, fit: _Fit) -> Agreement | None:
    known, labels = task.codes.labels(task.fit), task.codes.labels(task.score)
    if known is None or labels is None or not task.has_labels:
        return None
    names = task.codes.label_names
    counts = confusion(fit.clustering.clusters, known[fit.places], (k, len(names)))
    return score_partition(fit.clusters, labels, majority_labels(counts), names)


def _pictures(task: _Task, fit: _Fit) -> ClusterPictures | None:
    """Picture clusters that have centres, which are those of K-means."""
    centres = fit.clustering.centres
    if centres is None:
        return None
    return cluster_pictures(task.codes, task.score, fit.clusters, centres)
