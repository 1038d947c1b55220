"""Clusters of codes: formed without labels, scored with them, pictured."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans

from latentscape.analyses.clusters import ANALYSIS, clusterers
from latentscape.analyses.clusters.clusterers import (
    CLUSTERERS,
    choose_number,
    k_means,
    k_means_from,
)
from latentscape.analyses.clusters.metrics import AGREEMENTS
from latentscape.analyses.clusters.result import METHODS
from latentscape.analyses.comparison import Baselines, Comparison
from latentscape.analyses.notes import skip_sentences
from latentscape.config import validate
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import take_arrays
from latentscape.core.records import Codes, Dataset, Split
from latentscape.evaluation.codes import pca_codes, pixel_codes

NAMES = ("ant", "bee", "cat", "dog")
SCORES = ("majority", "hungarian", "nmi", "ari")
QUICK = ("kmeans", "gmm", "agglomerative")


def clustered(codes, **options):
    """Return clusters of a code."""
    settings = validate(ANALYSIS.settings, options, "cluster")
    return ANALYSIS.measure(Comparison(Baselines(codes.split), (codes,)), settings, None)


def sentences(result):
    """Return what was said to be left out."""
    return skip_sentences(ANALYSIS, result)


def protocol(result):
    return ". ".join(ANALYSIS.protocol(result))


def coded(points, labels=None, train=None, shape=(1, 2, 2)):
    """Codes made elsewhere; an image's pixels all hold the place of its example."""
    count = len(points)
    train = train or count * 2 // 3
    pixels = np.arange(count, dtype=np.uint8) if count < 256 else np.zeros(count, np.uint8)
    images = np.broadcast_to(pixels.reshape(-1, *[1] * len(shape)), (count, *shape)).copy()
    names = () if labels is None else NAMES
    index = np.arange(count)
    split = Split(
        Dataset("things", images, labels, names, (0, 255)), index[:train], index[:0], index[train:]
    )
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
    return clustered(islands)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_heaps_that_are_apart(everything, method):
    partition = everything.rows[0].partition(method)
    assert [partition.statistic(name).mean for name in AGREEMENTS] == [1, 1, 1, 1]
    assert partition.silhouette > 0.7
    assert sorted(partition.agreement.majority_labels) == list(NAMES)
    assert sum(partition.sizes) == 80
    assert tuple(map(sum, partition.agreement.confusion)) == partition.sizes
    assert (partition.k, partition.n_fitted) == (4, 160)


def test_a_row_says_what_was_done(everything):
    (row,) = everything.rows
    assert (row.k, row.choice, row.protocol.fitted_on) == (4, None, "train")
    assert (row.protocol.n_fitted, row.protocol.n_scored, row.skipped) == (160, 80, ())
    assert protocol(everything).startswith(
        "4 clusters, as many as there are labels. Fitted to at most 160 training examples, scored "
        "on 80 test examples."
    )
    assert "labels of the scored examples" in protocol(everything)


@pytest.mark.parametrize("method", QUICK)
def test_the_same_seed_finds_the_same_clusters(numbers, method):
    first, again = (take_arrays(clustered(numbers, methods=[method], seed=3)) for _ in range(2))
    for content, _ in (first, again):
        del content["rows"][0]["partitions"][0]["seconds"]
    assert first[0] == again[0]
    assert first[1].keys() == again[1].keys()
    for name, array in first[1].items():
        assert np.array_equal(array, again[1][name], equal_nan=True)


@pytest.mark.parametrize("method", QUICK)
def test_labels_never_choose_the_clusters(islands, method):
    """Only their number does; and names come from what was fitted, not from what is scored."""
    labels = islands.split.dataset.labels.copy()
    train = len(islands.train)
    labels[train:] = (labels[train:] + 1) % 4
    wrong = replace(
        islands, split=replace(islands.split, dataset=replace(islands.split.dataset, labels=labels))
    )
    right, other = (
        clustered(codes, methods=[method]).rows[0].partition(method) for codes in (islands, wrong)
    )
    assert other.sizes == right.sizes
    assert other.agreement.majority_labels == right.agreement.majority_labels
    assert (other.agreement.majority, other.agreement.hungarian) == (0, 1)


def test_fitted_to_all_and_scored_on_all(numbers):
    result = clustered(numbers, methods=QUICK, fit="all")
    (row,) = result.rows
    assert (row.protocol.n_fitted, row.protocol.n_scored) == (650, 650)
    assert "Fitted to and scored on all 650 examples." in protocol(result)
    for partition in row.partitions:
        assert sum(partition.sizes) == partition.n_fitted == 650
        # Names come from the very examples that are scored: no other names could be better.
        agreement = partition.agreement
        assert agreement.majority == sum(map(max, agreement.confusion)) / 650
        assert agreement.majority >= agreement.hungarian
    assert len(result.kmeans.pictures.test_clusters) == 100


