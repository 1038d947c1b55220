"""Clusters, probes and anomalies of version 0.1.0, read as today's parts."""

from pathlib import Path

import numpy as np
import pytest

from latentscape.analyses.anomalies import ANALYSIS as ANOMALIES
from latentscape.analyses.clusters import ANALYSIS as CLUSTERS
from latentscape.analyses.clusters.metrics import AGREEMENTS
from latentscape.analyses.notes import skip_sentences
from latentscape.analyses.probes import ANALYSIS as PROBES
from latentscape.core.errors import RunError
from latentscape.runs.legacy import LegacyFindings, legacy_part

DATA = {
    "label_names": ["ring", "bar"],
    "train_labels": {"ring": 9, "bar": 0},
    "sizes": {"train": 9, "validation": 3, "test": 4},
}
CODE = {"name": "m", "kind": "model", "dim": 2, "left_out": []}


def part(analysis, values, **arrays):
    """Read a part of findings of version 0.1.0."""
    whole = {"data": DATA, analysis.name: values}
    return legacy_part(LegacyFindings(Path("findings.json"), whole, arrays), analysis.result)


def sentences(analysis, result):
    return skip_sentences(analysis, result)


@pytest.mark.parametrize("analysis", [CLUSTERS, PROBES, ANOMALIES])
def test_what_was_not_measured_is_missing(analysis):
    findings = LegacyFindings(Path("findings.json"), {"data": DATA}, {})
    assert legacy_part(findings, analysis.result) is None


def clustering(**row):
    method = {
        "k": 2,
        "majority": 0.75,
        "hungarian": 0.5,
        "nmi": 0.25,
        "ari": 0.125,
        "confusion": [[2, 1], [1, 0]],
        "majority_labels": ["ring", None],
        "silhouette": 0.5,
        "sizes": [3, 1],
        "n_fit": 9,
        "seconds": 0.25,
    }
    protocol = "2 clusters, as many as there are labels. One to one: the labels choose."
    rest = {"k": 2, "chosen": None, "fit": "train", "n_fit": 9, "n_scored": 4, "protocol": protocol}
    first = {**CODE, **rest, "methods": {"kmeans": method}, **row}
    settings = {"methods": ["kmeans"], "k": None, "fit": "train", "seed": 0}
    return {"protocol": "K-means.", "rows": [first], "settings": settings}


PICTURES = {
    "cluster_of_codes": np.array([0, 0, 1, 0]),
    "cluster_means": np.zeros((2, 1, 4, 4), np.float32),
    "cluster_nearest": np.zeros((2, 8, 1, 4, 4), np.float32),
    "cluster_farthest": np.zeros((2, 8, 1, 4, 4), np.float32),
}


def test_clusters():
    result = part(CLUSTERS, clustering(), **PICTURES)
    assert (result.settings.methods, result.label_names) == (("kmeans",), ("ring", "bar"))
    (row,) = result.rows
    protocol = row.protocol
    assert (protocol.n_fitted, protocol.scored_on, protocol.n_scored) == (9, "test", 4)
    assert protocol.labels == "scoring"
    assert [result.kmeans.statistic(name).mean for name in AGREEMENTS] == [0.75, 0.5, 0.25, 0.125]
    assert result.kmeans.names == ("ring", "#2")
    assert result.kmeans.pictures.test_clusters is PICTURES["cluster_of_codes"]
    assert result.kmeans.pictures.nearest is PICTURES["cluster_nearest"]


def test_a_number_of_clusters_that_was_chosen():
    choice = {"by": "silhouette", "tried": [[2, 0.5], [3, 0.25]]}
    result = part(CLUSTERS, clustering(chosen=choice))
    assert result.rows[0].choice.tried == ((2, 0.5), (3, 0.25))


def test_reasons_are_found_in_sentences():
    texts = [
        "UMAP was left out: install it with: pip install 'latentscape[maps]'",
        "Accuracy, NMI and ARI were left out: there is only one label among the examples to fit to "
        "or to score.",
        "K-means filled only 3 of 6 clusters, as happens where many codes are the same.",
        "Gaussian mixture was left out: it needs at least 1,021 different examples to fit to, and "
        "got 6.",
        "Clusters were left out: of 2 examples there are too few to fit them to.",
        "Something that nobody knows any more",
    ]
    result = part(CLUSTERS, clustering(left_out=texts))
    assert sentences(CLUSTERS, result) == [f"{text.rstrip('.')}." for text in texts]
    reasons = [skip.reason for skip in result.skips()]
    assert reasons[0] == "missing_package"
    assert reasons[-1] == "note"
    assert reasons.count("note") == 1
    assert result.skips()[3].detail == {"least": 1021, "examples": 6}


def test_a_code_that_had_collapsed():
    text = "The codes of m are all the same: the encoder has collapsed, and there is nothing to "
    result = part(CLUSTERS, clustering(left_out=[f"{text}cluster."], methods={}, k=None))
    assert sentences(CLUSTERS, result) == [
        "Clusters were left out: the codes of m are all the same, the encoder has collapsed."
    ]


