"""The training images nearest to others: by hand, of models, and where there are none."""

import numpy as np
import pytest

from latentscape.analyses.neighbours import ANALYSIS
from latentscape.analyses.neighbours import method as module
from latentscape.analyses.neighbours.method import (
    find_neighbours,
    image_neighbours,
    nearest_images,
    nearest_places,
)
from latentscape.analyses.neighbours.result import Neighbours
from latentscape.analyses.notes import skip_sentences
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.findings import put_arrays, take_arrays, to_json
from latentscape.core.records import Codes, Dataset, Split
from latentscape.data import split_dataset
from latentscape.evaluation.codes import array_codes, model_codes, pixel_codes


@pytest.fixture(scope="module")
def line() -> Codes:
    """Training codes 0, 1, 2, 3 of labels a, a, b, b; test codes 0.4 (a), 1.6 (a) and 2.9 (b)."""
    values = np.array([[2.0], [0.4], [0.0], [1.6], [3.0], [2.9], [1.0]], np.float32)
    labels = np.array([1, 0, 0, 0, 1, 1, 0])
    data = Dataset("line", values, labels, ("a", "b"), value_range=(0.0, 1.0))
    split = Split(data, np.array([0, 2, 4, 6]), np.array([], np.int64), np.array([1, 3, 5]))
    return array_codes(values, split, "the line")


@pytest.fixture(scope="module")
def of_model(model_of, small):
    """Neighbours of five test images, in the codes of a model and in pixels."""
    latent = model_codes(model_of("plain"), small, "plain")
    return find_neighbours(latent, pixel_codes(small), small.examples(5))


def test_the_nearest_are_those_of_all_distances():
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(200, 5)), rng.normal(size=(30, 5))
    distances = np.linalg.norm(points - queries[:, None], axis=2)
    found = nearest_places(points.astype(np.float32), queries.astype(np.float32), 7)
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
    found = find_neighbours(line, line, line.index("test"), 99)
    assert found.k == 4
    assert found.latent.labels.shape == found.pixels.labels.shape == (3, 4)


def test_queries_that_are_no_codes_are_refused(line):
    with pytest.raises(DataError, match=r"shape \(3, 2\).*codes \(n, 1\).*the line"):
        nearest_images(line, np.zeros((3, 2), np.float32))
    with pytest.raises(DataError, match="not finite"):
        nearest_images(line, np.array([[np.nan]], np.float32))
    with pytest.raises(ConfigError, match="0 neighbours"):
        nearest_images(line, line.test, 0)


def test_agreement_counts_the_label_of_the_nearest(line):
    # Of the test codes, 0.4 and 2.9 lie next to their own label, and 1.6 does not.
    found = find_neighbours(line, line, line.index("test")[::-1], 1)
    assert found.agreement_latent == found.agreement_pixels == pytest.approx(2 / 3)
    assert (found.protocol.n_fitted, found.protocol.n_scored, found.skipped) == (4, 3, ())
    # Queries keep the order in which they were asked for.
    assert found.query_labels.tolist() == [1, 0, 0]
    assert found.latent.labels.tolist() == [[1], [1], [0]]


def test_agreement_looks_at_so_many_test_images_at_most(line, monkeypatch):
    monkeypatch.setattr(module, "MAX_TEST", 2)
    found = find_neighbours(line, line, line.index("test"), 1)
    assert (found.protocol.n_scored, found.agreement_latent) == (2, 1.0)


def test_the_shapes_of_a_result(of_model, small):
    shown = small.examples(5)
    assert of_model.queries.shape == (5, 1, 28, 28)
    assert of_model.query_labels.shape == (5,)
    for nearest in (of_model.latent, of_model.pixels):
        assert nearest.images.shape == (5, 8, 1, 28, 28)
        assert nearest.labels.shape == (5, 8)
    np.testing.assert_allclose(of_model.queries * 255, small.dataset.images[shown])
    train = pixel_codes(small).train
    distances = np.linalg.norm(train[:, None] - of_model.queries.reshape(5, -1), axis=2)
    best = train[distances.argmin(0)].reshape(5, 1, 28, 28)
    np.testing.assert_array_equal(of_model.pixels.images[:, 0], best)


def test_a_result_comes_back_from_json_and_arrays(of_model):
    again = Neighbours.model_validate(put_arrays(*take_arrays(of_model)))
    assert to_json(again) == to_json(of_model)
    np.testing.assert_array_equal(again.latent.images, of_model.latent.images)


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
    found = find_neighbours(codes, codes, vectors.examples(3))
    assert found.agreement_latent is found.agreement_pixels is None
    (skip,) = found.skipped
    assert (skip.item, skip.reason) == ("Agreement was", "no_labels")
    assert skip_sentences(ANALYSIS, found) == ["Agreement was left out: the data have no labels."]
    assert (found.latent.labels == -1).all()
    assert found.latent.images.shape == (3, 8, 9)


def test_a_collapsed_code_has_no_neighbours(small):
    collapsed = array_codes(np.ones((len(small.dataset), 3)), small, "nothing")
    found = find_neighbours(collapsed, pixel_codes(small), small.examples(3))
    assert found.latent is found.agreement_latent is None
    assert found.pixels is not None
    assert found.agreement_pixels is not None
    (sentence,) = skip_sentences(ANALYSIS, found)
    assert sentence.startswith("The codes of nothing are all the same")


def test_the_same_split_gives_the_same_neighbours(digits):
    split = split_dataset(digits, DataConfig(train=300, test=50))
    first, again = (
        take_arrays(find_neighbours(pixel_codes(split), pixel_codes(split), split.examples(4)))
        for _ in range(2)
    )
    assert first[0] == again[0]
    for name, array in first[1].items():
        np.testing.assert_array_equal(array, again[1][name])


@pytest.mark.parametrize("change", ["queries", "labels", "images"])
def test_what_does_not_fit_together_is_refused(of_model, change):
    fewer = of_model.latent.model_copy(update={"images": of_model.latent.images[:, :3]})
    changes = {
        "queries": {"queries": of_model.queries[:4]},
        "labels": {"query_labels": of_model.query_labels[:4]},
        "images": {"latent": fewer},
    }
    values = {name: getattr(of_model, name) for name in Neighbours.model_fields}
    with pytest.raises(ValueError, match="belong together|neighbours have shape"):
        Neighbours(**values | changes[change])
