import numpy as np
import pytest

from latentscape.analyses.neighbours import method as module
from latentscape.analyses.neighbours.method import (
    image_neighbours,
    nearest,
    nearest_images,
    neighbour_findings,
)
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Codes, Dataset, Split
from latentscape.data import split_dataset
from latentscape.evaluation.codes import given_codes, model_codes, pixel_codes


@pytest.fixture(scope="module")
def line() -> Codes:
    """Training codes 0, 1, 2, 3 of labels a, a, b, b; test codes 0.4 (a), 1.6 (a) and 2.9 (b)."""
    values = np.array([[2.0], [0.4], [0.0], [1.6], [3.0], [2.9], [1.0]], np.float32)
    labels = np.array([1, 0, 0, 0, 1, 1, 0])
    data = Dataset("line", values, labels, ("a", "b"), value_range=(0.0, 1.0))
    split = Split(data, np.array([0, 2, 4, 6]), np.array([], np.int64), np.array([1, 3, 5]))
    return given_codes(values, split, "the line")


def test_the_nearest_are_those_of_all_distances():
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(200, 5)), rng.normal(size=(30, 5))
    distances = np.linalg.norm(points - queries[:, None], axis=2)
    found = nearest(points.astype(np.float32), queries.astype(np.float32), 7)
    np.testing.assert_array_equal(found, distances.argsort(1)[:, :7])


def test_neighbours_by_hand(line):
    found = nearest_images(line, np.array([[1.1], [3.0]], np.float32), 2)
    assert found.index.tolist() == [[6, 0], [4, 0]]
    np.testing.assert_allclose(found.distances, [[0.1, 0.9], [0.0, 1.0]], atol=1e-6)
    np.testing.assert_array_equal(found.images, [[[1.0], [2.0]], [[3.0], [2.0]]])
    assert found.labels.tolist() == [[0, 1], [1, 1]]


def test_a_training_image_is_its_own_neighbour_at_distance_0(small):
    codes = pixel_codes(small)
    found = nearest_images(codes, codes.train[:20], 1)
    np.testing.assert_array_equal(found.index[:, 0], small.train[:20])
    assert (found.distances == 0).all()
    images = codes.train[:20].reshape(20, 1, 1, 28, 28)
    np.testing.assert_array_equal(found.images, images)


def test_no_more_neighbours_than_training_images(line):
    assert nearest_images(line, line.test, 99).index.shape == (3, 4)
    assert neighbour_findings(line, line, line.index("test"), 99).values["k"] == 4


def test_queries_that_are_no_codes_are_refused(line):
    with pytest.raises(DataError, match=r"shape \(3, 2\).*codes \(n, 1\).*the line"):
        nearest_images(line, np.zeros((3, 2), np.float32))
    with pytest.raises(DataError, match="not finite"):
        nearest_images(line, np.array([[np.nan]], np.float32))
    with pytest.raises(ConfigError, match="0 neighbours"):
        nearest_images(line, line.test, 0)


def test_agreement_counts_the_label_of_the_nearest(line):
    # Of the test codes, 0.4 and 2.9 lie next to their own label, and 1.6 does not.
    found = neighbour_findings(line, line, line.index("test")[::-1], 1)
    assert found.values["agreement"] == {
        "latent": pytest.approx(2 / 3),
        "pixels": pytest.approx(2 / 3),
    }
    assert (found.values["n"], found.values["left_out"]) == (3, [])
    # Queries keep the order in which they were asked for.
    assert found.arrays["neighbour_labels"].tolist() == [1, 0, 0]
    assert found.arrays["neighbours_latent_labels"].tolist() == [[1], [1], [0]]


def test_agreement_looks_at_so_many_test_images_at_most(line, monkeypatch):
    monkeypatch.setattr(module, "MAX_TEST", 2)
    values = neighbour_findings(line, line, line.index("test"), 1).values
    assert (values["n"], values["agreement"]["latent"]) == (2, 1.0)


def test_findings_of_a_model(model_of, small):
    latent, pixels = model_codes(model_of("plain"), small, "plain"), pixel_codes(small)
    shown = small.examples(5)
    arrays = neighbour_findings(latent, pixels, shown).arrays
    assert {name: array.shape for name, array in arrays.items()} == {
        "neighbour_queries": (5, 1, 28, 28),
        "neighbour_labels": (5,),
        "neighbours_latent": (5, 8, 1, 28, 28),
        "neighbours_latent_labels": (5, 8),
        "neighbours_pixels": (5, 8, 1, 28, 28),
        "neighbours_pixels_labels": (5, 8),
    }
    np.testing.assert_allclose(arrays["neighbour_queries"] * 255, small.dataset.images[shown])
    distances = np.linalg.norm(
        pixels.train[:, None] - arrays["neighbour_queries"].reshape(5, -1), axis=2
    )
    best = pixels.train[distances.argmin(0)].reshape(5, 1, 28, 28)
    np.testing.assert_array_equal(arrays["neighbours_pixels"][:, 0], best)


def test_given_images_find_what_their_codes_find(model_of, small):
    model = model_of("plain")
    latent, pixels = model_codes(model, small, "plain"), pixel_codes(small)
    given = Dataset("given", small.dataset.images[small.test[:4]])
    found = image_neighbours(model, given, latent, pixels, 3)
    for space, codes in (("latent", latent), ("pixels", pixels)):
        expected = nearest_images(codes, codes.test[:4], 3)
        np.testing.assert_array_equal(found[space].index, expected.index)
        np.testing.assert_allclose(found[space].distances, expected.distances, rtol=1e-4)


def test_given_images_have_the_shape_of_the_others(model_of, small):
    pixels = pixel_codes(small)
    given = Dataset("wide", np.zeros((2, 1, 28, 30), np.uint8))
    with pytest.raises(DataError, match=r"wide.*\(1, 28, 30\).*\(1, 28, 28\)"):
        image_neighbours(model_of("plain"), given, pixels, pixels)


def test_without_labels_neighbours_are_shown_and_not_counted(vectors):
    codes = pixel_codes(vectors)
    found = neighbour_findings(codes, codes, vectors.examples(3))
    assert found.values["agreement"] == {}
    assert found.values["left_out"] == ["Agreement was left out: the data have no labels."]
    assert (found.arrays["neighbours_latent_labels"] == -1).all()
    assert found.arrays["neighbours_latent"].shape == (3, 8, 9)


def test_a_collapsed_code_has_no_neighbours(small):
    collapsed = given_codes(np.ones((len(small.dataset), 3)), small, "nothing")
    found = neighbour_findings(collapsed, pixel_codes(small), small.examples(3))
    assert list(found.values["agreement"]) == ["pixels"]
    assert "neighbours_latent" not in found.arrays
    assert len(found.values["left_out"]) == 1
    assert found.values["left_out"][0].startswith("The codes of nothing are all the same")


def test_the_same_split_gives_the_same_neighbours(digits):
    split = split_dataset(digits, DataConfig(train=300, test=50))
    first, again = (
        neighbour_findings(pixel_codes(split), pixel_codes(split), split.examples(4))
        for _ in range(2)
    )
    assert first.values == again.values
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])