def probing(**row):
    accuracy = {"mean": 0.5, "sd": 0.25, "n": 3}
    settings = {"epochs": 60, "kept": [58, 60, 2]}
    point = {"epoch": 2, "train_loss": 0.5, "train_accuracy": 0.75}
    point |= {"validation_loss": None, "validation_accuracy": None}
    first = {
        **CODE,
        "n_train": 9,
        "n_validation": 0,
        "n_test": 4,
        "protocol": "Classifiers learn.",
        "results": {"mlp": [{"labels": 9, "draws": 1, "accuracy": accuracy, "settings": settings}]},
        "curves": [point],
        **row,
    }
    settings = {"probes": ["mlp"], "counts": [10], "draws": 5, "seed": 0}
    return {"protocol": "Classifiers learn.", "rows": [first], "settings": settings}


def test_probes():
    result = part(PROBES, probing())
    (row,) = result.rows
    assert (row.protocol.selected_on, row.protocol.n_fitted) == (None, 9)
    (score,) = row.scores_of("mlp")
    assert (score.accuracy.mean, score.accuracy.sd, score.accuracy.n) == (0.5, 0.25, 3)
    assert score.choices == {"epochs": 60, "best_epochs": (58, 60, 2)}
    (point,) = row.curves
    assert (point.train.loss, point.train.accuracy, point.validation) == (0.5, 0.75, None)


def test_reasons_of_probes_are_found_in_sentences():
    texts = [
        "Probes were left out: the data have no labels.",
        "Probes were left out: all training examples have the same label.",
        "40 and 1,000 labels were left out: the training part has 40 examples in all.",
        "2 labels cannot show each of the 3 classes, and a class that is not shown is never seen.",
        "2 of 10 test examples have a label that no training example has: each counts as an error.",
    ]
    result = part(PROBES, probing(left_out=texts))
    assert sentences(PROBES, result) == texts
    assert "note" not in {skip.reason for skip in result.skips()}


def anomalies(**changes):
    return {
        "normal": ["ring"],
        "data": "toy",
        "n_reference": 9,
        "n": 4,
        "n_anomalous": 2,
        "protocol": "Higher is more anomalous: by the mean distance to the 5 nearest of their "
        "codes. The rank average takes ranks among the scores of the 9 train examples. Baselines "
        "do the same.",
        "left_out": [],
        "label_names": ["ring", "bar"],
        "scores": {"reconstruction": {"auroc": 0.75}, "rank_average": {"auroc": 1.0}},
        "baselines": {"pixel_knn": {"auroc": 0.5}},
        "settings": {"normal": None},
        **changes,
    }


SCORED = {
    "anomaly_index": np.array([9, 10, 11, 12]),
    "anomaly_labels": np.array([0, 1, -1, 1]),
    "anomaly_scores": np.arange(12, dtype=np.float32).reshape(4, 3),
} | {
    f"anomalies_{which}": np.zeros((4, 1, 4, 4), np.float32)
    for which in ("most", "least", "most_reconstructions", "least_reconstructions")
}


def test_anomalies():
    result = part(ANOMALIES, anomalies(), **SCORED)
    assert (result.normal, result.settings.normal, result.neighbours) == (("ring",), None, 5)
    assert (result.ranked_among, result.n_ranked) == ("train", 9)
    assert result.reference_labels == ("ring",)
    assert result.scores["rank_average"].values.tolist() == [1, 4, 7, 10]
    assert result.baselines["pixel_knn"].values.tolist() == [2, 5, 8, 11]
    assert result.auroc("pixel_knn") == 0.5


def test_reasons_of_anomalies_are_found_in_sentences():
    texts = [
        "AUROC was left out: no labels were named as the normal ones",
        "AUROC was left out: floats has no labels",
        "AUROC was left out: all 30 examples are normal",
        "latent_knn was left out: it needs 1000 training examples, and there are 40",
    ]
    result = part(ANOMALIES, anomalies(left_out=texts), **SCORED)
    known = [f"{text.replace('1000', '1,000')}." for text in texts]
    assert sentences(ANOMALIES, result) == known
    assert "note" not in {skip.reason for skip in result.skips()}
    text = "The codes of m are all the same: the encoder has collapsed, so latent_knn and "
    result = part(ANOMALIES, anomalies(left_out=[f"{text}mahalanobis were left out"]), **SCORED)
    assert result.skips()[0].item == "latent_knn and mahalanobis were"


@pytest.mark.parametrize(
    ("analysis", "values", "words"),
    [
        (CLUSTERS, clustering(n_scored=3), "sizes do not add up"),
        (PROBES, probing(n_train="many"), "n_fitted"),
        (ANOMALIES, anomalies(n_reference=None), "n_fitted"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_field(analysis, values, words):
    arrays = SCORED if analysis is ANOMALIES else {}
    with pytest.raises(RunError, match=rf"findings.json is damaged.*{words}.*latentscape analyze"):
        part(analysis, values, **arrays)
