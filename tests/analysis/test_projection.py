import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from latentscape.analyses.maps.fidelity import map_quality
from latentscape.analyses.maps.method import map_of, project_codes, spread_out
from latentscape.analyses.maps.projections import place, start_places
from latentscape.core.errors import ConfigError
from latentscape.evaluation.codes import given_codes, pca_codes, pixel_codes

QUICK = ("pca", "tsne")


@pytest.fixture(scope="module")
def rows(small):
    """Codes of two numbers, which stand for a model's, and the baselines."""
    pixels = pixel_codes(small)
    codes = replace(pca_codes(pixels, 2), name="mine", kind="model")
    return [codes, pixels, pca_codes(pixels, 8)]


@pytest.fixture(scope="module")
def found(rows):
    return project_codes(rows, methods=QUICK, points=60)


def without_labels(row):
    dataset = replace(row.split.dataset, labels=None)
    return replace(row, split=replace(row.split, dataset=dataset))


def test_the_layout_of_what_is_found(found, rows):
    values = found.values
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert list(values) == ["protocol", "left_out", "rows", "maps"]
    assert values["left_out"] == []
    assert values["rows"][2] == {"name": "PCA, 8", "kind": "pca", "dim": 8}
    assert [m["method"] for m in values["maps"]] == ["code", "pca", "tsne"]
    for drawn in values["maps"]:
        assert (drawn["n"], drawn["neighbours"]) == (60, 10)
        assert len(drawn["scores"]) == len(rows)
    assert values["maps"][2]["protocol"] == "perplexity 19.7, by openTSNE"
    names = {f"map_{method}_{number}" for method in QUICK for number in range(3)}
    assert {name for name in found.arrays if name[-1].isdigit()} == names | {"map_code_0"}
    assert all(found.arrays[name].shape == (60, 2) for name in names)
    assert all(found.arrays[name].dtype == np.float32 for name in names)


def test_every_row_shows_the_same_test_examples(found, rows, small):
    points = found.arrays["map_points"]
    assert len(np.unique(points)) == 60
    where = np.searchsorted(small.test, points)
    np.testing.assert_array_equal(small.test[where], points)
    np.testing.assert_array_equal(found.arrays["map_code_0"], rows[0].test[where])
    np.testing.assert_array_equal(found.arrays["map_labels"], small.dataset.labels[points])
    assert "60 test examples" in found.values["protocol"]


def test_scores_are_those_of_the_maps(found, rows):
    for drawn in found.values["maps"][1:]:
        for number, row in enumerate(rows):
            arrays = found.arrays
            codes = row.test[np.searchsorted(row.split.test, arrays["map_points"])]
            places = arrays[f"map_{drawn['method']}_{number}"]
            expected = map_quality(codes, places, arrays["map_labels"])
            scores = drawn["scores"][number]
            assert {**scores, **expected} == scores
            assert scores["seconds"] > 0


def test_a_code_of_two_numbers_is_a_map_without_loss(found):
    own, *others = found.values["maps"][0]["scores"]
    assert (own["trustworthiness"], own["continuity"]) == (1, 1)
    assert all(set(scores.values()) == {None} for scores in others)


def test_without_such_a_code_there_is_no_such_map(rows):
    maps = project_codes(rows[1:], methods=["pca"], points=20).values["maps"]
    assert [drawn["method"] for drawn in maps] == ["pca"]


def test_all_rows_begin_at_the_components_of_the_pixels(rows, monkeypatch):
    starts = []

    def remember(codes, seed):
        starts.append(codes.shape[1])
        return start_places(codes, seed)

    monkeypatch.setattr("latentscape.analyses.maps.method.start_places", remember)
    told = project_codes(rows, methods=["pca"], points=20).values["protocol"]
    assert starts == [28 * 28]
    assert "components of the raw pixels" in told
    starts.clear()
    told = project_codes([rows[0], rows[2]], methods=["pca"], points=20).values["protocol"]
    assert starts == [2, 8]
    assert "components of each row's own codes" in told


def test_the_same_input_and_seed_give_the_same_maps(found, rows):
    again = project_codes(rows, methods=QUICK, points=60)
    for name, array in found.arrays.items():
        np.testing.assert_array_equal(again.arrays[name], array)
    other = project_codes(rows[:1], methods=["tsne"], points=60, seed=1)
    assert (other.arrays["map_tsne_0"] != found.arrays["map_tsne_0"]).any()


def test_umap_stands_beside_the_others(rows):
    found = project_codes(rows[:2], methods=["umap"], points=60)
    scores = found.values["maps"][1]["scores"]
    assert found.values["maps"][1]["settings"] == {"n_neighbors": 15.0, "min_dist": 0.1}
    assert all(s["trustworthiness"] > 0.8 for s in scores)


def test_all_of_the_test_part_and_no_more_by_default(rows):
    found = project_codes(rows[:1], methods=["pca"])
    np.testing.assert_array_equal(found.arrays["map_points"], rows[0].split.test)
    np.testing.assert_array_equal(found.arrays["map_code_0"], rows[0].test)


def test_training_examples_only_where_more_are_asked_for(rows, monkeypatch):
    monkeypatch.setattr("latentscape.analyses.maps.method.POINTS", 80)
    found = project_codes(rows[:1], methods=["pca"], points=130)
    points, split = found.arrays["map_points"], rows[0].split
    np.testing.assert_array_equal(points[:100], split.test)
    assert np.isin(points[100:], split.train).all()
    assert len(np.unique(points)) == 130
    assert "100 test and 30 training examples" in found.values["protocol"]
    everything = project_codes(rows[:1], methods=["pca"], points=10**6)
    assert everything.values["maps"][0]["n"] == len(split.test) + len(split.train)


