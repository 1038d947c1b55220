import sys
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from latentscape.analyses.codes import guess_labels
from latentscape.analyses.maps import ANALYSIS
from latentscape.analyses.maps.fidelity import map_fidelity
from latentscape.analyses.maps.method import draw_maps, farthest_points, map_of
from latentscape.analyses.maps.projections import place, start_places
from latentscape.analyses.maps.result import Maps, MapSettings
from latentscape.analyses.maps.sentences import describe_settings
from latentscape.config import validate
from latentscape.core.errors import ConfigError
from latentscape.core.findings import put_arrays, take_arrays
from latentscape.evaluation.codes import array_codes, pca_codes, pixel_codes
from latentscape.reporting.sentences import describe_skip

QUICK = ("pca", "tsne")


@pytest.fixture(scope="module")
def rows(small):
    """Codes of two numbers, which stand for a model's, and the baselines."""
    pixels = pixel_codes(small)
    codes = replace(pca_codes(pixels, 2), name="mine", kind="model")
    return [codes, pixels, pca_codes(pixels, 8)]


@pytest.fixture(scope="module")
def maps(rows):
    return draw(rows, methods=QUICK, points=60)


def draw(rows, **settings):
    return draw_maps(rows, MapSettings(**settings))


def of_method(maps, method):
    return {item.method: item for item in maps.methods}[method]


def sentences(maps):
    return [describe_skip(skip, ANALYSIS.skip_reasons) for skip in maps.skipped]


def without_labels(row):
    dataset = replace(row.split.dataset, labels=None)
    return replace(row, split=replace(row.split, dataset=dataset))


def test_the_layout_of_the_result(maps, rows):
    assert maps.skipped == ()
    assert [item.method for item in maps.methods] == ["code", "pca", "tsne"]
    assert maps.protocol.neighbours == 10
    names = [(row.name, row.kind) for row in rows]
    for item in maps.methods:
        expected = names[:1] if item.method == "code" else names
        assert [(layout.code, layout.kind) for layout in item.layouts] == expected
        assert all(layout.places.shape == (60, 2) for layout in item.layouts)
        assert all(layout.places.dtype == np.float32 for layout in item.layouts)
    assert describe_settings("tsne", maps.methods[2].settings) == "perplexity 19.7, by openTSNE"


def test_a_result_comes_back_from_json_and_arrays(maps):
    content, arrays = take_arrays(maps)
    again = Maps.model_validate(put_arrays(content, arrays))
    np.testing.assert_array_equal(again.points, maps.points)
    assert again.methods[2].settings == maps.methods[2].settings
    np.testing.assert_array_equal(
        again.methods[2].layouts[1].places, maps.methods[2].layouts[1].places
    )


def test_every_row_shows_the_same_test_examples(maps, rows, small):
    points = maps.points
    assert len(np.unique(points)) == 60
    where = np.searchsorted(small.test, points)
    np.testing.assert_array_equal(small.test[where], points)
    (own,) = of_method(maps, "code").layouts
    np.testing.assert_array_equal(own.places, rows[0].test[where])
    np.testing.assert_array_equal(maps.labels, small.dataset.labels[points])
    assert "60 test examples" in ANALYSIS.protocol(maps)[0]


def test_scores_are_those_of_the_maps(maps, rows):
    for item in maps.methods[1:]:
        for layout, row in zip(item.layouts, rows, strict=True):
            codes = row.test[np.searchsorted(row.split.test, maps.points)]
            assert layout.fidelity == map_fidelity(codes, layout.places, maps.labels)
            assert layout.seconds > 0


def test_a_code_of_two_numbers_is_a_map_without_loss(maps):
    (own,) = of_method(maps, "code").layouts
    assert (own.fidelity.trustworthiness, own.fidelity.continuity) == (1, 1)


def test_without_such_a_code_there_is_no_such_map(rows):
    maps = draw(rows[1:], methods=["pca"], points=20)
    assert [item.method for item in maps.methods] == ["pca"]


def test_all_rows_begin_at_the_components_of_the_pixels(rows, monkeypatch):
    starts = []

    def remember(codes, seed):
        starts.append(codes.shape[1])
        return start_places(codes, seed)

    monkeypatch.setattr("latentscape.analyses.maps.method.start_places", remember)
    maps = draw(rows, methods=["pca"], points=20)
    assert starts == [28 * 28]
    assert "components of the raw pixels" in ANALYSIS.protocol(maps)[0]
    starts.clear()
    maps = draw([rows[0], rows[2]], methods=["pca"], points=20)
    assert starts == [2, 8]
    assert "components of each row's own codes" in ANALYSIS.protocol(maps)[0]


def test_the_same_input_and_seed_give_the_same_maps(maps, rows):
    again = draw(rows, methods=QUICK, points=60)
    for item, other in zip(maps.methods, again.methods, strict=True):
        for layout, repeated in zip(item.layouts, other.layouts, strict=True):
            np.testing.assert_array_equal(layout.places, repeated.places)
    np.testing.assert_array_equal(maps.thumbnails.images, again.thumbnails.images)
    np.testing.assert_array_equal(maps.thumbnails.points, again.thumbnails.points)
    reseeded = draw(rows[:1], methods=["tsne"], points=60, seed=1)
    places = [of_method(item, "tsne").layouts[0].places for item in (maps, reseeded)]
    assert (places[0] != places[1]).any()