@pytest.mark.parametrize("method", QUICK)
def test_those_not_fitted_take_the_cluster_of_their_like(islands, monkeypatch, method):
    monkeypatch.setitem(CLUSTERERS, method, replace(CLUSTERERS[method], max_points=50))
    for fit in ("train", "all"):
        (partition,) = clustered(islands, methods=[method], fit=fit).rows[0].partitions
        assert (partition.n_fitted, partition.agreement.hungarian) == (50, 1)


@pytest.mark.parametrize("k", [2, 7])
def test_more_or_fewer_clusters_than_labels(islands, k):
    result = clustered(islands, methods=QUICK, k=k)
    assert "as many as were asked for" in protocol(result)
    for partition in result.rows[0].partitions:
        agreement = partition.agreement
        assert np.shape(agreement.confusion) == (k, 4)
        assert agreement.hungarian < 1
        assert agreement.majority == 1 if k == 7 else agreement.majority < 1


def test_a_number_chosen_without_labels(islands):
    unlabelled = coded(np.concatenate([islands.train, islands.test]))
    result = clustered(unlabelled, methods=QUICK[:2])
    (row,) = result.rows
    assert (row.k, row.choice.by) == (4, "silhouette")
    assert [k for k, _ in row.choice.tried] == list(range(2, 21))
    assert max(row.choice.tried, key=lambda pair: pair[1])[0] == 4
    mixture = row.partition("gmm")
    assert (mixture.k, mixture.choice.by) == (4, "BIC")
    assert min(mixture.choice.tried, key=lambda pair: pair[1])[0] == 4
    assert row.partition("kmeans").choice is None
    assert "chosen without labels" in protocol(result)
    # The same with labels, if it is asked for.
    assert clustered(islands, methods=[], k="auto").rows[0].choice == row.choice


def test_a_choice_looks_at_3000_points_at_most(monkeypatch):
    sizes = set()
    monkeypatch.setattr(
        clusterers,
        "k_means",
        lambda points, k, seed: sizes.add(len(points)) or k_means(points[:50], 2, 0),
    )
    monkeypatch.setattr(clusterers, "silhouette", lambda points, clusters: 0.1)
    assert choose_number(np.random.default_rng(0).random((9000, 1)), "silhouette", 0)[0] == 2
    assert sizes == {3000}


def test_no_labels(islands):
    """What needs none is there; the rest is said to be missing."""
    result = clustered(coded(islands.train), methods=["kmeans"], k=4)
    assert result.label_names == ()
    assert result.kmeans.agreement is None
    assert result.kmeans.agreement is None
    assert result.kmeans.names == ("#1", "#2", "#3", "#4")
    assert result.kmeans.silhouette > 0.7
    assert result.kmeans.pictures.means.shape == (4, 1, 2, 2)
    assert sentences(result) == ["Accuracy, NMI and ARI were left out: the data have no labels."]
    assert "One to one" not in protocol(result)


def test_one_label_only(islands):
    result = clustered(coded(islands.train, np.zeros(160, np.int64)), methods=["kmeans"])
    assert "only one label" in sentences(result)[0]
    assert result.kmeans.agreement is None
    assert (result.rows[0].k, result.rows[0].choice.by) == (4, "silhouette")


def test_a_collapsed_encoder():
    result = clustered(coded(np.ones((60, 3)), np.arange(60) % 4))
    assert (result.rows[0].partitions, result.kmeans) == ((), None)
    assert result.rows[0].k is None
    (sentence,) = sentences(result)
    assert "all the same, the encoder has collapsed" in sentence


@pytest.mark.parametrize("method", QUICK)
def test_fewer_different_codes_than_clusters(method):
    """A codebook of three vectors."""
    labels = np.arange(90) % 3
    result = clustered(coded(np.eye(3)[labels], labels), methods=[method], k=6)
    (partition,) = result.rows[0].partitions
    assert (partition.agreement.majority, partition.agreement.hungarian) == (1, 1)
    assert len(partition.sizes) == 6
    if method == "kmeans":
        assert sentences(result) == [
            "K-means filled only 3 of 6 clusters, as happens where many codes are the same."
        ]


def test_too_few_examples():
    points = np.random.default_rng(0).random((10, 2))
    with pytest.raises(DataError, match="6 examples to fit 7 clusters to.*fewer clusters"):
        clustered(coded(points), k=7)
    # Where nobody asked for so many, the rest is done.
    result = clustered(coded(points, np.arange(10) % 4, train=4), methods=["kmeans"])
    assert [partition.method for partition in result.rows[0].partitions] == ["kmeans"]
    assert sentences(clustered(coded(points, train=2))) == [
        "Clusters were left out: of 2 examples there are too few to fit them to."
    ]
    result = clustered(coded(points), methods=["umap"])
    assert "needs at least 21 different examples to fit to, and got 6." in sentences(result)[1]


