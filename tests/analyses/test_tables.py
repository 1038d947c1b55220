"""Findings of runs, studies and analyses as tables of numbers."""

import pytest

from latentscape.analyses.registry import analysis
from latentscape.analyses.tables import study_table
from latentscape.core.errors import RunError
from latentscape.evaluation.results import Evaluation
from latentscape.runs import write_part
from synthetic import make_run, study_of
from toys import ToyAnalysis, ToyResult, register, scores


def test_the_history_has_a_row_for_each_epoch(tmp_path):
    history = make_run(tmp_path, "vae", "vae", epochs=3).run.history
    table = history.table
    assert table["epoch"] == (1, 2, 3)
    assert table["train_loss"] == (90.0, 45.0, 30.0)
    assert table["validation_mse"] == (0.1, 0.05, 0.1 / 3)
    assert table["latent_active_units"] == (2.0, 3.0, 4.0)
    assert table["train_total_correlation"] == (-0.25, -0.5, -0.75)
    assert table.units["train_rate"] == table.units["validation_loss"] == "nats per example"
    assert table.units["validation_mse"] == "per pixel"
    assert history.to_pandas()["seconds"].tolist() == [0.5] * 3
    assert repr(history).startswith("<Table history: 3 rows of epoch, lr, seconds")
    assert "validation_loss" not in make_run(tmp_path, validated=False).history.table


def test_metrics_stand_above_those_of_the_baselines(tmp_path):
    findings = make_run(tmp_path, "plain")
    table = findings.run.metrics
    evaluation = findings.require(Evaluation)
    assert table["of"] == ("model", f"PCA, {evaluation.pca.dim} components", "mean image")
    expected = (evaluation.metrics, evaluation.pca.metrics, evaluation.mean_image)
    assert table["mse"] == tuple(metrics["mse"] for metrics in expected)
    assert table.units["mse"] == "per pixel"
    assert list(evaluation.to_pandas()["psnr"]) == [metrics["psnr"] for metrics in expected]
    findings.run.model_file.unlink()
    with pytest.raises(RunError, match="not finished"):
        _ = findings.run.metrics


def test_scores_of_codes_have_their_metrics_units(tmp_path, monkeypatch):
    register(monkeypatch, ToyAnalysis())
    run = make_run(tmp_path, "plain").run
    assert len(run.scores) == 0
    result = ToyResult(codes=scores("plain", 2, ["toy_a", "toy_b"], 0.1))
    write_part(run.path, result, run.identity)
    table = run.scores
    assert table["code"] == ("plain", "raw pixels", "PCA, 2")
    assert table["kind"] == ("model", "pixels", "pca")
    assert table["toy_a"] == (0.6, 0.53, 0.47)
    assert table.units["toy_a"] == "majority"
    assert list(result.table) == list(table)


def test_a_result_without_scores_has_the_numbers_of_its_model(monkeypatch):
    register(monkeypatch, ToyAnalysis())
    table = ToyResult(number=80.5).table
    assert list(table) == [{"toy_nll": 80.5}]
    assert table.units == {"toy_nll": "nats per image"}


@pytest.mark.parametrize("part", ["clustering", "probing", "projection", "neighbours"])
def test_results_know_their_table(part):
    assert issubclass(analysis(part).result, ToyResult.__mro__[1])


def test_a_study_has_a_row_for_each_configuration(tmp_path):
    study = study_of(
        [make_run(tmp_path, n, n, seed=s) for s in range(2)] for n in ("plain", "collapsed")
    )
    table = study.table
    assert table["label"] == ("plain", "collapsed")
    assert table["seeds"] == (2, 2)
    assert table["mse"] == tuple(row.comparison.mse for row in study.rows)
    assert table["mse_sd"][0] == study.rows[0].statistics["mse"].sd
    assert table["collapse"] == (None, "posterior")
    assert table["against_pca"] == tuple(row.comparison.outcome for row in study.rows)
    assert table.units["elbo_sd"] == "nats per image"
    assert table.units["train_seconds"] == "s"
    assert study.to_polars()["label"].to_list() == ["plain", "collapsed"]
    assert study_table(study) == table
