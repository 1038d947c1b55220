"""How clusters were formed and scored, in sentences."""

from collections.abc import Iterator

from latentscape.analyses.clusters.clusterers import (
    MAP_DIM,
    MAP_EPOCHS,
    MAX_DIM,
    NEIGHBOURS,
    RESTARTS,
    SEEDS,
    STARTS,
    STEPS,
    VOTERS,
)
from latentscape.analyses.clusters.partitions import MAX_POINTS
from latentscape.analyses.clusters.result import Clusters, CodeClusters
from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.core.units import count

_KMEANS = (
    f"K-means: the least inertia of {RESTARTS} restarts, of {STEPS} steps at most",
    f"K-means' scores are means over {SEEDS} seeds, ± their standard deviation; pictures and "
    "counts are those of the first",
)

_OTHERS = {
    "gmm": f"Gaussian mixture: the greatest likelihood of {STARTS} starts, with full covariances "
    "where there are enough examples",
    "agglomerative": f"Agglomerative: Ward's linkage on the graph of {NEIGHBOURS} nearest "
    "neighbours. Examples that it was not fitted to take the commonest cluster of their "
    f"{VOTERS} nearest ones",
    "umap": f"UMAP + mixture: a mixture of Gaussians on a map of {MAP_DIM} dimensions "
    f"({NEIGHBOURS} neighbours, minimal distance 0, {MAP_EPOCHS} epochs). Examples that it was not "
    "fitted to are placed on that map",
}


def describe_protocol(result: Clusters) -> list[str]:
    """Say what was fitted to what, and which labels each score uses."""
    sentences = (text for row in result.rows for text in _of_row(row, result))
    return list(dict.fromkeys([*sentences, *_of_methods(result)]))


def _of_methods(result: Clusters) -> Iterator[str]:
    """Say how the methods work that were used."""
    methods = {partition.method for row in result.rows for partition in row.partitions}
    others = [text for method, text in _OTHERS.items() if method in methods]
    yield "Clusters are formed from codes alone. Only their number may be that of the labels"
    yield SENTENCE_ON_INTERVALS
    if "kmeans" in methods:
        yield from _KMEANS
        if others:
            yield "The other methods have one seed"
    yield from others
    yield (
        "Each method says beside its numbers how many examples it was fitted to, drawn at random "
        "where not to all"
    )
    if any(row.dim > MAX_DIM for row in result.rows):
        yield f"Of longer codes the methods see the first {MAX_DIM} principal components"
        if "kmeans" in methods:
            yield "There K-means makes its restarts; it goes on from the best in all dimensions"
    yield (
        f"Silhouettes are those of the codes themselves, over {MAX_POINTS:,} of the scored "
        "examples at most"
    )


def _of_row(row: CodeClusters, result: Clusters) -> Iterator[str]:
    protocol = row.protocol
    fitted, scored = count(protocol.n_fitted), count(protocol.n_scored)
    if row.k is not None:
        yield f"{row.k} clusters, {_why(row, result)}"
    if protocol.fitted_on == "all":
        yield f"Fitted to and scored on all {fitted} examples"
    else:
        yield f"Fitted to at most {fitted} training examples, scored on {scored} test examples"
    if protocol.labels == "scoring":
        yield (
            "Majority: each cluster is called by the commonest label of the examples it was fitted "
            "to"
        )
        yield (
            "One to one: the labels of the scored examples themselves choose the best map of "
            "clusters to labels"
        )
    if result.matched_chance is not None:
        yield (
            "Chance there is what random clusters reach, whose map is chosen in the same way: more "
            "than one label in so many, because few examples agree with some map by luck"
        )


def _why(row: CodeClusters, result: Clusters) -> str:
    """Say why there are so many clusters."""
    if row.choice:
        return (
            "a number chosen without labels, by the silhouette of K-means (of the mixture: by BIC)"
        )
    is_asked = isinstance(result.settings.k, int)
    return "as many as were asked for" if is_asked else "as many as there are labels"
