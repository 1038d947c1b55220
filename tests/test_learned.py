"""What codes are good for, picked from findings."""

import pytest

from latentscape.core.units import LEARNED
from latentscape.reporting.learned import learned_baselines, learned_codes, learned_numbers, summary
from reporting.synthetic import findings
from reporting.synthetic_learned import analysed


def test_a_run_that_was_not_analysed_has_no_numbers():
    assert learned_numbers(findings().values) == {}
    assert learned_codes(findings().values) == []


def test_every_metric_is_picked_from_its_place():
    numbers = learned_numbers(analysed(seed=1, gain=0.1).values)
    assert set(numbers) == set(LEARNED)
    expected = {
        "kmeans_accuracy": 0.6,
        "kmeans_hungarian": 0.57,
        "gmm_hungarian": 0.62,
        "agglomerative_hungarian": 0.67,
        "umap_hungarian": 0.77,
        "kmeans_nmi": 0.5,
        "kmeans_ari": 0.45,
        "knn_accuracy": 0.8,  # with all labels, not with ten
        "logistic_accuracy": 0.81,
        "probe_accuracy": 0.82,
        "readable": 0.85,
        "readable_of_16": 13,
    }
    assert numbers == pytest.approx(expected)


def test_baselines_have_what_applies_to_them():
    model, pixels, pca = learned_codes(analysed(latent_dim=6).values)
    assert [code["kind"] for code in (model, pixels, pca)] == ["model", "pixels", "pca"]
    assert (pixels["name"], pca["name"]) == ("raw pixels", "PCA, 6")
    assert pixels["learned"]["readable_of_16"] == 16
    assert pca["learned"]["readable"] == 0.7
    assert "readable_of_16" not in pca["learned"]


def test_what_has_no_labels_has_no_number():
    numbers = learned_numbers(analysed(labelled=False, parts=("clustering",)).values)
    assert numbers == {}


def test_a_part_alone_is_enough():
    assert set(learned_numbers(analysed(parts=("legibility",)).values)) == {
        "readable",
        "readable_of_16",
    }


def test_baselines_of_a_study_stand_once_fewest_components_first():
    groups = [
        [analysed(f"{name} {dim}", latent_dim=dim, seed=seed).values for seed in (0, 1)]
        for name in ("a", "b")
        for dim in (32, 2)
    ]
    baselines = learned_baselines(groups)
    assert [code["name"] for code in baselines] == ["raw pixels", "PCA, 2", "PCA, 32"]
    # Both seeds measured the same: that is one measurement.
    assert baselines[0]["learned"]["kmeans_accuracy"] == {"mean": 0.53, "sd": None, "n": 1}


def test_baselines_that_depend_on_the_seed_have_a_deviation():
    runs = [analysed(seed=seed).values for seed in (0, 1)]
    runs[1]["clustering"]["rows"][1]["methods"]["kmeans"]["majority"] = 0.55
    numbers = learned_baselines([runs])[0]["learned"]["kmeans_accuracy"]
    assert numbers["mean"] == pytest.approx(0.54)
    assert numbers["n"] == 2


def test_baselines_of_different_data_are_told_apart():
    one, other = analysed("one").values, analysed("other").values
    other["data"] = {**other["data"], "sizes": {"train": 50, "validation": 10, "test": 60}}
    names = [code["name"] for code in learned_baselines([[one], [other]])]
    assert "raw pixels (toy, train: 100, validation: 10, test: 60, split 0)" in names
    assert "raw pixels (toy, train: 50, validation: 10, test: 60, split 0)" in names


def test_summary():
    assert summary([1.0, 3.0]) == {"mean": 2.0, "sd": pytest.approx(2**0.5), "n": 2}
    assert summary([1.0, None]) == {"mean": 1.0, "sd": None, "n": 1}
    assert summary([None]) is None
