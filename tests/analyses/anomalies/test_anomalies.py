"""Anomalies: scores of a model and of baselines, held against labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.analyses.anomalies import ANALYSIS
from latentscape.analyses.anomalies.method import find_anomalies
from latentscape.analyses.anomalies.result import BASELINE_OF, SCORES, AnomalySettings
from latentscape.analyses.anomalies.sentences import describe_anomalous, describe_verdict
from latentscape.analyses.comparison import Baselines, Comparison
from latentscape.analyses.notes import skip_sentences
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.errors import DataError
from latentscape.core.findings import put_arrays, take_arrays, to_json
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.model import Network

KEYS = (*SCORES, *BASELINE_OF.values())


@pytest.fixture(scope="module")
def zeros(digits):
    return split_dataset(digits, DataConfig(train_labels=("0",), test=100))


@pytest.fixture(scope="module")
def model(zeros, model_of):
    return model_of("plain")


@pytest.fixture(scope="module")
def result(model, zeros):
    return find_anomalies(model, zeros, ["0"])


def every_auroc(result):
    return [result.auroc(key) for key in KEYS]


def values_of(result):
    """Return all scores (n, 8)."""
    scores = result.scores | result.baselines
    return np.stack([score.values for score in scores.values()], axis=1)


def sentences(result):
    """Return what was said to be left out."""
    return skip_sentences(ANALYSIS, result)


def test_a_result_says_what_it_is(result, zeros):
    assert (result.normal, result.data, result.skipped) == (("0",), "mnist-5k", ())
    assert (result.protocol.n_scored, result.n_anomalous) == (100, 90)
    assert result.protocol.n_fitted == len(zeros.train)
    assert tuple(result.scores) == tuple(SCORES)
    assert tuple(result.baselines) == tuple(BASELINE_OF.values())
    protocol = ". ".join(ANALYSIS.protocol(result))
    assert f"{len(zeros.train)} training examples (labelled 0)" in protocol
    assert f"{len(zeros.validation)} validation examples" in protocol
    assert "Scores look at no labels" in protocol


def test_a_result_is_the_same_out_of_its_files(result):
    content, arrays = take_arrays(result)
    again = type(result).model_validate(put_arrays(content, arrays))
    assert to_json(again) == to_json(result)
    np.testing.assert_array_equal(values_of(again), values_of(result))


def test_auroc_is_the_share_of_pairs_in_the_right_order(result):
    strange = result.labels != 0
    scores = values_of(result).astype(np.float64)
    for column, auroc in zip(scores.T, every_auroc(result), strict=True):
        above = column[strange][:, None] - column[~strange]
        share = (above > 0).mean() + (above == 0).mean() / 2
        assert auroc == pytest.approx(share, abs=1e-3)
    assert min(every_auroc(result)[4:]) > 0.95
    numbers = ANALYSIS.row_numbers(result)
    assert tuple(numbers) == ANALYSIS.row_metrics
    assert [metric.key for metric in numbers] == [f"anomaly_{key}" for key in KEYS]
    assert list(numbers.values()) == every_auroc(result)


def test_the_most_and_the_least_anomalous_are_shown(model, result, zeros):
    scores = result.scores["rank_average"].values
    images = zeros.dataset.images[zeros.test]
    for extremes, expected in (
        (result.highest, np.sort(scores)[::-1]),
        (result.lowest, np.sort(scores)),
    ):
        stored = np.round(extremes.images * 255).astype(np.uint8)
        places = [int((images == image).all((1, 2, 3)).argmax()) for image in stored]
        np.testing.assert_array_equal(images[places], stored)
        np.testing.assert_array_equal(scores[places], expected[:16])
        means = model.reconstruct(torch.from_numpy(stored)).detach().numpy()
        np.testing.assert_allclose(extremes.reconstructions, means, rtol=1e-4, atol=1e-6)


def test_all_labels_but_the_normal_ones_are_anomalous(model, zeros):
    result = find_anomalies(model, zeros, ["0", "6", "8"])
    assert (result.n_anomalous, result.normal) == (70, ("0", "6", "8"))


def test_without_normal_labels_there_are_scores_and_no_auroc(model, zeros):
    result = find_anomalies(model, zeros)
    assert result.normal is result.n_anomalous is None
    assert set(every_auroc(result)) == {None}
    assert sentences(result) == ["AUROC was left out: no labels were named as the normal ones."]
    assert values_of(result).shape == (100, 8)


@pytest.mark.parametrize(("labels", "kind"), [([0], "normal"), ([1, 2], "anomalous")])
def test_one_kind_only(model, zeros, digits, labels, kind):
    index = np.flatnonzero(np.isin(digits.labels, labels))[:30]
    data = replace(digits, images=digits.images[index], labels=digits.labels[index])
    result = find_anomalies(model, zeros, ["0"], data)
    assert sentences(result) == [f"AUROC was left out: all 30 examples are {kind}."]
    assert set(every_auroc(result)) == {None}
    assert result.n_anomalous == (0 if kind == "normal" else 30)


def test_other_data_are_scored_in_their_own_range(model, zeros, result):
    images = zeros.dataset.images[zeros.test]
    data = Dataset("floats", images.astype(np.float32) / 255, value_range=(0.0, 1.0))
    other = find_anomalies(model, zeros, ["0"], data)
    assert sentences(other) == ["AUROC was left out: floats has no labels."]
    assert (other.protocol.scored_on, result.protocol.scored_on) == ("all", "test")
    np.testing.assert_allclose(values_of(other), values_of(result), rtol=1e-3)


def test_fewer_images_than_are_shown(model, zeros, digits):
    data = replace(digits, images=digits.images[:3], labels=digits.labels[:3])
    result = find_anomalies(model, zeros, data=data)
    assert len(result.highest.images) == len(result.lowest.images) == 3


def test_a_label_that_does_not_exist(model, zeros):
    with pytest.raises(DataError, match="no label of mnist-5k called 'zero'"):
        find_anomalies(model, zeros, ["zero"])


def test_data_of_another_shape(model, zeros):
    data = Dataset("small", np.zeros((4, 1, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"of small on.*\(1, 8, 8\).*\(1, 28, 28\).*--resize 28x28"):
        find_anomalies(model, zeros, data=data)


def rows_of_csv(result, path):
    ANALYSIS.write(result, None, path)
    columns, *rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    return columns, rows


def test_the_table_of_scores(result, zeros, tmp_path):
    columns, rows = rows_of_csv(result, tmp_path / f"scores{ANALYSIS.file_suffix}")
    assert columns == ["index", "label", "verdict", *KEYS]
    assert len(rows) == 100
    assert [int(row[0]) for row in rows] == zeros.test.tolist()
    assert [row[1] for row in rows] == [str(label) for label in zeros.dataset.labels[zeros.test]]
    scores = np.array([row[3:] for row in rows], np.float64).astype(np.float32)
    np.testing.assert_array_equal(scores, values_of(result))


def test_the_table_of_what_has_no_labels(vectors, tmp_path):
    recipe = prepare(override(load_recipe("simple-20"), {"model.latent.dim": 2}), vectors)
    result = find_anomalies(Network(recipe.model, recipe.objective).eval(), vectors)
    assert not result.takes_images
    assert {row[1] for row in rows_of_csv(result, tmp_path / "scores.csv")[1]} == {""}


class Opened:
    """A run that was trained on zeros alone, as far as anomalies look at it."""

    def __init__(self, model):
        self.model = model
        self.recipe = override(load_recipe("simple-20"), {"data.train_labels": ["0"]})


def test_the_labels_that_a_run_was_trained_on_are_normal(model, zeros, digits):
    comparison = Comparison(Baselines(zeros), (), Opened(model))
    settings, inputs = ANALYSIS.settings(), ANALYSIS.inputs
    own = ANALYSIS.measure(comparison, settings, inputs())
    assert (own.normal, own.settings) == (("0",), settings)
    assert ANALYSIS.is_current(own)
    named = ANALYSIS.measure(comparison, ANALYSIS.settings(normal=("1",)), inputs())
    assert (named.normal, named.settings.normal) == (("1",), ("1",))
    # Other data may have other labels: then nobody says which are normal.
    shoes = Dataset("shoes", digits.images[:9], np.zeros(9, np.int64), ("shoe",))
    other = ANALYSIS.measure(comparison, settings, inputs(data=shoes))
    assert (other.normal, other.data, other.auroc("reconstruction")) == (None, "shoes", None)
    same = replace(digits, name="more", images=digits.images[:50], labels=digits.labels[:50])
    assert ANALYSIS.measure(comparison, settings, inputs(data=same)).normal == ("0",)


def test_the_threshold_lets_few_validation_examples_through(model, zeros):
    validation = replace(zeros, test=zeros.validation)
    for rate in (0.05, 0.25):
        result = find_anomalies(model, validation, false_alarms=rate)
        n = len(zeros.validation)
        for score in (result.scores | result.baselines).values():
            above = int((score.values > np.float32(score.threshold)).sum())
            assert rate * n - 2 <= above <= rate * n


def test_a_verdict_is_on_each_image_and_stands_in_the_file(result, tmp_path):
    flags = result.verdicts
    assert flags.shape == (100,)
    caught = flags[result.labels != 0].mean()
    assert caught > 0.5 > flags[result.labels == 0].mean()
    ANALYSIS.write(result, None, tmp_path / "scores.csv")
    head, *rows = (tmp_path / "scores.csv").read_text().splitlines()
    assert head.startswith("index,label,verdict,reconstruction")
    assert [row.split(",")[2] == "anomalous" for row in rows] == flags.tolist()
    sentence = describe_verdict(result)
    assert "as at most 5.0 % of the" in sentence
    anomalous = flags[result.labels != 0].sum()
    assert f"true of {flags.sum()} of 100 images: {anomalous} of the 90 anomalous" in sentence


def test_one_image_gets_a_verdict(model, zeros, digits, capsys):
    one = Dataset("one", digits.images[-1:])
    result = find_anomalies(model, zeros, data=one)
    assert result.verdicts.tolist() == [True]
    ANALYSIS.print_table(result)
    printed = capsys.readouterr().out
    assert "Verdicts" in printed
    assert "anomalous" in printed
    zero = find_anomalies(model, zeros, data=replace(one, images=zeros.dataset.images[:1]))
    assert zero.verdicts.tolist() == [False]


def test_a_model_that_saw_the_anomalies_says_so(model, small):
    result = find_anomalies(model, small, ["1"])
    assert result.anomalies_seen == ("0", *"23456789")
    text = describe_anomalous(result)
    assert "The model saw anomalies: it was trained on images labelled 0, 2, 3" in text
    assert "data.train_labels=[1]" in text


def test_a_model_of_normal_images_alone_does_not(result):
    assert result.anomalies_seen == ()
    assert "saw" not in describe_anomalous(result)


def test_findings_without_thresholds_have_no_verdicts(result):
    scores = {k: score.model_copy(update={"threshold": None}) for k, score in result.scores.items()}
    old = result.model_copy(update={"scores": scores})
    assert old.verdicts is None
    assert describe_verdict(old) == ""
    assert not ANALYSIS.is_current(old.model_copy(update={"settings": AnomalySettings()}))
    assert ANALYSIS.is_current(result.model_copy(update={"settings": AnomalySettings()}))
