"""What codes are good for, over analyses and over seeds."""

from functools import partial

import pytest

import toys
from latentscape.analyses.summaries import baseline_statistics, code_scores, summarise
from latentscape.core.findings import Statistic
from latentscape.core.metrics import Metric
from latentscape.evaluation.study import CodeScores
from synthetic import add, make_run

MORE = toys.named("more", Metric("more", "More"))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    toys.register(monkeypatch, toys.ToyAnalysis(), MORE)


@pytest.fixture
def run(tmp_path):
    return partial(make_run, tmp_path)


@pytest.fixture
def scored(run):
    """Return a function that makes a run with scores of two analyses."""

    def make(label="m", dim=2, seed=0, gain=0.0, pixels=0.53, **more):
        codes = list(toys.scores(label, dim, ["toy_a"], gain))
        codes[1] = CodeScores(name="raw pixels", kind="pixels", scores={"toy_a": pixels})
        result = toys.ToyResult(codes=tuple(codes))
        other = MORE.result(codes=toys.scores(label, dim, ["more"])[:2])
        return add(run(label, latent_dim=dim, seed=seed, **more), result, other)

    return make


def test_a_run_that_was_not_analysed_has_no_scores(run):
    assert code_scores(run()) == []
    assert not {"toy_a", "more"} & summarise("m", [run()]).statistics.keys()


def test_what_analyses_say_of_a_code_is_joined(scored):
    model, pixels, pca = code_scores(scored(dim=6, gain=0.1))
    assert [code.kind for code in (model, pixels, pca)] == ["model", "pixels", "pca"]
    assert (pixels.name, pca.name) == ("raw pixels", "PCA, 6")
    assert model.scores == {"toy_a": 0.6, "more": 0.5}
    assert pixels.scores == {"toy_a": 0.53, "more": 0.53}
    assert pca.scores == {"toy_a": 0.47}


def test_one_analysis_alone_is_enough(run):
    result = MORE.result(codes=toys.scores("m", 2, ["more"]))
    assert code_scores(add(run(), result))[0].scores == {"more": 0.5}


def test_rows_have_the_scores_of_their_model_over_seeds(scored):
    row = summarise("m", [scored(seed=seed, gain=0.1 * seed) for seed in (0, 1)])
    assert row.statistics["toy_a"].mean == pytest.approx(0.55)
    assert row.statistics["toy_a"].n == 2


def test_baselines_of_a_study_stand_once_fewest_components_first(scored):
    groups = [
        [scored(f"{name} {dim}", dim, seed) for seed in (0, 1)]
        for name in ("a", "b")
        for dim in (32, 2)
    ]
    baselines = baseline_statistics(groups)
    assert [code.name for code in baselines] == ["raw pixels", "PCA, 2", "PCA, 32"]
    # Both seeds measured the same: that is one measurement.
    assert baselines[0].statistics["toy_a"] == Statistic(mean=0.53, sd=None, n=1)


def test_baselines_that_depend_on_the_seed_have_a_deviation(scored):
    runs = [scored(seed=seed, pixels=0.53 + 0.02 * seed) for seed in (0, 1)]
    statistic = baseline_statistics([runs])[0].statistics["toy_a"]
    assert statistic.mean == pytest.approx(0.54)
    assert statistic.n == 2


def test_baselines_of_different_data_are_told_apart(scored):
    sizes = {"train": 50, "validation": 10, "test": 60}
    groups = [[scored("one")], [scored("other", facts={"sizes": sizes})]]
    names = [code.name for code in baseline_statistics(groups)]
    assert "raw pixels (toy, train: 100, validation: 10, test: 60, split 0)" in names
    assert "raw pixels (toy, train: 50, validation: 10, test: 60, split 0)" in names


def test_seeds_that_were_measured_in_other_ways_have_no_mean(scored):
    one, other = scored(seed=0), scored(seed=1)
    codes = other.require(toys.ToyResult).codes
    other = add(other, toys.ToyResult(settings=toys.ToySettings(restarts=1), codes=codes))
    row = summarise("m", [one, other])
    assert "toy_a" not in row.statistics
    assert row.statistics["more"].n == 2


def test_a_seed_that_was_not_analysed_leaves_no_mean(scored, run):
    row = summarise("m", [scored("m"), run("m", seed=1)])
    assert "toy_a" not in row.statistics
    assert "mse" in row.statistics


def test_statistics():
    assert Statistic.of([1.0, 3.0]) == Statistic(mean=2.0, sd=2**0.5, n=2)
    assert Statistic.of([1.0, None]) == Statistic(mean=1.0, sd=None, n=1)
    assert Statistic.of([None]) is None
