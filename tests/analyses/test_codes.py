"""What accuracy takes no code to reach, in every table of accuracies."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.dummy import DummyClassifier
from sklearn.metrics import confusion_matrix

from analyses.printing import joined, printed  # noqa: F401
from latentscape.analyses.clusters import ANALYSIS as CLUSTERS
from latentscape.analyses.clusters.clusterers import CLUSTERERS, SEEDS
from latentscape.analyses.clusters.method import find_clusters
from latentscape.analyses.codes import CHANCE, LARGEST, guess_labels
from latentscape.analyses.comparison import compare_codes
from latentscape.analyses.neighbours.method import find_neighbours
from latentscape.analyses.neighbours.section import describe_agreement
from latentscape.analyses.probes import ANALYSIS as PROBES
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Dataset
from latentscape.evaluation.codes import pixel_codes

TRAIN = np.repeat([0, 1, 2], [50, 30, 20])
TEST = np.repeat([0, 1, 2], [10, 10, 5])


def test_guessing_is_that_of_scikit_learn():
    nothing = np.zeros((100, 1))
    guess = guess_labels(TRAIN, TEST)
    largest = DummyClassifier(strategy="most_frequent").fit(nothing, TRAIN)
    assert guess.accuracies[LARGEST] == largest.score(np.zeros((25, 1)), TEST) == 0.4
    draws = [
        DummyClassifier(strategy="uniform", random_state=seed)
        .fit(nothing, TRAIN)
        .score(np.zeros((25, 1)), TEST)
        for seed in range(300)
    ]
    assert guess.accuracies[CHANCE] == pytest.approx(np.mean(draws), abs=0.02)


@pytest.mark.parametrize(
    "labels", [(None, TEST), (TRAIN, None), (TRAIN[:0], TEST), (TRAIN, TEST[:0])]
)
def test_without_labels_there_is_nothing_to_guess(labels):
    assert guess_labels(*labels) is None


@pytest.fixture(scope="module")
def comparison():
    """Three clouds of vectors, twice as many of the first."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4 % 3
    values = (rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[labels]).astype(np.float32)
    return compare_codes(codes={"z": values}, labels=labels)


@pytest.fixture(scope="module")
def probes(comparison):
    settings = PROBES.settings(probes=("knn",), counts=(10,), draws=2)
    return PROBES.measure(comparison, settings, PROBES.inputs())


@pytest.fixture(scope="module")
def clusters(comparison):
    return CLUSTERS.measure(comparison, CLUSTERS.settings(methods=("kmeans",)), CLUSTERS.inputs())


@pytest.mark.parametrize(("item", "result"), [(PROBES, "probes"), (CLUSTERS, "clusters")])
def test_tables_have_chance_and_the_largest_class(item, result, request, printed):  # noqa: F811
    text = joined(printed(lambda: item.print_table(request.getfixturevalue(result)), 120))
    assert CHANCE in text
    assert "33.3 %" in text
    assert LARGEST in text
    assert "50.0 %" in text


@pytest.mark.parametrize(("item", "result"), [(PROBES, "probes"), (CLUSTERS, "clusters")])
def test_guesses_stand_among_the_scores_of_codes(item, result, request):
    scores = list(item.scores(request.getfixturevalue(result)))
    chance, largest = scores[-2:]
    assert (chance.kind, largest.kind) == ("guess", "guess")
    one_to_one = {key for key in chance.scores if key.endswith("hungarian")}
    by_guess = {value for key, value in chance.scores.items() if key not in one_to_one}
    assert by_guess == {1 / 3}
    # The map is chosen by the labels: random clusters do better than a label at random.
    assert all(1 / 3 < chance.scores[key] < 0.6 for key in one_to_one)
    assert set(largest.scores.values()) == {0.5}
    assert chance.scores.keys() <= scores[0].scores.keys()
    assert scores[0].spread[next(iter(chance.scores))].trials == 40


def test_k_means_has_a_spread_over_seeds(comparison, monkeypatch):
    """Against K-means with each of the seeds, scored by itself."""
    monkeypatch.setitem(CLUSTERERS, "kmeans", replace(CLUSTERERS["kmeans"], repeats=1))
    codes, settings = comparison.rows[0], CLUSTERS.settings(methods=("kmeans",))
    single = find_clusters(codes, settings).partition("kmeans")
    monkeypatch.undo()

    accuracies = [single.agreement.hungarian]
    for repeat in range(1, SEEDS):
        seed = derive_seed(0, "repeat", repeat)
        clustering = CLUSTERERS["kmeans"].fit(codes.train, 3, seed)
        assigned = clustering.assign(codes.test)

        table = confusion_matrix(codes.labels("test"), assigned)
        accuracies.append(table[linear_sum_assignment(-table)].sum() / table.sum())
    whole = find_clusters(codes, settings).partition("kmeans")
    statistic = whole.statistic("hungarian")
    assert statistic.n == SEEDS == 5
    assert statistic.mean == pytest.approx(np.mean(accuracies))
    assert statistic.sd == pytest.approx(np.std(accuracies, ddof=1))
    assert whole.agreement == single.agreement
    assert single.statistic("hungarian").sd is None


def test_neighbours_say_what_guessing_reaches(small):
    codes = pixel_codes(small)
    sentence = describe_agreement(find_neighbours(codes, codes, small.examples(2)))
    assert "of the 100 test images has their label" in sentence
    assert "Without looking: chance 10.0 %, largest class" in sentence


def test_two_test_images_are_not_certain(printed):  # noqa: F811
    """Every classifier names both of two images rightly, in every draw."""
    values = np.repeat([[0.0, 0.0], [9.0, 9.0]], 10, axis=0).astype(np.float32)
    values += np.random.default_rng(0).random(values.shape, dtype=np.float32) / 10
    labels = np.repeat([0, 1], 10)
    order = np.random.default_rng(1).permutation(18) + 1
    order = np.concatenate([order, [0, 19]])
    data = Dataset("two", values[order], labels[order], ("a", "b"), (0.0, 9.1), n_official_train=18)
    comparison = compare_codes(codes={"z": values[order]}, data=data)
    settings = PROBES.settings(counts=(4,), draws=3)
    result = PROBES.measure(comparison, settings, PROBES.inputs())
    text = printed(lambda: PROBES.print_table(result), 180)
    assert "100.0 % (34–100)" in text
    assert "± 0.0" not in text