def test_progress_is_told_map_by_map(rows):
    seen = []

    def watch(jobs):
        for job in jobs:
            seen.append(job)
            yield job

    project_codes(rows[:2], methods=["pca"], points=20, watch=watch)
    assert seen == [("code", 0), ("pca", 0), ("pca", 1)]


@pytest.mark.parametrize(
    ("package", "method", "name"), [("umap", "umap", "UMAP"), ("openTSNE", "tsne", "t-SNE")]
)
def test_a_package_that_is_not_installed(rows, monkeypatch, package, method, name):
    monkeypatch.setitem(sys.modules, package, None)
    found = project_codes(rows[:1], methods=["pca", method], points=20).values
    told = f"{name} was left out: install it with: pip install 'latentscape[maps]'"
    assert found["left_out"] == [told]
    assert [drawn["method"] for drawn in found["maps"]] == ["code", "pca"]


def test_too_few_points_have_no_map(rows, small):
    split = replace(small, test=small.test[:4])
    few = [replace(row, split=split, test=row.test[:4]) for row in rows]
    found = project_codes(few)
    assert found.values["maps"] == []
    assert found.values["left_out"] == ["Maps were left out: there are 4 points, and a map needs 5"]
    assert "map_images" not in found.arrays


def test_five_points_have_maps(rows, small):
    split = replace(small, test=small.test[::20])
    few = [replace(row, split=split, test=row.test[::20]) for row in rows]
    found = project_codes(few, methods=QUICK).values
    assert found["maps"][-1]["neighbours"] == 2
    assert all(score is not None for score in found["maps"][-1]["scores"][0].values())


def test_a_collapsed_code_has_no_map(rows, small):
    same = given_codes(np.ones((len(small.dataset), 4)), small, "flat")
    found = project_codes([same, *rows[:2]], methods=QUICK, points=20)
    told = (
        "The codes of flat are all the same: the encoder has collapsed, so there is no map of them"
    )
    assert found.values["left_out"] == [told]
    assert "map_pca_0" not in found.arrays
    assert "map_pca_1" in found.arrays
    assert set(found.values["maps"][0]["scores"][0].values()) == {None}
    # Images go with the first map that there is.
    assert len(found.arrays["map_images"]) > 1


def test_nothing_but_collapsed_codes(small):
    same = given_codes(np.ones((len(small.dataset), 2)), small, "flat")
    found = project_codes([same], methods=QUICK)
    assert found.values["maps"] == []
    assert "flat are all the same" in found.values["left_out"][0]


def test_without_labels_there_is_no_accuracy(rows):
    found = project_codes([without_labels(rows[0])], methods=["pca"], points=20)
    assert found.values["maps"][1]["scores"][0]["map_accuracy"] is None
    assert found.values["left_out"][0].endswith("left out: the data have no labels")
    assert (found.arrays["map_labels"] == -1).all()


def test_one_label_is_no_accuracy(rows, small):
    ones = small.test[small.dataset.labels[small.test] == 1]
    where = np.searchsorted(small.test, ones)
    row = replace(rows[0], split=replace(small, test=ones), test=rows[0].test[where])
    found = project_codes([row], methods=["pca"])
    assert found.values["maps"][0]["scores"][0]["map_accuracy"] is None
    assert found.values["left_out"][0].endswith("all points have the same label")
    assert (found.arrays["map_labels"] == 1).all()


def test_images_stand_at_places_that_are_apart(found, small):
    images, where = found.arrays["map_images"], found.arrays["map_image_places"]
    expected = small.dataset.images[found.arrays["map_points"][where]] / 255
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert len(np.unique(where)) == len(where) > 20


def test_large_images_are_few(rows, monkeypatch):
    monkeypatch.setattr("latentscape.analyses.maps.method.VALUES", 3 * 28 * 28)
    found = project_codes(rows[:1], methods=["pca"], points=50)
    assert found.arrays["map_images"].shape == (3, 1, 28, 28)


def test_vectors_have_no_images(vectors):
    found = project_codes([pixel_codes(vectors)], methods=["pca"])
    assert "map_images" not in found.arrays
    assert found.arrays["map_pca_0"].shape == (len(vectors.test), 2)


def test_places_are_chosen_so_that_squares_do_not_overlap():
    places = np.random.default_rng(0).random((500, 2))
    chosen = spread_out(places, 1000, 0.1)
    gaps = np.abs(places[chosen, None] - places[chosen]).max(2) + np.eye(len(chosen))
    assert gaps.min() > 0.1
    # None of the others would find room.
    assert np.abs(places[:, None] - places[chosen]).max(2).min(1).max() <= 0.1
    np.testing.assert_array_equal(spread_out(places, 7, 0.1), chosen[:7])
    assert len(spread_out(np.ones((9, 2)), 5, 0)) == 1


def test_a_map_can_be_taken_out_and_takes_new_points(found, rows):
    drawn = map_of(found, rows[2], "tsne", 2)
    np.testing.assert_array_equal(drawn.places, found.arrays["map_tsne_2"])
    where = np.searchsorted(rows[2].split.test, found.arrays["map_points"])
    np.testing.assert_array_equal(drawn.codes, rows[2].test[where])
    assert place(drawn, rows[2].train[:7]).shape == (7, 2)


def test_a_map_that_is_not_there(found, rows):
    with pytest.raises(ConfigError, match="no map of mine called 'umap'.*code, pca, tsne"):
        map_of(found, rows[0], "umap")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"methods": ["t-sne"]}, "no method called 't-sne'.*Did you mean 'tsne'"),
        ({"points": 4}, "map of 4 points.*5 or more"),
        ({"points": -1}, "map of -1 points"),
    ],
)
def test_what_cannot_be_asked(rows, asked, message):
    with pytest.raises(ConfigError, match=message):
        project_codes(rows, **asked)
