"""Clusters of codes: found without labels, scored with them, pictured."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from latentscape.analyses.clusters import clusterers
from latentscape.analyses.clusters.clusterers import CLUSTERERS, choose_number, k_means
from latentscape.analyses.clusters.method import METHODS, find_clusters
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Codes, Dataset, Split
from latentscape.evaluation.codes import pca_codes, pixel_codes

NAMES = ("ant", "bee", "cat", "dog")
SCORES = ("majority", "hungarian", "nmi", "ari")
QUICK = ("kmeans", "gmm", "agglomerative")


def coded(points, labels=None, train=None, shape=(1, 2, 2)):
    """Codes made elsewhere; an image's pixels all hold the place of its example."""
    count = len(points)
    train = train or count * 2 // 3
    pixels = np.arange(count, dtype=np.uint8) if count < 256 else np.zeros(count, np.uint8)
    images = np.broadcast_to(pixels.reshape(-1, *[1] * len(shape)), (count, *shape)).copy()
    names = () if labels is None else NAMES
    index = np.arange(count)
    split = Split(Dataset("things", images, labels, names), index[:train], index[:0], index[train:])
    points = np.asarray(points, np.float32)
    return Codes(
        "things",
        "other",
        split,
        *(points[getattr(split, p)] for p in ("train", "validation", "test")),
    )


