"""The numbers of probes that codes are compared by."""

from latentscape.core.metrics import Metric

_KNN = Metric(
    "knn_accuracy",
    "k-NN accuracy",
    "all labels",
    higher_is_better=True,
    is_share=True,
    rank=2,
    about="Share of test examples that the vote of the nearest training codes names rightly.",
)
_LOGISTIC = Metric(
    "logistic_accuracy",
    "Logistic accuracy",
    "all labels",
    higher_is_better=True,
    is_share=True,
    about="Share of test examples that logistic regression on frozen codes names rightly.",
)
PROBE_ACCURACY = Metric(
    "probe_accuracy",
    "MLP probe accuracy",
    "all labels",
    higher_is_better=True,
    is_share=True,
    rank=0,
    about="Share of test examples that a perceptron on frozen codes names rightly.",
)

SCORES = {_KNN: "knn", _LOGISTIC: "logistic", PROBE_ACCURACY: "mlp"}
"""Each metric, in the order of tables: the key of its probe."""
