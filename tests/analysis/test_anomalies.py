import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.analyses.anomalies.method import anomaly_findings, score_table
from latentscape.analyses.anomalies.scoring import BASELINES, SCORES
from latentscape.api.experiment import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.model import Network


@pytest.fixture(scope="module")
def zeros(digits):
    return split_dataset(digits, DataConfig(train_labels=("0",), test=100))


@pytest.fixture(scope="module")
def model(zeros, model_of):
    return model_of("plain")


@pytest.fixture(scope="module")
def found(model, zeros):
    return anomaly_findings(model, zeros, ["0"])


def every_auroc(values):
    return [score["auroc"] for kind in ("scores", "baselines") for score in values[kind].values()]


def test_findings_are_plain_data_and_say_what_they_are(found, zeros):
    values = json.loads(json.dumps(found.values))
    assert values == found.values
    assert (values["normal"], values["data"], values["left_out"]) == (["0"], "mnist-5k", [])
    assert (values["n"], values["n_anomalous"]) == (100, 90)
    assert values["n_reference"] == len(zeros.train)
    assert tuple(values["scores"]) == SCORES
    assert tuple(values["baselines"]) == BASELINES
    assert f"{len(zeros.train)} training examples (labelled 0)" in values["protocol"]
    assert f"{len(zeros.validation)} validation examples" in values["protocol"]
    assert "Scores look at no labels" in values["protocol"]


def test_auroc_is_the_share_of_pairs_in_the_right_order(found):
    strange = found.arrays["anomaly_labels"] != 0
    scores = found.arrays["anomaly_scores"].astype(np.float64)
    for column, auroc in zip(scores.T, every_auroc(found.values), strict=True):
        above = column[strange][:, None] - column[~strange]
        share = (above > 0).mean() + (above == 0).mean() / 2
        assert auroc == pytest.approx(share, abs=1e-3)
    assert min(score["auroc"] for score in found.values["baselines"].values()) > 0.95


def test_the_most_and_the_least_anomalous_are_shown(model, found, zeros):
    scores = found.arrays["anomaly_scores"][:, SCORES.index("rank_average")]
    images = zeros.dataset.images[zeros.test]
    for which, expected in (("most", np.sort(scores)[::-1]), ("least", np.sort(scores))):
        shown = np.round(found.arrays[f"anomalies_{which}"] * 255).astype(np.uint8)
        places = [int((images == image).all((1, 2, 3)).argmax()) for image in shown]
        np.testing.assert_array_equal(images[places], shown)
        np.testing.assert_array_equal(scores[places], expected[:16])
        made = model.reconstruct(torch.from_numpy(shown)).detach().numpy()
        reconstructions = found.arrays[f"anomalies_{which}_reconstructions"]
        np.testing.assert_allclose(reconstructions, made, rtol=1e-4, atol=1e-6)


def test_all_labels_but_the_normal_ones_are_anomalous(model, zeros):
    values = anomaly_findings(model, zeros, ["0", "6", "8"]).values
    assert (values["n_anomalous"], values["normal"]) == (70, ["0", "6", "8"])


def test_without_normal_labels_there_are_scores_and_no_auroc(model, zeros):
    found = anomaly_findings(model, zeros)
    assert found.values["normal"] is found.values["n_anomalous"] is None
    assert set(every_auroc(found.values)) == {None}
    assert found.values["left_out"] == [
        "AUROC was left out: no labels were named as the normal ones"
    ]
    assert found.arrays["anomaly_scores"].shape == (100, 8)


@pytest.mark.parametrize(("chosen", "kind"), [([0], "normal"), ([1, 2], "anomalous")])
def test_one_kind_only(model, zeros, digits, chosen, kind):
    index = np.flatnonzero(np.isin(digits.labels, chosen))[:30]
    data = replace(digits, images=digits.images[index], labels=digits.labels[index])
    values = anomaly_findings(model, zeros, ["0"], data).values
    assert values["left_out"] == [f"AUROC was left out: all 30 examples are {kind}"]
    assert set(every_auroc(values)) == {None}
    assert values["n_anomalous"] == (0 if kind == "normal" else 30)


def test_other_data_are_scored_in_their_own_range(model, zeros, found):
    images = zeros.dataset.images[zeros.test]
    data = Dataset("floats", images.astype(np.float32) / 255, value_range=(0.0, 1.0))
    other = anomaly_findings(model, zeros, ["0"], data)
    assert other.values["left_out"] == ["AUROC was left out: floats has no labels"]
    np.testing.assert_allclose(
        other.arrays["anomaly_scores"], found.arrays["anomaly_scores"], rtol=1e-3
    )


def test_fewer_images_than_are_shown(model, zeros, digits):
    data = replace(digits, images=digits.images[:3], labels=digits.labels[:3])
    arrays = anomaly_findings(model, zeros, data=data).arrays
    assert len(arrays["anomalies_most"]) == len(arrays["anomalies_least"]) == 3


def test_a_label_that_does_not_exist(model, zeros):
    with pytest.raises(DataError, match="no label of mnist-5k called 'zero'"):
        anomaly_findings(model, zeros, ["zero"])


def test_data_of_another_shape(model, zeros):
    data = Dataset("small", np.zeros((4, 1, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"small has .*\(1, 8, 8\).*\(1, 28, 28\)"):
        anomaly_findings(model, zeros, data=data)


def test_the_table_of_scores(found, zeros):
    columns, rows = score_table(found)
    assert columns == ["index", "label", *SCORES, *BASELINES]
    assert len(rows) == 100
    assert [row[0] for row in rows] == zeros.test.tolist()
    assert [row[1] for row in rows] == [str(label) for label in zeros.dataset.labels[zeros.test]]
    np.testing.assert_array_equal([row[2:] for row in rows], found.arrays["anomaly_scores"])


def test_the_table_of_what_has_no_labels(vectors):
    recipe = prepare(override(load_recipe("simple-20"), {"model.latent.dim": 2}), vectors)
    found = anomaly_findings(Network(recipe.model, recipe.objective).eval(), vectors)
    assert {row[1] for row in score_table(found)[1]} == {""}