@pytest.fixture(scope="module")
def islands():
    """Four heaps of points far from each other, and which of them each point is in."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(240) % 4)
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]])
    return coded(centres[labels] + rng.standard_normal((240, 3)), labels)


@pytest.fixture(scope="module")
def numbers(small):
    """Principal components of real digits."""
    return pca_codes(pixel_codes(small), 8)


@pytest.fixture(scope="module")
def everything(islands):
    return find_clusters(islands)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_heaps_that_are_apart(everything, method):
    found = everything.values["methods"][method]
    assert [found[score] for score in SCORES] == [1, 1, 1, 1]
    assert found["silhouette"] > 0.7
    assert sorted(found["majority_labels"]) == list(NAMES)
    assert sum(found["sizes"]) == 80
    assert [sum(row) for row in found["confusion"]] == found["sizes"]
    assert (found["k"], found["n_fit"]) == (4, 160)


def test_a_row_says_what_was_done_and_is_json(everything):
    row = everything.values
    assert (row["k"], row["chosen"], row["fit"]) == (4, None, "train")
    assert (row["n_fit"], row["n_scored"], row["left_out"]) == (160, 80, [])
    assert row["protocol"].startswith(
        "4 clusters, as many as there are labels. Fitted to at most 160 training examples, scored "
        "on 80 test examples."
    )
    assert "labels of the scored examples" in row["protocol"]
    json.dumps(row, allow_nan=False)


@pytest.mark.parametrize("method", QUICK)
def test_the_same_seed_finds_the_same_clusters(numbers, method):
    first, again = (find_clusters(numbers, methods=[method], seed=3) for _ in range(2))
    for findings in (first, again):
        del findings.values["methods"][method]["seconds"]
    assert first.values == again.values
    assert first.arrays.keys() == again.arrays.keys()
    for name, array in first.arrays.items():
        assert np.array_equal(array, again.arrays[name], equal_nan=True)


@pytest.mark.parametrize("method", QUICK)
def test_labels_never_choose_the_clusters(islands, method):
    """Only their number does; and names come from what was fitted, not from what is scored."""
    labels = islands.split.dataset.labels.copy()
    train = len(islands.train)
    labels[train:] = (labels[train:] + 1) % 4
    wrong = replace(
        islands, split=replace(islands.split, dataset=replace(islands.split.dataset, labels=labels))
    )
    right, found = (
        find_clusters(codes, methods=[method]).values["methods"][method]
        for codes in (islands, wrong)
    )
    assert found["sizes"] == right["sizes"]
    assert found["majority_labels"] == right["majority_labels"]
    assert (found["majority"], found["hungarian"]) == (0, 1)


def test_fitted_to_all_and_scored_on_all(numbers):
    found = find_clusters(numbers, methods=QUICK, fit="all")
    assert (found.values["n_fit"], found.values["n_scored"]) == (650, 650)
    assert "Fitted to and scored on all 650 examples." in found.values["protocol"]
    for method in found.values["methods"].values():
        assert sum(method["sizes"]) == method["n_fit"] == 650
        # Names come from the very examples that are scored: no other names could be better.
        assert method["majority"] == sum(map(max, method["confusion"])) / 650
        assert method["majority"] >= method["hungarian"]
    assert len(found.arrays["cluster_of_codes"]) == 100


@pytest.mark.parametrize("method", QUICK)
def test_those_not_fitted_take_the_cluster_of_their_like(islands, monkeypatch, method):
    monkeypatch.setitem(CLUSTERERS, method, replace(CLUSTERERS[method], most=50))
    for fit in ("train", "all"):
        found = find_clusters(islands, methods=[method], fit=fit).values["methods"][method]
        assert (found["n_fit"], found["hungarian"]) == (50, 1)


@pytest.mark.parametrize("k", [2, 7])
def test_more_or_fewer_clusters_than_labels(islands, k):
    row = find_clusters(islands, methods=QUICK, k=k).values
    assert "as many as were asked for" in row["protocol"]
    for found in row["methods"].values():
        assert np.shape(found["confusion"]) == (k, 4)
        assert found["hungarian"] < 1
        assert found["majority"] == 1 if k == 7 else found["majority"] < 1


def test_a_number_chosen_without_labels(islands):
    unlabelled = coded(np.concatenate([islands.train, islands.test]))
    row = find_clusters(unlabelled, methods=QUICK[:2]).values
    assert (row["k"], row["chosen"]["by"]) == (4, "silhouette")
    assert [k for k, _ in row["chosen"]["tried"]] == list(range(2, 21))
    assert max(row["chosen"]["tried"], key=lambda pair: pair[1])[0] == 4
    mixture = row["methods"]["gmm"]
    assert (mixture["k"], mixture["chosen"]["by"]) == (4, "BIC")
    assert min(mixture["chosen"]["tried"], key=lambda pair: pair[1])[0] == 4
    assert "chosen" not in row["methods"]["kmeans"]
    assert "chosen without labels" in row["protocol"]
    # The same with labels, if it is asked for.
    assert find_clusters(islands, methods=[], k="auto").values["chosen"] == row["chosen"]


def test_a_choice_looks_at_3000_points_at_most(monkeypatch):
    seen = set()
    monkeypatch.setattr(
        clusterers,
        "k_means",
        lambda points, k, seed: seen.add(len(points)) or k_means(points[:50], 2, 0),
    )
    monkeypatch.setattr(clusterers, "silhouette", lambda points, clusters: 0.1)
    assert choose_number(np.random.default_rng(0).random((9000, 1)), "silhouette", 0)[0] == 2
    assert seen == {3000}


def test_no_labels(islands):
    """What needs none is there; the rest is said to be missing."""
    findings = find_clusters(coded(islands.train), methods=["kmeans"], k=4)
    found = findings.values["methods"]["kmeans"]
    assert [found[score] for score in SCORES] == [None] * 4
    assert (found["confusion"], found["majority_labels"]) == ([], [None] * 4)
    assert found["silhouette"] > 0.7
    assert findings.arrays["cluster_means"].shape == (4, 1, 2, 2)
    assert findings.values["left_out"] == [
        "Accuracy, NMI and ARI were left out: there are no labels."
    ]
    assert "One to one" not in findings.values["protocol"]


def test_one_label_only(islands):
    codes = coded(islands.train, np.zeros(160, np.int64))
    row = find_clusters(codes, methods=["kmeans"]).values
    assert "only one label" in row["left_out"][0]
    assert row["methods"]["kmeans"]["majority"] is None
    assert (row["k"], row["chosen"]["by"]) == (4, "silhouette")


def test_a_collapsed_encoder():
    findings = find_clusters(coded(np.ones((60, 3)), np.arange(60) % 4))
    assert (findings.values["methods"], findings.arrays) == ({}, {})
    assert findings.values["k"] is None
    (sentence,) = findings.values["left_out"]
    assert "all the same: the encoder has collapsed" in sentence


@pytest.mark.parametrize("method", QUICK)
def test_fewer_different_codes_than_clusters(method):
    """A codebook of three vectors."""
    labels = np.arange(90) % 3
    row = find_clusters(coded(np.eye(3)[labels], labels), methods=[method], k=6).values
    found = row["methods"][method]
    assert (
        (found["majority"], found["hungarian"]) == (1, 1) if method != "agglomerative" else (1, 1)
    )
    assert len(found["sizes"]) == 6
    if method == "kmeans":
        assert row["left_out"] == [
            "K-means filled only 3 of 6 clusters, as happens where many codes are the same."
        ]


def test_too_few_examples():
    points = np.random.default_rng(0).random((10, 2))
    with pytest.raises(DataError, match="6 examples to fit 7 clusters to.*fewer clusters"):
        find_clusters(coded(points), k=7)
    # Where nobody asked for so many, the rest is done.
    row = find_clusters(coded(points, np.arange(10) % 4, train=4), methods=["kmeans"]).values
    assert list(row["methods"]) == ["kmeans"]
    row = find_clusters(coded(points, train=2)).values
    assert row["left_out"] == [
        "Clusters were left out: of 2 examples there are too few to fit them to."
    ]
    row = find_clusters(coded(points), methods=["umap"]).values
    assert "needs at least 21 different examples to fit to, and got 6." in row["left_out"][1]


def test_no_umap(islands, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    row = find_clusters(islands, methods=["umap", "kmeans"]).values
    assert list(row["methods"]) == ["kmeans"]
    (sentence,) = row["left_out"]
    assert "UMAP was left out: install it with: pip install 'latentscape[maps]'" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": ["k-means"]}, "Did you mean 'kmeans'"),
        ({"k": 1}, "number of clusters is 1.*2 or more"),
        ({"k": "ten"}, "'ten'.*'auto'"),
        ({"fit": "test"}, "one of all, train"),
    ],
)
def test_options_that_do_not_exist(islands, options, words):
    with pytest.raises(ConfigError, match=words):
        find_clusters(islands, **options)


def test_long_codes(small):
    """Of raw pixels, all but K-means see principal components."""
    found = find_clusters(pixel_codes(small), methods=QUICK).values
    assert found["dim"] == 784
    assert all(method["hungarian"] > 0.3 for method in found["methods"].values())


def test_pictures_of_a_hand_made_case():
    """Two heaps on a line; the pixel of an image is its place among the examples."""
    line = [0, 1, 2, 100, 101, 102, 0.5, 104, 101.5, 3]  # The last four are the test part.
    findings = find_clusters(coded(np.array(line)[:, None], train=6), methods=["kmeans"], k=2)
    clusters = findings.arrays["cluster_of_codes"]
    low, high = clusters[0], clusters[1]
    assert clusters.tolist() == [low, high, high, low]
    shown = {
        name: np.round(255 * findings.arrays[f"cluster_{name}"][..., 0, 0, 0], 3)
        for name in ("means", "nearest", "farthest")
    }
    assert shown["means"][[low, high]].tolist() == [7.5, 7.5]
    assert shown["nearest"][:, :2].tolist()[low] == [6, 9]
    assert shown["farthest"][:, :2].tolist()[low] == [9, 6]
    assert shown["nearest"][:, :2].tolist()[high] == [8, 7]
    assert np.isnan(shown["nearest"][:, 2:]).all()
    assert np.isnan(shown["farthest"][:, 2:]).all()


def test_pictures_are_images_between_0_and_1(numbers):
    arrays = find_clusters(numbers, methods=["kmeans"]).arrays
    assert arrays["cluster_means"].shape == (10, 1, 28, 28)
    assert arrays["cluster_nearest"].shape == arrays["cluster_farthest"].shape == (10, 8, 1, 28, 28)
    for name in ("cluster_means", "cluster_nearest", "cluster_farthest"):
        assert arrays[name].dtype == np.float32
        assert 0 <= np.nanmin(arrays[name]) < np.nanmax(arrays[name]) <= 1


def test_vectors_have_no_pictures(islands):
    findings = find_clusters(coded(islands.train, shape=(5,)), methods=["kmeans"], k=4)
    assert findings.arrays.keys() == {"cluster_of_codes"}


def test_pictures_belong_to_kmeans_alone(islands):
    assert find_clusters(islands, methods=["gmm"]).arrays == {}
