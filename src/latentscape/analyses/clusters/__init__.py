"""Clusters: what falls together in codes when nobody says what belongs together."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis, QuickLook
from latentscape.analyses.clusters.metrics import KMEANS_ACCURACY, SCORES
from latentscape.analyses.clusters.result import (
    ClusterInputs,
    Clusters,
    ClusterSettings,
    CodeClusters,
)
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.evaluation.study import CodeScores

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject
    from latentscape.runs import RunFindings


class ClusterAnalysis(Analysis[Clusters, ClusterSettings, ClusterInputs]):
    """Puts codes into clusters without labels, and scores the clusters with them."""

    title = "Clusters"
    result, settings, inputs = Clusters, ClusterSettings, ClusterInputs
    quick_look = QuickLook(
        ClusterSettings(methods=("kmeans",)),
        "Gaussian mixtures, agglomerative clustering and UMAP were",
    )
    seconds = 22
    metrics = tuple(SCORES)
    card = "scores"
    skip_reasons = {
        "few_examples": "{item} left out: of {examples} examples there are too few to fit them to",
        "one_label": "{item} left out: there is only one label among the examples to fit to or to "
        "score",
        "few_different_examples": "{item} left out: it needs at least {least} different examples "
        "to fit to, and got {examples}",
        "empty_clusters": "{item} filled only {filled} of {k} clusters, as happens where many "
        "codes are the same",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: ClusterSettings,
        inputs: ClusterInputs,
    ) -> Clusters:
        """Cluster all codes."""
        from latentscape.analyses.clusters.method import compare_clusters

        return compare_clusters(comparison, settings)

    def protocol(self, result: Clusters) -> Sequence[str]:
        """Say what was fitted to what, and which labels each score uses."""
        from latentscape.analyses.clusters.sentences import describe_protocol

        return describe_protocol(result)

    def scores(self, result: Clusters) -> Iterator[CodeScores]:
        """Yield how well the clusters of each code match labels."""
        for row in result.rows:
            yield CodeScores.of(row.name, row.kind, _scores(row))
        known = {key for row in result.rows for key in _scores(row)}
        fields = {m.key: name for m, (_, name) in SCORES.items() if m.is_share and m.key in known}
        for name, guess in result.guesses.items():
            scores = {key: Statistic(mean=guess[field]) for key, field in fields.items()}
            yield CodeScores.of(name, "guess", scores)

    def n_scored(self, result: Clusters) -> int:
        """Return the number of scored examples."""
        return result.rows[0].protocol.n_scored

    def not_customary(self, result: Clusters, run: "RunFindings") -> Sequence[Metric]:
        """Return K-means' accuracy unless there are as many clusters as labels: more are purer."""
        settings = result.settings
        is_customary = settings.k is None and settings.fit == "train"
        return () if is_customary else (KMEANS_ACCURACY,)

    def section(self, subject: "Subject") -> "Section | None":
        """Show what the clusters of each pictured model hold."""
        from latentscape.analyses.clusters.section import section

        return section(self, subject)

    def print_table(self, result: Clusters) -> None:
        """Print how well the clusters of each code match labels."""
        from latentscape.analyses.clusters.table import print_clusters

        print_clusters(self, result)


def _scores(row: CodeClusters) -> dict[str, Statistic]:
    partitions = {
        metric: (row.partition(method), name) for metric, (method, name) in SCORES.items()
    }
    statistics = {
        metric.key: partition.statistic(name)
        for metric, (partition, name) in partitions.items()
        if partition
    }
    return {key: statistic for key, statistic in statistics.items() if statistic is not None}


ANALYSIS = ClusterAnalysis()
