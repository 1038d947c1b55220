import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from latentscape.analyses.probes import classifiers as module
from latentscape.analyses.probes import perceptron
from latentscape.analyses.probes.classifiers import CLASSIFIERS, Examples, Task, knn, logistic, mlp


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(perceptron, "MIN_STEPS", 60)


def clouds(count, noise=0.0, seed=0):
    """Three clouds that overlap a little; of some examples the label is another."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    codes = rng.normal(size=(count, 4)) + 2 * np.eye(3, 4)[labels]
    labels = np.where(rng.random(count) < noise, (labels + 1) % 3, labels)
    return Examples(codes.astype(np.float32), labels)


def task(train, validation=0, test=200):
    return Task(train, clouds(300, seed=1).sample(validation), clouds(test, seed=2), 3, seed=0)


def whole(train):
    return np.arange(len(train))[None]


def test_knn_is_that_of_scikit_learn():
    train = clouds(90)
    work = task(train, validation=300)
    outcome = knn(work, whole(train))
    reference = KNeighborsClassifier(outcome.choices["k"], algorithm="brute")
    reference.fit(train.codes, train.labels)
    assert outcome.accuracies == [reference.score(work.test.codes, work.test.labels)]


def test_votes_by_hand():
    labels = np.array([[2, 1, 1], [0, 0, 2], [2, 1, 0], [2, 2, 2]])
    assert module._majority(labels, 3).tolist() == [1, 0, 0, 2]


def test_k_is_chosen_where_there_is_a_validation_part():
    # A third of the labels are wrong: the nearest one alone is a bad guide.
    train = clouds(300, noise=0.33)
    fixed, tuned = (knn(task(train, count), whole(train)) for count in (0, 300))
    assert fixed.choices == {"k": 1}
    assert tuned.choices["k"] > 3
    assert tuned.accuracies[0] > fixed.accuracies[0] + 0.1


def test_no_more_neighbours_than_examples():
    train = clouds(4)
    assert knn(task(train, 300), whole(train)).choices["k"] <= 4


def test_logistic_regression_is_that_of_scikit_learn():
    train = clouds(90)
    work = task(train)
    reference = LogisticRegression(C=1.0, max_iter=200).fit(train.codes, train.labels)
    outcome = logistic(work, whole(train))
    assert outcome.accuracies == [reference.score(work.test.codes, work.test.labels)]
    assert outcome.choices == {"C": 1.0, "iterations": reference.n_iter_.max()}


def test_c_is_chosen_where_there_is_a_validation_part():
    # With more dimensions than examples, a weak penalty lets noise be learnt by heart.
    rng = np.random.default_rng(0)

    def part(count):
        labels = np.arange(count) % 2
        codes = rng.normal(size=(count, 100)) + 0.3 * (2 * labels[:, None] - 1)
        return Examples(codes.astype(np.float32), labels)

    train, validation, test = part(40), part(400), part(400)
    tuned = logistic(Task(train, validation, test, 2, 0), whole(train))
    smallest, largest = tuned.choices["tried"]
    powers = np.arange(round(np.log10(smallest)), round(np.log10(largest)) + 1)
    scores = {
        10.0**power: LogisticRegression(C=10.0**power, max_iter=200)
        .fit(train.codes, train.labels)
        .score(validation.codes, validation.labels)
        for power in powers
    }
    assert scores[tuned.choices["C"]] == max(scores.values())


@pytest.mark.parametrize(
    ("best", "tried"),
    [(1.0, (0.01, 100.0)), (10.0, (0.01, 100.0)), (100.0, (0.01, 1e3)), (1e3, (0.01, 1e4))]
    + [(1e-4, (1e-5, 100.0)), (1e9, (0.01, 1e5)), (1e-9, (1e-5, 100.0))],
)
def test_c_is_not_left_at_an_end_of_what_was_tried(monkeypatch, best, tried):
    """The nearer to the best C, the better the accuracy: the grid widens until it is inside."""
    fitted = []

    def predict(task, train, strength):
        fitted.append(strength)
        hits = round(100 - 5 * abs(np.log10(strength / best)))
        return np.where(np.arange(100) < hits, task.validation.labels, -1)

    monkeypatch.setattr(module, "_predict", predict)
    outcome = logistic(task(clouds(90), 100), whole(clouds(90)))
    assert outcome.choices["C"] == pytest.approx(min(max(best, 1e-5), 1e5))
    assert outcome.choices["tried"] == pytest.approx(tried)
    assert len(fitted) == len(set(fitted))


def test_too_few_iterations_are_told_and_not_warned_of(monkeypatch):
    monkeypatch.setattr(module, "MAX_ITERATIONS", 2)
    train = clouds(90)
    assert logistic(task(train), whole(train)).choices["iterations"] == 2


def test_the_perceptron_predicts_with_what_it_kept():
    train = clouds(90)
    outcome = mlp(task(train, 100), np.repeat(whole(train), 2, axis=0))
    assert len(outcome.accuracies) == len(outcome.choices["best_epochs"]) == 2
    assert outcome.choices["epochs"] == outcome.curves[-1].epoch <= 60
    assert (outcome.choices["rate"], outcome.choices["decay"]) in perceptron.GRID
    assert min(outcome.accuracies) > 0.75


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_draw_is_scored_by_itself(name):
    train = clouds(90)
    # Of the second draw all labels are wrong, in the same way.
    both = Examples(
        np.concatenate([train.codes] * 2), np.concatenate([train.labels, (train.labels + 1) % 3])
    )
    good, bad = CLASSIFIERS[name](task(both), np.arange(180).reshape(2, 90)).accuracies
    assert good > 0.75
    assert bad < 0.25


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_without_an_example_are_never_seen(name):
    train = clouds(90)
    outcome = CLASSIFIERS[name](task(train, 100), np.flatnonzero(train.labels < 2)[None])
    labels = task(train).test.labels
    assert 0.5 < outcome.accuracies[0] <= (labels < 2).mean()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_may_be_missing_in_every_part(name):
    train = clouds(90)
    train = train.at(np.flatnonzero(train.labels > 0))
    outcome = CLASSIFIERS[name](task(train, 100), whole(train))
    assert 0.4 < outcome.accuracies[0] < 0.7


def test_parts_are_drawn_and_shared_with_tensors():
    part = clouds(90)
    sample = part.sample(9)
    assert np.bincount(sample.labels).tolist() == [3, 3, 3]
    assert all(code in part.codes for code in sample.codes)
    assert len(part.sample(0)) == 0
    codes, labels = part.tensors()
    assert codes.dtype == torch.float32
    assert labels.tolist() == part.labels.tolist()
    assert codes.data_ptr() == part.codes.ctypes.data
