import numpy as np
import pytest

from latentscape.analyses.comparison import Baselines, Comparison
from latentscape.analyses.notes import skip_sentences
from latentscape.analyses.probes import ANALYSIS, method, perceptron
from latentscape.analyses.probes.classifiers import Outcome
from latentscape.analyses.probes.method import stratified_order
from latentscape.analyses.probes.result import PROBES, Fit, LearningPoint, Probes
from latentscape.config import DataConfig, validate
from latentscape.core.errors import ConfigError
from latentscape.core.records import Dataset, Split
from latentscape.data import split_dataset
from latentscape.evaluation.codes import array_codes, pca_codes, pixel_codes

NAMES = ("round", "square", "flat")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(perceptron, "MIN_STEPS", 60)


def probed(codes, **options):
    """Return what probes reach on a code."""
    settings = validate(ANALYSIS.settings, options, "probe")
    return ANALYSIS.measure(Comparison(Baselines(codes.split), (codes,)), settings, None)


def probe_codes(codes, **options):
    return probed(codes, **options).rows[0]


def sentences(row):
    """Return what was said to be left out."""
    return skip_sentences(ANALYSIS, Probes(rows=(row,)))


def means(scores):
    return [score.accuracy.mean for score in scores]


def clouds(labels, sizes=None, names=NAMES, apart=6.0):
    """Codes far apart by label; a part has as many as `sizes` says, the first ones to train on."""
    labels = np.asarray(labels)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(len(labels), 3)) + apart * np.eye(3)[labels % 3]
    data = Dataset("clouds", values.astype(np.float32), labels, names)
    if sizes is None:
        split = split_dataset(data, DataConfig(validation=0.2))
    else:
        split = Split(data, *np.split(np.arange(len(labels)), np.cumsum(sizes)[:2]))
    return array_codes(values, split, "clouds")


@pytest.fixture
def watched(monkeypatch):
    """Calls of a probe that reaches the same accuracies each time."""
    calls = []

    def probe(task, draws):
        calls.append((task, draws))
        fit = Fit(loss=1.0, accuracy=0.5)
        point = LearningPoint(epoch=1 + len(task.validation), train=fit, validation=None)
        return Outcome([0.1, 0.4, 0.7][: len(draws)], {"k": 2}, (point,))

    monkeypatch.setattr(method, "CLASSIFIERS", {"knn": probe})
    return calls


def test_every_probe_tells_clouds_apart():
    row = probe_codes(clouds(np.arange(150) % 3), counts=(3, 10), draws=2)
    protocol = row.protocol
    assert (protocol.n_fitted, protocol.n_selected, protocol.n_scored) == (96, 24, 30)
    assert (row.name, row.kind, row.dim, row.skipped) == ("clouds", "other", 3, ())
    assert [result.probe for result in row.results] == list(PROBES)
    for result in row.results:
        assert [(score.labels, score.draws) for score in result.scores] == [
            (3, 2),
            (10, 2),
            (96, 1),
        ]
        assert all(mean > 0.95 for mean in means(result.scores))
    epochs = [point.epoch for point in row.curves]
    assert epochs == list(range(2, epochs[-1] + 1, 2))
    assert 20 < epochs[-1] <= 60
    assert type(row).model_validate_json(row.model_dump_json()) == row


def test_mean_and_deviation_by_hand(watched):
    codes = clouds(np.arange(60) % 3, (40, 10, 10))
    few, everything = probe_codes(codes, probes=("knn",), counts=(9,), draws=3).scores_of("knn")
    assert (few.labels, few.draws, few.choices) == (9, 3, {"k": 2})
    assert few.accuracy.mean == pytest.approx(0.4)
    assert few.accuracy.sd == pytest.approx(0.3)
    assert few.accuracy.n == 3
    accuracy = everything.accuracy
    assert (accuracy.mean, accuracy.sd, accuracy.n) == (0.1, None, 1)


def test_few_labels_are_drawn_by_class_and_choose_nothing(watched):
    codes = clouds(np.arange(60) % 3, (40, 10, 10))
    row = probe_codes(codes, probes=("knn",), counts=(30, 3), draws=3)
    (few, three), (many, thirty), (everything, places) = watched
    assert (len(few.validation), len(many.validation), len(everything.validation)) == (0, 0, 10)
    # One example of each label, in draws that differ; the larger contain the smaller.
    assert np.sort(few.train.labels[three], axis=1).tolist() == [[0, 1, 2]] * 3
    assert len({tuple(draw) for draw in three.tolist()}) == 3
    np.testing.assert_array_equal(thirty[:, :3], three)
    assert sorted(places[0].tolist()) == list(range(40))
    # Curves are those of all labels.
    assert [point.epoch for point in row.curves] == [11]


def test_all_codes_of_a_split_get_the_same_draws(small, watched):
    pixels = pixel_codes(small)
    for codes in (pixels, pca_codes(pixels, 5)):
        probe_codes(codes, probes=("knn",), counts=(20,), draws=2)
    np.testing.assert_array_equal(watched[0][1], watched[2][1])


def test_another_seed_draws_others(small, watched):
    for seed in (0, 1):
        probe_codes(pixel_codes(small), probes=("knn",), counts=(20,), draws=2, seed=seed)
    assert (watched[0][1] != watched[2][1]).any()


