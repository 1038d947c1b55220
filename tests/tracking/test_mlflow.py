"""What is written to MLflow, read back by its client."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import latentscape
from latentscape.core.errors import ConfigError, Interrupted, RunError
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.runs import RunFindings, load_split
from latentscape.tracking.mlflow import ARTEFACTS, MlflowTracker

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(scope="module", autouse=True)
def client(tmp_path_factory):
    """MLflow as it is without any setting, in a folder of its own; making a store takes a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("mlflow"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        MlflowTracker.check()
        yield mlflow.MlflowClient()


@pytest.fixture(scope="module")
def run(train):
    return train(track="mlflow")


def told(client, run):
    """The MLflow run of a run: the only one of its name."""
    (experiment,) = client.search_experiments(filter_string="name = 'latentscape'")
    (found,) = client.search_runs([experiment.experiment_id], f"run_name = '{run.name}'")
    return found


def assert_curves_are_those_of_the_history(client, run):
    of_mlflow = told(client, run).info.run_id
    for part in ("train", "validation"):
        numbers = [(epoch.epoch, epoch.numbers()[part]) for epoch in run.history.epochs]
        for term in numbers[0][1]:
            metrics = client.get_metric_history(of_mlflow, f"{part}/{term}")
            kept = [(epoch, terms[term]) for epoch, terms in numbers]
            assert [(metric.step, metric.value) for metric in metrics] == kept


def test_plain_mlflow_finds_it_in_the_working_directory(client, run):
    assert Path("mlflow.db").exists()
    assert told(client, run).info.status == "FINISHED"


def test_parameters_are_the_whole_recipe(client, run):
    params = told(client, run).data.params
    assert params["recipe"] == "vae-20"
    assert params["train.seed"] == "0"
    assert params["model.encoder.widths"] == "[32]"
    assert params["objective.weights.rate"] == "1.0"
    assert params["data.train"] == "200"


def test_metrics_are_those_of_history_and_findings(client, run):
    assert_curves_are_those_of_the_history(client, run)
    found, metrics = RunFindings(run), told(client, run).data.metrics
    assert metrics["test/mse"] == found.require(Evaluation).metrics["mse"]
    assert metrics["test/elbo"] == found.require(Latent).elbo
    assert metrics["latent/active_units"] == run.history.epochs[-1].latent.active_units


def test_it_says_what_made_it_of_what(client, run):
    (data,) = told(client, run).inputs.dataset_inputs
    assert data.dataset.name == "mnist-5k"
    assert run.data.fingerprint.startswith(data.dataset.digest)
    tags = told(client, run).data.tags
    assert tags["latentscape.version"] == run.environment.latentscape
    assert tags["latentscape.data.fingerprint"] == run.data.fingerprint
    assert "Variational" in tags["mlflow.note.content"]
    assert "mlflow.user" in tags


def test_files_are_kept(client, run, tmp_path):
    of_mlflow = told(client, run).info.run_id
    names = {file.path for file in client.list_artifacts(of_mlflow)}
    assert names == {name for name in ARTEFACTS if (run.path / name).exists()}
    assert names >= {"recipe.yaml", "history.jsonl", "findings", "model.safetensors"}
    file = client.download_artifacts(of_mlflow, "recipe.yaml", str(tmp_path))
    with open(file, encoding="utf-8") as text:
        assert yaml.safe_load(text)["name"] == "vae-20"


def test_the_model_gives_codes_and_is_no_pickle(client, run, tmp_path):
    uri = f"runs:/{told(client, run).info.run_id}/model"
    images = load_split(run.recipe).dataset.images[:7]
    loaded = mlflow.pyfunc.load_model(uri, dst_path=str(tmp_path))
    model = latentscape.load(run.path)
    with torch.no_grad():
        codes = model.encode(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(loaded.predict(images), codes, rtol=1e-4, atol=1e-5)
    with pytest.raises(mlflow.MlflowException, match="uint8"):
        loaded.predict(images.astype(np.float64))
    files = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert "model.safetensors" in files
    assert not any(name.endswith((".pkl", ".pickle", ".pt", ".pth")) for name in files)


def test_a_conditional_model_takes_labels(client, train):
    run = train("cond-vae", track="mlflow")
    loaded = mlflow.pyfunc.load_model(f"runs:/{told(client, run).info.run_id}/model")
    dataset = load_split(run.recipe).dataset
    given = {"images": dataset.images[::500], "labels": dataset.labels[::500]}
    codes = loaded.predict(given)
    assert codes.shape == (10, latentscape.load(run.path).latent_dim)
    assert not np.array_equal(codes, loaded.predict({**given, "labels": given["labels"] * 0}))


def test_a_run_goes_on_where_it_was(client, train, stopping, broken_log, tmp_path):
    """Stopped after an epoch, then ended by an error with an epoch that no checkpoint knows of."""
    given = {"folder": tmp_path, "name": "resumed", "changes": {"train.epochs": 4}}
    with stopping(1), pytest.raises(Interrupted):
        train(track="mlflow", **given)
    run = latentscape.runs.open_run(tmp_path / "resumed")
    assert told(client, run).info.status == "KILLED"
    with broken_log(3), pytest.raises(RunError):
        latentscape.resume(run, track="mlflow", quiet=True)
    assert told(client, run).info.status == "FAILED"
    latentscape.resume(run, track="mlflow", quiet=True)
    assert told(client, run).info.status == "FINISHED"
    assert_curves_are_those_of_the_history(client, run)


def test_a_store_that_fails_does_not_end_the_run_and_is_told_later(
    client, train, tmp_path, monkeypatch, capsys
):
    log = MlflowTracker._log_metrics

    def fail_in_epoch_2(self, metrics, step):
        if step == 2:
            raise mlflow.MlflowException("The server is gone\nand so on")
        log(self, metrics, step)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowTracker, "_log_metrics", fail_in_epoch_2)
        run = train(folder=tmp_path, name="later", track="mlflow", changes={"train.epochs": 3})
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("the run goes on. MlflowException: The server is gone")
    assert told(client, run).info.status == "RUNNING"
    latentscape.resume(run, track="mlflow", quiet=True)
    assert told(client, run).info.status == "FINISHED"
    assert_curves_are_those_of_the_history(client, run)
    latentscape.resume(run, track="mlflow", quiet=True)
    assert_curves_are_those_of_the_history(client, run)


def test_tracking_changes_no_bit(run, train, tmp_path):
    plain = train(folder=tmp_path)
    assert plain.model_file.read_bytes() == run.model_file.read_bytes()


def test_a_server_that_does_not_answer_is_told_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(ConfigError, match="127.0.0.1 does not answer") as told:
        latentscape.train("simple-20", track="mlflow", folder=tmp_path / "runs", quiet=True)
    assert "secret" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


STORES = {
    "postgresql://ada:s3cr%2Fet@localhost/db": r"needs the package psycopg\w*, .* pip install psyc",
    "mysql+pymysql://ada:s3cr%2Fet@localhost/db": "needs the package pymysql, .* install pymysql",
    "postgresql://ada:s3cr%2Fet@localhost:port/db": "cannot use its store: .*'port'",
    "nothing://ada:s3cr%2Fet@localhost": r"unsupported URI 'nothing://ada:\*\*\*@localhost'",
    "http://ada:s3cr%2Fet@[bad": "cannot use its store: Invalid",
    "http://ada:s3cr%2Fet@127.0.0.1:9": "server at 127.0.0.1 does not answer",
    "nothing://localhost?password=s3cr%2Fet": r"unsupported URI 'nothing://localhost\?\*\*\*'",
}


@pytest.mark.parametrize(("uri", "message"), STORES.items(), ids=STORES)
def test_a_store_that_cannot_be_used_is_told_without_its_password(uri, message, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ConfigError, match=message) as refused:
        MlflowTracker.check()
    error = refused.value
    while error is not None:  # Those that --debug shows, too.
        assert "s3cr" not in str(error)
        error = error.__cause__


def test_nor_is_it_told_when_tracking_stops(run, small, monkeypatch, capsys):
    tracker = MlflowTracker(run, small)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ada:s3cr%2Fet@localhost/db")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")

    def fail():
        raise OSError("no answer from ada:s3cr/et@localhost, or s3cr%2Fet, with t0ken")

    tracker._carefully(fail)
    told = capsys.readouterr().err
    assert "OSError: no answer from ada:***@localhost, or ***, with ***" in told
