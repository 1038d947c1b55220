"""The numbers of clusters that codes are compared by."""

from latentscape.core.metrics import Metric

KMEANS_ACCURACY = Metric(
    "kmeans_accuracy",
    "K-means accuracy",
    "majority",
    higher_is_better=True,
    is_share=True,
    rank=0,
    about="Share of examples whose label is the commonest one of their cluster. Several clusters "
    "may share a label.",
)
_KMEANS_HUNGARIAN = Metric(
    "kmeans_hungarian",
    "K-means accuracy",
    "one to one",
    higher_is_better=True,
    is_share=True,
    rank=3,
    about="Share of examples that are right under the best one-to-one map of clusters to labels.",
)
_GMM_HUNGARIAN = Metric(
    "gmm_hungarian",
    "Mixture accuracy",
    "one to one",
    higher_is_better=True,
    is_share=True,
    about="The same for the clusters of a mixture of Gaussians.",
)
_AGGLOMERATIVE_HUNGARIAN = Metric(
    "agglomerative_hungarian",
    "Agglomerative accuracy",
    "one to one",
    higher_is_better=True,
    is_share=True,
    about="The same for clusters that were merged by Ward's linkage.",
)
_UMAP_HUNGARIAN = Metric(
    "umap_hungarian",
    "UMAP + mixture accuracy",
    "one to one",
    higher_is_better=True,
    is_share=True,
    rank=1,
    about="The same for the clusters of a mixture of Gaussians on a map of UMAP.",
)
_KMEANS_NMI = Metric(
    "kmeans_nmi",
    "K-means NMI",
    higher_is_better=True,
    digits=3,
    rank=5,
    about="Mutual information of clusters and labels over the mean of their entropies, 0 to 1.",
)
_KMEANS_ARI = Metric(
    "kmeans_ari",
    "K-means ARI",
    higher_is_better=True,
    digits=3,
    about="Rand index of clusters and labels, adjusted for chance: 0 is chance, 1 is perfect.",
)

SCORES: dict[Metric, tuple[str, str]] = {
    KMEANS_ACCURACY: ("kmeans", "majority"),
    _KMEANS_HUNGARIAN: ("kmeans", "hungarian"),
    _GMM_HUNGARIAN: ("gmm", "hungarian"),
    _AGGLOMERATIVE_HUNGARIAN: ("agglomerative", "hungarian"),
    _UMAP_HUNGARIAN: ("umap", "hungarian"),
    _KMEANS_NMI: ("kmeans", "nmi"),
    _KMEANS_ARI: ("kmeans", "ari"),
}
"""Each metric, in the order of tables: the method, and which agreement of it."""

AGREEMENTS = {
    "majority": KMEANS_ACCURACY,
    "hungarian": _KMEANS_HUNGARIAN,
    "nmi": _KMEANS_NMI,
    "ari": _KMEANS_ARI,
}
"""How each field of `AgreementScores` is written, whichever the method."""