def test_no_umap(islands, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    result = clustered(islands, methods=["umap", "kmeans"])
    assert [partition.method for partition in result.rows[0].partitions] == ["kmeans"]
    (sentence,) = sentences(result)
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
        clustered(islands, **options)


def test_options_as_the_command_line_gives_them():
    settings = validate(ANALYSIS.settings, {"k": "7", "methods": ["gmm", "gmm"]}, "cluster")
    assert (settings.k, settings.methods) == (7, ("gmm",))
    assert validate(ANALYSIS.settings, {"k": "auto"}, "cluster").k == "auto"


def test_long_codes(small):
    """Of raw pixels the methods see principal components, and K-means then the pixels."""
    (row,) = clustered(pixel_codes(small), methods=QUICK).rows
    assert row.dim == 784
    assert all(partition.agreement.hungarian > 0.3 for partition in row.partitions)


def test_only_the_methods_that_were_used_are_described(islands, small):
    one = protocol(clustered(islands, methods=["kmeans"]))
    assert "K-means: the least inertia" in one
    assert not any(word in one for word in ("mixture", "Ward", "UMAP", "other methods", "longer"))
    several = protocol(clustered(islands, methods=QUICK))
    assert all(word in several for word in ("Gaussian mixture", "Ward", "other methods"))
    of_pixels = protocol(clustered(pixel_codes(small), methods=["kmeans"]))
    assert "the first 64 principal components. There K-means makes its restarts" in of_pixels


def test_restarts_in_few_dimensions_lose_nothing(small):
    """Against scikit-learn, whose restarts see all pixels."""
    codes = pixel_codes(small)
    whole = KMeans(10, n_init=10, random_state=0).fit(codes.train)
    short = pca_codes(codes, 64).train
    going_on = k_means_from(codes.train, k_means(short, 10, 0).clusters, 10)
    inertia = np.square(codes.train - going_on.centres[going_on.clusters]).sum()
    assert inertia < 1.01 * whole.inertia_
    assert (going_on.assign(codes.train) == going_on.clusters).all()


def test_a_cluster_that_is_empty_in_few_dimensions_has_a_centre_again():
    points = np.array([[0, 0], [0, 1], [0, 9], [0, 10]], np.float32)
    going_on = k_means_from(points, np.zeros(4, np.int64), 2)
    assert sorted(going_on.centres[:, 1].tolist()) == [0.5, 9.5]


def test_pictures_of_a_hand_made_case():
    """Two heaps on a line; the pixel of an image is its place among the examples."""
    line = [0, 1, 2, 100, 101, 102, 0.5, 104, 101.5, 3]  # The last four are the test part.
    codes = coded(np.array(line)[:, None], train=6)
    pictures = clustered(codes, methods=["kmeans"], k=2).kmeans.pictures
    clusters = pictures.test_clusters
    low, high = clusters[0], clusters[1]
    assert clusters.tolist() == [low, high, high, low]
    means, nearest, farthest = (
        np.round(255 * images[..., 0, 0, 0], 3)
        for images in (pictures.means, pictures.nearest, pictures.farthest)
    )
    assert means[[low, high]].tolist() == [7.5, 7.5]
    assert nearest[:, :2].tolist()[low] == [6, 9]
    assert farthest[:, :2].tolist()[low] == [9, 6]
    assert nearest[:, :2].tolist()[high] == [8, 7]
    assert np.isnan(nearest[:, 2:]).all()
    assert np.isnan(farthest[:, 2:]).all()


def test_pictures_are_images_between_0_and_1(numbers):
    pictures = clustered(numbers, methods=["kmeans"]).kmeans.pictures
    assert pictures.means.shape == (10, 1, 28, 28)
    assert pictures.nearest.shape == pictures.farthest.shape == (10, 8, 1, 28, 28)
    for images in (pictures.means, pictures.nearest, pictures.farthest):
        assert images.dtype == np.float32
        assert 0 <= np.nanmin(images) < np.nanmax(images) <= 1


def test_vectors_have_no_pictures(islands):
    result = clustered(coded(islands.train, shape=(5,)), methods=["kmeans"], k=4)
    assert result.kmeans.pictures.means is None
    assert len(result.kmeans.pictures.test_clusters) == 54


def test_pictures_belong_to_kmeans_of_the_first_code_alone(islands):
    assert clustered(islands, methods=["gmm"]).rows[0].partitions[0].pictures is None
    comparison = Comparison(Baselines(islands.split), (islands, replace(islands, name="other")))
    result = ANALYSIS.measure(comparison, ANALYSIS.settings(methods=("kmeans",)), None)
    assert [row.partitions[0].pictures is None for row in result.rows] == [False, True]
