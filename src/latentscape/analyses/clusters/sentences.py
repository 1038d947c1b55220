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

_METHODS = (
    "Clusters are formed from codes alone. Only their number may be that of the labels",
    SENTENCE_ON_INTERVALS,
    f"K-means: the least inertia of {RESTARTS} restarts, of {STEPS} steps at most",
    f"K-means' scores are means over {SEEDS} seeds, ± their standard deviation; pictures and "
    "counts are those of the first. The other methods have one seed",
    f"Gaussian mixture: the greatest likelihood of {STARTS} starts, with full covariances where "
    "there are enough examples",
    f"Agglomerative: Ward's linkage on the graph of {NEIGHBOURS} nearest neighbours. Examples that "
    f"it was not fitted to take the commonest cluster of their {VOTERS} nearest ones",
    f"UMAP + mixture: such a mixture on a map of {MAP_DIM} dimensions ({NEIGHBOURS} neighbours, "
    f"minimal distance 0, {MAP_EPOCHS} epochs). Examples that it was not fitted to are placed on "
    "that map",
    "Each method says beside its numbers how many examples it was fitted to, drawn at random where "
    "not to all",
    f"Of longer codes the methods see the first {MAX_DIM} principal components. There K-means "
    "makes its restarts; it goes on from the best of them in all dimensions",
    f"Silhouettes are those of the codes themselves, over {MAX_POINTS:,} of the scored examples at "
    "most",
)


def describe_protocol(result: Clusters) -> list[str]:
    """Say what was fitted to what, and which labels each score uses."""
    sentences = (text for row in result.rows for text in _of_row(row, result))
    return list(dict.fromkeys([*sentences, *_METHODS]))


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
