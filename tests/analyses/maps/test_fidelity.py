import numpy as np
import pytest
import torch

from latentscape.analyses.maps.fidelity import map_fidelity, neighbourhood_size


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def numbers(fidelity):
    return fidelity.model_dump()


def line(*places):
    """Points on a line, as codes or as places in the plane."""
    return np.array([(place, 0) for place in places], dtype=np.float32)


@pytest.mark.parametrize(
    ("count", "size"), [(5, 2), (6, 2), (20, 9), (21, 10), (22, 10), (999, 10)]
)
def test_neighbours_are_fewer_than_half_of_the_points(count, size):
    assert neighbourhood_size(count) == size < count / 2


def test_scores_counted_by_hand():
    """Of five points on a line the last has moved to the other end; each has two neighbours."""
    fidelity = map_fidelity(line(0, 1, 3, 7, 15), line(0, 1, 3, 7, -2))
    # The moved one is a new neighbour of the first, and its fourth by rank (2 too many); it has the
    # first (2) and the second (1) for new ones. Five points can be worth 15 at the most.
    assert fidelity.trustworthiness == pytest.approx(1 - 5 / 15)
    # The first has lost the third, now its third (1); the moved one its old two (1 and 2).
    assert fidelity.continuity == pytest.approx(1 - 4 / 15)
    assert fidelity.accuracy is None


def test_a_map_that_turns_and_stretches_loses_nothing(rng):
    codes = rng.normal(size=(200, 2)).astype(np.float32)
    turned = codes @ np.array([[0.6, 0.8], [-0.8, 0.6]], dtype=np.float32) * 1000 + 5
    fidelity = map_fidelity(codes, turned)
    assert fidelity.trustworthiness == pytest.approx(1, abs=1e-4)
    assert fidelity.continuity == pytest.approx(1, abs=1e-4)
    assert map_fidelity(codes, codes).trustworthiness == 1


def test_agrees_with_scikit_learn_both_ways(rng):
    from sklearn.manifold import trustworthiness

    codes = rng.normal(size=(300, 7)).astype(np.float32)
    places = codes[:, :2] + 0.2 * rng.normal(size=(300, 2)).astype(np.float32)
    fidelity = map_fidelity(codes, places)
    expected = trustworthiness(codes, places, n_neighbors=10)
    assert fidelity.trustworthiness == pytest.approx(expected, abs=1e-4)
    expected = trustworthiness(places, codes, n_neighbors=10)
    assert fidelity.continuity == pytest.approx(expected, abs=1e-4)
    assert fidelity.trustworthiness < fidelity.continuity < 0.95


def test_swapping_plane_and_code_swaps_the_scores(rng):
    codes, places = (rng.normal(size=(90, 2)).astype(np.float32) for _ in range(2))
    straight, swapped = map_fidelity(codes, places), map_fidelity(places, codes)
    assert straight.trustworthiness == swapped.continuity
    assert straight.continuity == swapped.trustworthiness


def test_equal_points_are_all_the_nearest(rng):
    """Which of many equal points are drawn next to each other is no fault of a map."""
    codes = np.repeat(500 + 100 * rng.normal(size=(5, 300)), 30, axis=0).astype(np.float32)
    places = np.repeat(rng.normal(size=(5, 2)), 30, axis=0).astype(np.float32)
    fidelity = map_fidelity(codes, places)
    assert (fidelity.trustworthiness, fidelity.continuity) == (1, 1)


def test_accuracy_is_that_of_a_vote_without_the_point_itself():
    places = line(*range(6), *range(100, 106))
    labels = np.array([1] * 6 + [0] * 5 + [1])
    # Each has five neighbours, those of its own half; only the last stands alstraight.
    assert map_fidelity(places, places, labels).accuracy == pytest.approx(11 / 12)
    assert map_fidelity(places, places, 1 - labels).accuracy == pytest.approx(11 / 12)


def test_chunks_change_nothing_and_stay_small(rng, monkeypatch):
    codes, places = rng.normal(size=(2, 80, 2)).astype(np.float32)
    labels = rng.integers(0, 3, 80)
    whole = map_fidelity(codes, places, labels)
    sizes, cdist = [], torch.cdist

    def watched(chunk, points, **settings):
        sizes.append(len(chunk) * len(points))
        return cdist(chunk, points, **settings)

    monkeypatch.setattr(torch, "cdist", watched)
    monkeypatch.setattr("latentscape.analyses.maps.fidelity.MAX_VALUES", 7 * 80)
    assert numbers(map_fidelity(codes, places, labels)) == pytest.approx(numbers(whole))
    assert max(sizes) <= 7 * 80


def test_of_many_points_some_are_asked(rng, monkeypatch):
    codes = rng.normal(size=(600, 5)).astype(np.float32)
    places, labels = codes[:, :2].copy(), (codes[:, 0] > 0).astype(np.int64)
    whole = map_fidelity(codes, places, labels)
    monkeypatch.setattr("latentscape.analyses.maps.fidelity.MAX_QUERIES", 200)
    of_some = map_fidelity(codes, places, labels)
    assert of_some != whole
    assert numbers(of_some) == pytest.approx(numbers(whole), abs=0.05)