def test_umap_stands_beside_the_others(rows):
    maps = draw(rows[:2], methods=["umap"], points=60)
    umap = of_method(maps, "umap")
    assert umap.settings == {"n_neighbors": 15.0, "min_dist": 0.1}
    assert all(layout.fidelity.trustworthiness > 0.8 for layout in umap.layouts)


def test_all_of_the_test_part_and_no_more_by_default(rows):
    maps = draw(rows[:1], methods=["pca"])
    np.testing.assert_array_equal(maps.points, rows[0].split.test)
    np.testing.assert_array_equal(maps.methods[0].layouts[0].places, rows[0].test)


def test_training_examples_only_where_more_are_asked_for(rows, monkeypatch):
    monkeypatch.setattr("latentscape.analyses.maps.method.DEFAULT_POINTS", 80)
    maps = draw(rows[:1], methods=["pca"], points=130)
    points, split = maps.points, rows[0].split
    np.testing.assert_array_equal(points[:100], split.test)
    assert np.isin(points[100:], split.train).all()
    assert len(np.unique(points)) == 130
    assert "100 test and 30 training examples" in ANALYSIS.protocol(maps)[0]
    everything = draw(rows[:1], methods=["pca"], points=10**6)
    assert len(everything.points) == len(split.test) + len(split.train)


def test_progress_is_told_map_by_map(rows, heard):
    draw(rows[:2], methods=["pca"], points=20)
    names = [row.name for row in rows]
    expected = [f"The code itself of {names[0]}", f"PCA of {names[0]}", f"PCA of {names[1]}"]
    assert heard.of("maps") == expected


def test_maps_of_baselines_are_drawn_once(rows):
    cache = {}

    def once(key, compute):
        return cache.setdefault(key, None) or cache.__setitem__(key, compute()) or cache[key]

    settings = MapSettings(methods=["pca"], points=20)
    first, second = (draw_maps(rows, settings, once=once) for _ in range(2))
    assert len(cache) == 2
    pairs = zip(of_method(first, "pca").layouts, of_method(second, "pca").layouts, strict=True)
    assert [layout is again for layout, again in pairs] == [False, True, True]


@pytest.mark.parametrize(
    ("package", "method", "name"), [("umap", "umap", "UMAP"), ("openTSNE", "tsne", "t-SNE")]
)
def test_a_package_that_is_not_installed(rows, monkeypatch, package, method, name):
    monkeypatch.setitem(sys.modules, package, None)
    maps = draw(rows[:1], methods=["pca", method], points=20)
    expected = f"{name} was left out: install it with: pip install 'latentscape[maps]'."
    assert sentences(maps) == [expected]
    assert [item.method for item in maps.methods] == ["code", "pca"]
    assert not ANALYSIS.is_current(maps.model_copy(update={"settings": MapSettings()}))


def test_too_few_points_have_no_map(rows, small):
    split = replace(small, test=small.test[:4])
    few = [replace(row, split=split, test=row.test[:4]) for row in rows]
    maps = draw_maps(few)
    assert maps.methods == ()
    assert sentences(maps) == ["Maps were left out: there are 4 points, and a map needs 5."]
    assert maps.thumbnails is None
    assert ANALYSIS.protocol(maps) == ()


def test_five_points_have_maps(rows, small):
    split = replace(small, test=small.test[::20])
    few = [replace(row, split=split, test=row.test[::20]) for row in rows]
    maps = draw(few, methods=QUICK)
    assert maps.protocol.neighbours == 2
    assert maps.methods[-1].layouts[0].fidelity.accuracy is not None


def test_accuracy_in_the_plane_stands_beside_guesses(rows, small):
    maps = draw(rows, methods=["pca"], points=60)
    (layout, *_) = maps.methods[-1].layouts
    assert maps.accuracy(layout).trials == 60
    # Scores are of the points themselves, each of which its neighbours name.
    counts = np.bincount(maps.labels)
    assert maps.guessing == guess_labels(maps.labels, maps.labels)
    assert maps.guessing.largest == counts.max() / 60


def test_a_collapsed_code_has_no_map(rows, small):
    same = array_codes(np.ones((len(small.dataset), 4)), small, "flat")
    maps = draw([same, *rows[:2]], methods=QUICK, points=20)
    assert sentences(maps) == [
        "The codes of flat are all the same: the encoder has collapsed, so there is no map of them."
    ]
    assert maps.layouts("flat", "other") == {}
    assert "pca" in maps.layouts("mine", "model")
    # Images go with the first map that there is.
    assert len(maps.thumbnails.images) > 1


def test_nothing_but_collapsed_codes(small):
    same = array_codes(np.ones((len(small.dataset), 2)), small, "flat")
    maps = draw([same], methods=QUICK)
    assert maps.methods == ()
    assert "flat are all the same" in sentences(maps)[0]


