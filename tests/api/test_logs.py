"""What the logger ``latentscape`` says to whoever listens."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

import latentscape
from latentscape.api.logs import log_findings, log_plan
from latentscape.config import load_recipe
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import Duplicates
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.runs.facts import Event
from latentscape.training.hooks.logs import Logged
from latentscape.training.state import TrainState
from synthetic import add, make_run

SMALL = {"data.train": 60, "data.test": 20}


def test_a_quiet_training_is_logged(tmp_path, caplog, capsys):
    with caplog.at_level(logging.INFO, "latentscape"):
        run = latentscape.train(
            "simple-20",
            data="mnist-5k",
            epochs=2,
            batch_size=20,
            changes=SMALL,
            folder=tmp_path,
            quiet=True,
        )
    infos = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    assert f"{run.name}: 60 examples, 2 epochs" in infos
    lines = [line for line in infos if line.startswith(f"{run.name}: epoch ")]
    assert [line.split(": ")[1] for line in lines] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert f"loss {run.history.epochs[1].train.loss:.4g}" in lines[1]
    assert infos[-1].startswith(f"{run.name}: test MSE 0.")
    assert all(record.name.startswith("latentscape.") for record in caplog.records)
    assert capsys.readouterr() == ("", "")


def begun(epoch):
    """A training that has gone on after an epoch."""
    loader, config = SimpleNamespace(examples=1000), load_recipe("vae-20").train
    return SimpleNamespace(loader=loader, config=config, state=TrainState(epoch=epoch))


def test_nobody_who_does_not_listen_hears_anything(capsys):
    assert any(
        isinstance(h, logging.NullHandler) for h in logging.getLogger("latentscape").handlers
    )
    event = Event(epoch=3, kind="collapse", collapse="posterior", latent_dim=20)
    logged = Logged("run")
    logged.on_start(begun(0))
    logged.on_event(begun(0), event)
    assert capsys.readouterr() == ("", "")


def test_events_are_warnings(caplog):
    Logged("run").on_event(
        begun(7), Event(epoch=3, kind="collapse", collapse="posterior", latent_dim=20)
    )
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("run: epoch 3: The posterior has collapsed")


def test_a_run_that_goes_on_says_from_where(caplog):
    with caplog.at_level(logging.INFO, "latentscape"):
        Logged("run").on_start(begun(7))
    assert "1,000 examples" in caplog.text
    assert "going on after epoch 7" in caplog.text


def test_what_data_lack_is_a_warning(tmp_path, caplog):
    data = Dataset(
        "odd",
        np.zeros((4, 3), np.float32),
        value_range=(0.0, 1.0),
        range_reason="unbounded",
        left_out=(LeftOut("column", ("name",), 1, "it is a text"),),
        tests_on_validation=True,
    )
    run = make_run(tmp_path, "plain").run
    log_plan(run, data)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert "odd: Values are used as they are" in caplog.text
    assert "odd has no test part" in caplog.text
    assert "odd: Not used: 1 column (name): it is a text." in caplog.text
    caplog.clear()
    log_plan(run, Dataset("plain", np.zeros((4, 3), np.uint8)))
    assert not caplog.records


def test_what_is_wrong_with_a_run_is_a_warning(tmp_path, caplog):
    findings = make_run(tmp_path, "plain")
    log_findings(findings)
    assert not caplog.records
    diagnosis = Diagnosis(symptom="posterior_collapse", value=10.0, threshold=100.0)
    diagnoses = Diagnoses(
        stage="after",
        looked_at="validation",
        n=10,
        diagnoses=(diagnosis,),
        examined=("posterior_collapse",),
    )
    log_findings(add(findings, Duplicates(test=60, exact=6, near=0), diagnoses))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * len(caplog.records)
    assert "plain-0: 6 of 60 test examples" in caplog.text


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_epochs_are_not_described_for_nobody(level, caplog, monkeypatch):
    monkeypatch.setattr("latentscape.training.hooks.logs.describe_epoch", pytest.fail)
    with caplog.at_level(level, "latentscape"):
        Logged("run").on_epoch(None)
