import sys

import numpy as np
import pytest

from latentscape.analyses.maps.projections import draw_map, missing, place, start_places
from latentscape.core.errors import ConfigError, DataError
from latentscape.reporting.sentences import describe_skip

METHODS = ("pca", "tsne", "umap")


def blobs(seed, each=30):
    """Codes (3 * each, 6) in three heaps far from each other, one after the other."""
    rng = np.random.default_rng(seed)
    centres = 10 * np.eye(3, 6)
    return (np.repeat(centres, each, axis=0) + rng.normal(size=(3 * each, 6))).astype(np.float32)


@pytest.fixture(scope="module")
def maps():
    """One map by each method, of the same codes."""
    codes = blobs(0)
    return {method: draw_map("blobs", codes, method, start_places(codes)) for method in METHODS}


@pytest.fixture(params=METHODS)
def projection(request, maps):
    return maps[request.param]


def nearest_heap(places, reference):
    """Return the heap (m,) of the reference point nearest to each place."""
    distances = np.linalg.norm(places[:, None] - reference.places, axis=2)
    return distances.argmin(1) // (len(reference.places) // 3)


def test_maps_begin_at_the_scale_for_t_sne():
    from sklearn.decomposition import PCA

    codes = blobs(0)
    places = start_places(codes)
    assert places[:, 0].std() == pytest.approx(1e-4)
    expected = PCA(2).fit_transform(codes)
    assert abs(np.corrcoef(places[:, 0], expected[:, 0])[0, 1]) > 0.99
    np.testing.assert_array_equal(places, start_places(codes))
    assert (places != start_places(codes, seed=1)).any()


def test_no_two_points_begin_at_one_place():
    codes = np.repeat(np.float32([[0], [1]]), 20, axis=0)
    assert len(np.unique(start_places(codes), axis=0)) == 40


def test_maps_keep_heaps_apart(projection):
    assert projection.places.shape == (90, 2)
    assert projection.places.dtype == np.float32
    centres = projection.places.reshape(3, 30, 2).mean(1)
    distances = np.linalg.norm(projection.places[:, None] - centres, axis=2)
    np.testing.assert_array_equal(distances.argmin(1), np.repeat(range(3), 30))


def test_the_same_again(projection):
    again = draw_map("blobs", projection.codes, projection.method, start_places(projection.codes))
    np.testing.assert_array_equal(again.places, projection.places)


def test_the_maps_own_points_land_near_their_places(projection):
    again = place(projection, projection.codes[::2])
    off = np.linalg.norm(again - projection.places[::2], axis=1)
    width = np.ptp(projection.places, axis=0).max()
    # UMAP's own maps differ between processors: without AVX-512 this came to 0.064.
    assert np.quantile(off, 0.9) < 0.1 * width


def test_new_points_land_among_their_neighbours(projection):
    places = place(projection, blobs(1, each=10))
    assert places.shape == (30, 2)
    assert places.dtype == np.float32
    np.testing.assert_array_equal(nearest_heap(places, projection), np.repeat(range(3), 10))


def test_the_map_stays_as_it_is(projection):
    before = projection.places.copy()
    first = place(projection, blobs(1, each=4))
    np.testing.assert_array_equal(place(projection, blobs(1, each=4)), first)
    np.testing.assert_array_equal(projection.places, before)


def test_pca_places_by_the_linear_map_that_drew_it():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    # Most directions have little variance, and some none: rounding must not count there.
    codes = (rng.normal(size=(50, 9)) * [9, 5, 3, 1, 1e-3, 1e-5, 1e-7, 0, 0]).astype(np.float32)
    projection = draw_map("codes", codes, "pca", start_places(codes))
    new = rng.normal(size=(20, 9)).astype(np.float32)
    expected = PCA(2).fit(codes).transform(new)
    expected *= np.sign((PCA(2).fit_transform(codes) * projection.places).sum(0))
    np.testing.assert_allclose(place(projection, new), expected, atol=0.01)
    np.testing.assert_allclose(place(projection, codes), projection.places, atol=1e-4)


def test_two_numbers_are_their_own_places():
    codes = blobs(0)[:, :2]
    projection = draw_map("codes", codes, "code", start_places(codes))
    np.testing.assert_array_equal(projection.places, codes)
    np.testing.assert_array_equal(place(projection, 3 * codes), 3 * codes)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_points_are_placed_in_chunks_that_change_nothing(maps, method, monkeypatch):
    whole = place(maps[method], blobs(1, each=5))
    monkeypatch.setattr("latentscape.analyses.maps.projections.CHUNK", 4)
    np.testing.assert_allclose(place(maps[method], blobs(1, each=5)), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "codes",
    [
        np.float32([[0], [1], [2], [3], [9]]),
        np.float32([[0, 1]] * 5 + [[2, 3]] * 40),
        np.float32([[1, 2, 3]] * 44 + [[1, 2, 4]]),
    ],
    ids=["five", "two again and again", "one that differs"],
)
def test_few_points_and_equal_ones_have_maps(method, codes):
    projection = draw_map("codes", codes, method, start_places(codes))
    assert np.isfinite(projection.places).all()
    assert np.isfinite(place(projection, codes[:3] + np.float32(0.1))).all()


def test_no_new_points_have_no_places(projection):
    assert place(projection, np.empty((0, 6))).shape == (0, 2)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((3, 5)), r"\(3, 5\).*\(m, 6\) numbers, as the codes of blobs"),
        (np.zeros(6), r"shape \(6,\)"),
        (np.array([["a"] * 6]), "type <U1"),
        (np.full((2, 6), np.nan), "2 of 2 new codes are not finite"),
    ],
)
def test_what_cannot_be_placed(maps, codes, message):
    with pytest.raises(DataError, match=message):
        place(maps["pca"], codes)


def test_without_the_package(maps, monkeypatch):
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    skip = missing("tsne")
    assert describe_skip(skip) == (
        "t-SNE was left out: install it with: pip install 'latentscape[maps]'."
    )
    assert missing("pca") == missing("code") == missing("umap") is None
    with pytest.raises(ConfigError, match=r"needs the package openTSNE.*latentscape\[maps\]'"):
        place(maps["tsne"], blobs(1))