def test_without_labels_there_is_no_accuracy(rows):
    maps = draw([without_labels(rows[0])], methods=["pca"], points=20)
    assert maps.methods[1].layouts[0].fidelity.accuracy is None
    assert maps.accuracy(maps.methods[1].layouts[0]) is None
    assert maps.guessing is None
    assert sentences(maps)[0].endswith("left out: the data have no labels.")
    assert (maps.labels == -1).all()


def test_one_label_is_no_accuracy(rows, small):
    ones = small.test[small.dataset.labels[small.test] == 1]
    where = np.searchsorted(small.test, ones)
    row = replace(rows[0], split=replace(small, test=ones), test=rows[0].test[where])
    maps = draw([row], methods=["pca"])
    assert maps.methods[0].layouts[0].fidelity.accuracy is None
    assert sentences(maps)[0].endswith("have the same label.")
    assert (maps.labels == 1).all()


def test_images_stand_at_places_that_are_apart(maps, small):
    images, where = maps.thumbnails.images, maps.thumbnails.points
    expected = small.dataset.images[maps.points[where]] / 255
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert len(np.unique(where)) == len(where) > 20


def test_all_points_have_small_pictures(maps, small):
    assert maps.pictures.shape == (len(maps.points), 1, 14, 14)
    assert maps.pictures.dtype == np.uint8
    blocks = small.dataset.images[maps.points].reshape(-1, 1, 14, 2, 14, 2)
    expected = blocks.astype(float).mean(axis=(3, 5))
    np.testing.assert_allclose(maps.pictures, expected, atol=0.51)


def test_very_many_points_have_no_pictures(rows, monkeypatch):
    monkeypatch.setattr("latentscape.analyses.maps.method.MAX_PICTURES", 40)
    assert draw(rows[:1], methods=["pca"], points=41).pictures is None


def test_large_images_are_few(rows, monkeypatch):
    monkeypatch.setattr("latentscape.evaluation.pictures.MAX_VALUES", 3 * 28 * 28)
    maps = draw(rows[:1], methods=["pca"], points=50)
    assert maps.thumbnails.images.shape == (3, 1, 28, 28)


def test_vectors_have_no_images(vectors):
    maps = draw([pixel_codes(vectors)], methods=["pca"])
    assert maps.thumbnails is None
    assert maps.pictures is None
    assert maps.methods[0].layouts[0].places.shape == (len(vectors.test), 2)


def test_places_are_chosen_so_that_squares_do_not_overlap():
    places = np.random.default_rng(0).random((500, 2))
    points = farthest_points(places, 1000, 0.1)
    gaps = np.abs(places[points, None] - places[points]).max(2) + np.eye(len(points))
    assert gaps.min() > 0.1
    # None of the others would find room.
    assert np.abs(places[:, None] - places[points]).max(2).min(1).max() <= 0.1
    np.testing.assert_array_equal(farthest_points(places, 7, 0.1), points[:7])
    assert len(farthest_points(np.ones((9, 2)), 5, 0)) == 1


def test_a_map_can_be_taken_out_and_takes_new_points(maps, rows):
    projection = map_of(maps, rows[2], "tsne")
    np.testing.assert_array_equal(projection.places, of_method(maps, "tsne").layouts[2].places)
    where = np.searchsorted(rows[2].split.test, maps.points)
    np.testing.assert_array_equal(projection.codes, rows[2].test[where])
    assert place(projection, rows[2].train[:7]).shape == (7, 2)


def test_a_map_that_is_not_there(maps, rows):
    with pytest.raises(ConfigError, match="no map of mine called 'umap'.*code, pca, tsne"):
        map_of(maps, rows[0], "umap")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ["t-sne"]}, "no method called 't-sne'.*Did you mean 'tsne'"),
        ({"points": 4}, "map of 4 points.*5 or more"),
        ({"points": -1}, "map of -1 points"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ConfigError, match=message):
        validate(MapSettings, settings, "settings")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["methods"][2]["settings"].clear(),
        lambda content: content["methods"][2].update(method="magic"),
        lambda content: content["methods"][1]["layouts"].clear(),
        lambda content: content["methods"][1]["layouts"][0].update(places=np.zeros((60, 3))),
        lambda content: content["methods"][1]["layouts"][0].update(places=np.zeros((59, 2))),
        lambda content: content["methods"][1]["layouts"][0].update(places=np.full((60, 2), np.nan)),
        lambda content: content.update(labels=content["labels"][1:]),
        lambda content: content["thumbnails"].update(points=content["thumbnails"]["points"] + 60),
        lambda content: content["thumbnails"].update(images=content["thumbnails"]["images"][1:]),
        lambda content: content["thumbnails"].update(images=content["thumbnails"]["images"][0]),
    ],
)
def test_what_does_not_fit_together_is_refused(maps, change):
    content = maps.model_dump()
    content["methods"] = [
        {**item, "layouts": [*item["layouts"]], "settings": {**item["settings"]}}
        for item in content["methods"]
    ]
    change(content)
    with pytest.raises(ValidationError):
        Maps.model_validate(content)
