import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from latentscape.analyses.probes import classifiers as module
from latentscape.analyses.probes import perceptron
from latentscape.analyses.probes.classifiers import CLASSIFIERS, Part, Task, knn, logistic, mlp


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(perceptron, "LEAST_STEPS", 60)


def clouds(count, noise=0.0, seed=0):
    """Three clouds that overlap a little; of some examples the label is another."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    codes = rng.normal(size=(count, 4)) + 2 * np.eye(3, 4)[labels]
    labels = np.where(rng.random(count) < noise, (labels + 1) % 3, labels)
    return Part(codes.astype(np.float32), labels)


def task(train, validation=0, test=200):
    return Task(train, clouds(300, seed=1).some(validation), clouds(test, seed=2), 3, seed=0)


def whole(train):
    return np.arange(len(train))[None]


def test_knn_is_that_of_scikit_learn():
    train = clouds(90)
    given = task(train, validation=300)
    found = knn(given, whole(train))
    reference = KNeighborsClassifier(found.settings["k"], algorithm="brute")
    reference.fit(train.codes, train.labels)
    assert found.accuracies == [reference.score(given.test.codes, given.test.labels)]


def test_votes_by_hand():
    labels = np.array([[2, 1, 1], [0, 0, 2], [2, 1, 0], [2, 2, 2]])
    assert module._vote(labels, 3).tolist() == [1, 0, 0, 2]


def test_k_is_chosen_where_there_is_a_validation_part():
    # A third of the labels are wrong: the nearest one alone is a bad guide.
    train = clouds(300, noise=0.33)
    fixed, chosen = (knn(task(train, count), whole(train)) for count in (0, 300))
    assert fixed.settings == {"k": 1}
    assert chosen.settings["k"] > 3
    assert chosen.accuracies[0] > fixed.accuracies[0] + 0.1


def test_no_more_neighbours_than_examples():
    train = clouds(4)
    assert knn(task(train, 300), whole(train)).settings["k"] <= 4


def test_logistic_regression_is_that_of_scikit_learn():
    train = clouds(90)
    given = task(train)
    reference = LogisticRegression(C=1.0, max_iter=200).fit(train.codes, train.labels)
    found = logistic(given, whole(train))
    assert found.accuracies == [reference.score(given.test.codes, given.test.labels)]
    assert found.settings == {"C": 1.0, "iterations": reference.n_iter_.max()}


def test_c_is_chosen_where_there_is_a_validation_part():
    # With more dimensions than examples, a weak penalty lets noise be learnt by heart.
    rng = np.random.default_rng(0)

    def part(count):
        labels = np.arange(count) % 2
        codes = rng.normal(size=(count, 100)) + 0.3 * (2 * labels[:, None] - 1)
        return Part(codes.astype(np.float32), labels)

    train, validation, test = part(40), part(400), part(400)
    chosen = logistic(Task(train, validation, test, 2, 0), whole(train))
    best = max(
        module.STRENGTHS,
        key=lambda C: (
            LogisticRegression(C=C, max_iter=200)
            .fit(train.codes, train.labels)
            .score(validation.codes, validation.labels)
        ),
    )
    assert chosen.settings["C"] == best


def test_too_few_iterations_are_told_and_not_warned_of(monkeypatch):
    monkeypatch.setattr(module, "MOST_ITERATIONS", 2)
    train = clouds(90)
    assert logistic(task(train), whole(train)).settings["iterations"] == 2


def test_the_perceptron_predicts_with_what_it_kept():
    train = clouds(90)
    found = mlp(task(train, 100), np.repeat(whole(train), 2, axis=0))
    assert len(found.accuracies) == len(found.settings["kept"]) == 2
    assert found.settings["epochs"] == found.curves[-1]["epoch"] == 60
    assert min(found.accuracies) > 0.8


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_draw_is_scored_by_itself(name):
    train = clouds(90)
    # Of the second draw all labels are wrong, in the same way.
    both = Part(
        np.concatenate([train.codes] * 2), np.concatenate([train.labels, (train.labels + 1) % 3])
    )
    good, bad = CLASSIFIERS[name](task(both), np.arange(180).reshape(2, 90)).accuracies
    assert good > 0.75
    assert bad < 0.25


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_without_an_example_are_never_seen(name):
    train = clouds(90)
    found = CLASSIFIERS[name](task(train, 100), np.flatnonzero(train.labels < 2)[None])
    given = task(train).test.labels
    assert 0.5 < found.accuracies[0] <= (given < 2).mean()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_may_be_missing_in_every_part(name):
    train = clouds(90)
    train = train.at(np.flatnonzero(train.labels > 0))
    found = CLASSIFIERS[name](task(train, 100), whole(train))
    assert 0.4 < found.accuracies[0] < 0.7


def test_parts_are_spread_evenly_and_shared_with_tensors():
    part = clouds(9)
    some = part.some(3)
    np.testing.assert_array_equal(some.codes, part.codes[[0, 4, 8]])
    np.testing.assert_array_equal(some.labels, part.labels[[0, 4, 8]])
    assert len(part.some(0)) == 0
    codes, labels = part.tensors()
    assert codes.dtype == torch.float32
    assert labels.tolist() == part.labels.tolist()
    assert codes.data_ptr() == part.codes.ctypes.data
