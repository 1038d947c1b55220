"""What settings are chosen by: scores on validation images, never on test images.

They use the labels of validation images. So settings that are chosen by them are not chosen without
labels, and pages say so.
"""

from collections.abc import Sequence
from pathlib import Path

from sklearn.cluster import KMeans
from sklearn.metrics.cluster import contingency_matrix
from sklearn.neighbors import KNeighborsClassifier

from latentscape import compare_codes
from latentscape.analyses.clusters.partitions import hungarian_accuracy
from tools.evidence.records import Evidence, ResultRow

NEIGHBOURS, CLUSTERS, STARTS = 5, 10, 10
KNN, KMEANS = "validation_knn_accuracy", "validation_kmeans_hungarian"


def validation_scores(run: Path) -> dict[str, float]:
    """Score the codes of a run's validation images, by what is fitted to its training images.

    Returns
    -------
    dict of str to float
        Shares of the validation images: `KNN`, those that the vote of the nearest training codes
        names rightly; `KMEANS`, those that are right under the best one-to-one map of clusters to
        labels.
    """
    codes = compare_codes(run).rows[0]
    labels = codes.labels("validation")
    classifier = KNeighborsClassifier(NEIGHBOURS).fit(codes.train, codes.labels("train"))
    clusters = KMeans(CLUSTERS, n_init=STARTS, random_state=0).fit(codes.train)
    table = contingency_matrix(clusters.predict(codes.validation), labels)
    return {
        KNN: float(classifier.score(codes.validation, labels)),
        KMEANS: hungarian_accuracy(table),
    }


def chosen(evidence: Evidence, key: str) -> ResultRow:
    """Return the model with the highest mean score on validation images."""
    rows: Sequence[ResultRow] = [row for row in evidence.rows if row.kind == "model"]
    return max(rows, key=lambda row: row.statistic(key).mean)
