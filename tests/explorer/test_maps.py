"""Maps of the explorer: places become the codes that they were, also after an alignment."""

from types import SimpleNamespace

import numpy as np
import pytest

from latentscape.core.errors import ConfigError
from latentscape.explorer import maps
from latentscape.explorer.examples import points_of_data
from latentscape.explorer.explored import Explored


def explored(codes, model=None):
    """Make the codes of points those of a model."""
    dataset = type("Codes", (), {"__len__": lambda self: len(codes)})()
    dataset.labels, dataset.name, dataset.shape = None, "codes", codes.shape[1:]
    opened = SimpleNamespace(
        model=SimpleNamespace(latent_dim=codes.shape[1]),
        findings=SimpleNamespace(get=lambda kind: None, label="toy"),
    )
    one = Explored("m0", "toy", opened, points_of_data(dataset, len(codes)), None)
    one.__dict__["point_codes"] = codes
    return one


def codes_of(count, dim, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + 3).astype(np.float32)


def decoded(places, arrays, method="pca"):
    mean, axes = (arrays[f"map/{method}/{part}"] for part in ("mean", "axes"))
    return mean + places @ axes


@pytest.mark.parametrize(("count", "dim"), [(50, 2), (60, 7), (400, 30), (1, 4), (3, 5)])
def test_pca_has_its_inverse(count, dim):
    codes = codes_of(count, dim)
    arrays = maps.draw(explored(codes), "pca").arrays
    places, axes = arrays["map/pca"], arrays["map/pca/axes"]
    assert places.shape == (count, 2)
    # Decoding a place and projecting the code again leads back to the place.
    again = (decoded(places, arrays) - arrays["map/pca/mean"]) @ axes.T
    assert np.allclose(again, places, atol=1e-4)
    if dim == 2:
        assert np.allclose(decoded(places, arrays), codes, atol=1e-4)
    # No other plane through the mean is nearer to the codes.
    centred = codes - codes.mean(0)
    left = np.linalg.svd(centred)[1][2:]
    assert np.isclose(
        np.square(codes - decoded(places, arrays)).sum(), np.square(left).sum(), atol=1e-2
    )


@pytest.mark.parametrize("codes", [np.ones((30, 6), np.float32), codes_of(1, 6)])
def test_codes_that_are_all_the_same_have_a_map_at_one_place(codes):
    piece = maps.draw(explored(codes), "pca")
    assert not piece.arrays["map/pca"].any()
    assert np.allclose(decoded(np.ones((1, 2)), piece.arrays), codes[0])
    for method in ("tsne", "umap"):
        piece = maps.draw(explored(codes), method)
        assert not piece.arrays
        assert "There is no map by" in piece.notes[0]


def test_a_code_of_one_number_lies_on_a_line():
    codes = codes_of(20, 1)
    arrays = maps.draw(explored(codes), "pca").arrays
    assert not arrays["map/pca"][:, 1].any()
    assert np.allclose(decoded(arrays["map/pca"], arrays), codes, atol=1e-5)


def test_which_maps_there_are(monkeypatch):
    plane, space = explored(codes_of(20, 2)), explored(codes_of(20, 3))
    assert maps.choose_maps(plane, None) == ["code", "tsne", "pca"]
    assert maps.choose_maps(space, None) == ["tsne", "pca"]
    assert maps.choose_maps(space, "pca") == ["pca", "tsne"]
    assert maps.choose_maps(space, "umap") == ["umap", "tsne", "pca"]
    assert maps.choose_maps(explored(codes_of(4, 3)), None) == ["pca"]
    monkeypatch.setattr(maps, "MAX_TSNE", 10)
    assert maps.choose_maps(space, None) == ["pca"]
    assert maps.choose_maps(space, "tsne") == ["tsne", "pca"]
    monkeypatch.setattr(maps, "missing", lambda method: method == "tsne")
    monkeypatch.setattr(maps, "MAX_TSNE", 100)
    assert maps.choose_maps(space, None) == ["pca"]


def test_maps_that_cannot_be_drawn_are_refused():
    with pytest.raises(ConfigError, match="32 numbers"):
        maps.check_method("code", 32)
    maps.check_method("code", 2)
    maps.check_method(None, 32)


def test_a_missing_package_is_named(monkeypatch):
    from latentscape.analyses.maps import projections

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(projections, "load", absent)
    with pytest.raises(ConfigError, match=r"latentscape\[maps\]"):
        maps.check_method("umap", 5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_procrustes_undoes_a_similarity(mirrored):
    places = codes_of(40, 2)
    angle = 0.7
    matrix = 3 * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix[:, 0] *= -1 if mirrored else 1
    move = maps.similarity(places @ matrix + [4, -2], places)
    assert np.allclose(move(places @ matrix + [4, -2]), places, atol=1e-4)


def test_procrustes_agrees_with_scipy():
    from scipy.spatial import procrustes

    places, onto = codes_of(40, 2), codes_of(40, 2, seed=1)
    moved = maps.similarity(places, onto)(places)
    error = np.square(moved - onto).sum() / np.square(onto - onto.mean(0)).sum()
    assert np.isclose(error, procrustes(onto, places)[2])


def test_nothing_is_moved_onto_a_single_place():
    assert maps.similarity(codes_of(5, 2), np.zeros((5, 2))) is None
    assert maps.similarity(np.zeros((5, 2)), codes_of(5, 2)) is None


@pytest.mark.parametrize(("dim", "method"), [(6, "pca"), (2, "pca"), (2, "code")])
def test_an_aligned_map_decodes_as_before(dim, method):
    first, second = explored(codes_of(50, dim)), explored(codes_of(50, dim, seed=1))
    piece, onto = maps.draw(second, method), maps.draw(first, method)
    aligned = maps.align(piece.fields["maps"], piece.arrays, onto.arrays)
    (one,) = aligned.fields["maps"]
    assert one.decode == "linear"
    assert aligned.fields["aligned"]
    places = aligned.arrays[f"map/{method}"]
    before = piece.arrays[f"map/{method}"]
    expected = before if method == "code" else decoded(before, piece.arrays)
    assert np.allclose(decoded(places, aligned.arrays, method), expected, atol=1e-3)
    other = onto.arrays[f"map/{method}"]
    assert np.square(places - other).sum() <= np.square(before - other).sum()


def test_a_map_that_the_first_model_lacks_stays():
    piece = maps.draw(explored(codes_of(50, 2)), "code")
    aligned = maps.align(piece.fields["maps"], piece.arrays, {})
    assert aligned.fields == {"maps": piece.fields["maps"], "aligned": False}
    assert not aligned.arrays