def test_the_unit_of_the_codes_does_not_matter(small):
    codes = pca_codes(pixel_codes(small), 6)
    values = np.zeros((len(small.dataset), 6), np.float32)
    for part in ("train", "validation", "test"):
        values[codes.index(part)] = codes.part(part)
    moved = array_codes(64 * values + 1, small, "moved")
    rows = [probe_codes(row, counts=(10,), draws=2) for row in (codes, moved)]
    for probe in PROBES:
        first, other = (means(row.scores_of(probe)) for row in rows)
        assert first == pytest.approx(other, abs=0.015)


def test_the_same_seed_gives_the_same_numbers(small):
    codes = pca_codes(pixel_codes(small), 6)
    first, again = (probe_codes(codes, counts=(20,), draws=2, seed=3) for _ in range(2))
    assert first == again


def test_an_empty_validation_part_chooses_nothing():
    result = probed(clouds(np.arange(60) % 3, (40, 0, 20)), counts=(6,), draws=1)
    (row,) = result.rows
    assert "The validation part is empty" in ". ".join(ANALYSIS.protocol(result))
    knn, logistic, mlp = (row.scores_of(probe)[-1].choices for probe in PROBES)
    assert (knn, logistic["C"]) == ({"k": 1}, 1)
    assert mlp["best_epochs"] == (mlp["epochs"],) * 3
    assert {point.validation for point in row.curves} == {None}
    assert row.scores_of("knn")[0].accuracy.sd is None


def test_without_labels_nothing_can_be_probed(vectors):
    row = probe_codes(pixel_codes(vectors))
    assert sentences(row) == ["Probes were left out: the data have no labels."]
    assert (row.results, row.curves) == ((), ())


def test_one_label_tells_nothing():
    row = probe_codes(clouds([0] * 40 + [1] * 10, (30, 10, 10)))
    assert sentences(row) == ["Probes were left out: all training examples have the same label."]
    assert row.results == ()


def test_a_collapsed_code_is_said_to_be_one(small):
    codes = array_codes(np.full((len(small.dataset), 4), 2.5), small, "nothing")
    row = probe_codes(codes)
    assert row.results == ()
    assert sentences(row) == [
        "Probes were left out: the codes of nothing are all the same, the encoder has collapsed."
    ]


def test_more_labels_than_there_are():
    row = probe_codes(clouds(np.arange(60) % 3, (40, 10, 10)), counts=(10, 40, 1000), draws=1)
    assert [score.labels for score in row.scores_of("mlp")] == [10, 40]
    assert sentences(row) == [
        "40 and 1,000 labels were left out: the training part has 40 examples in all."
    ]


def test_fewer_labels_than_classes():
    row = probe_codes(clouds(np.arange(60) % 3, (40, 10, 10)), counts=(2,), draws=2)
    assert all(means(result.scores)[0] < 0.8 for result in row.results)
    assert sentences(row) == [
        "2 labels cannot show each of the 3 classes, and a class that is not shown is never seen."
    ]


def test_a_class_that_only_the_test_part_has():
    labels = [0, 1] * 20 + [0, 1, 2, 2, 0, 1, 0, 1, 0, 1]
    row = probe_codes(clouds(labels, (30, 10, 10)), counts=(), draws=1)
    for result in row.results:
        assert means(result.scores)[-1] == pytest.approx(0.8)
    assert sentences(row) == [
        "2 of 10 test examples have a label that no training example has: each counts as an error."
    ]


def test_a_class_with_a_single_example():
    labels = [2] + [0, 1] * 20 + [0, 1, 2, 0, 1, 0, 1, 0, 1]
    row = probe_codes(clouds(labels, (31, 10, 9)), counts=(3, 10), draws=3)
    assert row.skipped == ()
    # That example is in every draw.
    assert all(means(result.scores)[0] > 0.9 for result in row.results)


def test_wrong_settings_are_refused(small):
    codes = pixel_codes(small)
    with pytest.raises(ConfigError, match="no probe called 'logistics'.*Did you mean 'logistic'"):
        probe_codes(codes, probes=("logistics",))
    with pytest.raises(ConfigError, match="1 labels.*of 2 labels at least"):
        probe_codes(codes, counts=(1,))
    with pytest.raises(ConfigError, match="0 draw"):
        probe_codes(codes, draws=0)


def test_an_order_is_a_stratified_draw_at_every_length():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified_order(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    counts = [np.bincount(labels[order[:n]], minlength=3).tolist() for n in (3, 10, 20, 50, 100)]
    assert counts == [[1, 1, 1], [6, 3, 1], [12, 6, 2], [30, 15, 5], [60, 30, 10]]


def test_a_rare_class_comes_first_and_then_waits_its_turn():
    labels = np.repeat([0, 1], [99, 1])
    order = stratified_order(labels, np.random.default_rng(0))
    assert (labels[order[:2]] == 1).sum() == 1


def test_orders_differ_and_favour_no_example():
    labels = np.arange(12) % 3
    first = [stratified_order(labels, np.random.default_rng(seed))[0] for seed in range(600)]
    assert np.bincount(first, minlength=12).min() > 25


def test_a_rare_label_is_among_those_that_settings_are_tried_on():
    """The regularisation is chosen on the first so many examples of a stratified order."""
    labels = np.zeros(500, np.int64)
    labels[7::100] = 1
    order = stratified_order(labels, np.random.default_rng(0))
    assert set(labels[order[:10]]) == {0, 1}
