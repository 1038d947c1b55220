"""The doctor of runs and recipes: what it keeps, and what it says of those it cannot examine."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import latentscape
from doctor.cases import CASES, images
from latentscape.api.doctoring import run_of
from latentscape.core.errors import ConfigError, MissingData, RunError, TrainingError
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.runs import RunFindings, open_run
from test_cli import latentscape as command

FIXTURES = Path(__file__).parents[1] / "fixtures"
KL = next(case for case in CASES if case.symptom == "kl_weight")
SPOTS = images().dataset


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that does not use its code, examined as it ended."""
    folder = tmp_path_factory.mktemp("runs")
    np.save(folder / "spots.npy", SPOTS.images)
    data = str(folder / "spots.npy")
    return latentscape.train(KL.recipe, data=data, name="sick", folder=folder, quiet=True)


def test_training_keeps_what_is_wrong_and_opens_the_report_with_it(run):
    assert RunFindings(run).require(Diagnoses).first.symptom == "kl_weight"
    assert "KL weight too high" in latentscape.report(run).read_text("utf-8")


def test_the_doctor_keeps_what_it_measures(run):
    diagnoses = latentscape.diagnose(run, quiet=True)
    kept = RunFindings(run).require(Diagnoses)
    assert kept.model_dump(exclude={"diagnoses"}) == diagnoses.model_dump(exclude={"diagnoses"})


def test_the_command_prints_facts_or_sentences(run):
    facts = json.loads(command("doctor", run.path, "--json").stdout)
    first = facts["diagnoses"][0]
    assert (first["symptom"], first["changes"]) == (
        "kl_weight",
        {"objective.weights.reconstruction": 1.0},
    )
    text = command("doctor", run.path).stdout
    assert "--set objective.weights.reconstruction=1" in text


def test_a_recipe_is_examined_before_it_is_trained():
    leaking = images(leak=True).dataset
    diagnoses = latentscape.diagnose("simple-20", data=leaking, quiet=True)
    assert diagnoses.stage == "before"
    assert diagnoses.get("label_leak") is not None


def test_a_run_that_has_failed_says_why(tmp_path):
    changes = {"train.optimizer": "sgd", "train.lr": 30.0, "model.likelihood": "gaussian"}
    data = str(tmp_path / "spots.npy")
    np.save(data, SPOTS.images)
    with pytest.raises(TrainingError):
        latentscape.train(
            "simple-20", data=data, changes=changes, name="failed", folder=tmp_path, quiet=True
        )
    diagnoses = latentscape.diagnose(tmp_path / "failed", quiet=True)
    assert (diagnoses.stage, diagnoses.first.symptom) == ("during", "nan_ahead")
    assert diagnoses.first.changes["train.lr"] < 10


def test_a_run_without_a_checkpoint_cannot_be_examined(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "sick")
    (tmp_path / "sick" / "model.safetensors").unlink()
    shutil.rmtree(tmp_path / "sick" / "checkpoint")
    with pytest.raises(RunError, match=r"not finished, and has no checkpoint.*--resume"):
        latentscape.diagnose(open_run(tmp_path / "sick"), quiet=True)


def test_data_in_memory_are_asked_for(tmp_path):
    case = KL.recipe
    run = latentscape.train(case, data=SPOTS, epochs=1, name="memory", folder=tmp_path, quiet=True)
    with pytest.raises(MissingData, match="Give them in Python"):
        latentscape.diagnose(run, quiet=True)
    assert latentscape.diagnose(run, data=SPOTS, quiet=True).stage == "after"


def test_without_held_out_examples_training_ones_are_looked_at(tmp_path):
    changes = {"data.validation": 0.0, "train.epochs": 1}
    run = latentscape.train(
        KL.recipe, data=SPOTS, changes=changes, name="whole", folder=tmp_path, quiet=True
    )
    diagnoses = RunFindings(run).require(Diagnoses)
    assert diagnoses.looked_at == "train"
    assert {skip.reason for skip in diagnoses.skipped} >= {"no_validation"}


def test_settings_of_a_run_cannot_change(run):
    with pytest.raises(ConfigError, match="has been trained"):
        latentscape.diagnose(run, changes={"train.lr": 1.0})


def test_what_is_neither_a_run_nor_a_recipe_says_so(tmp_path):
    with pytest.raises(ConfigError, match="There is no recipe called 'simple-21'"):
        latentscape.diagnose("simple-21", quiet=True)
    with pytest.raises(RunError):
        latentscape.diagnose(tmp_path / "nothing", quiet=True)


def test_a_known_name_is_the_recipe_whatever_lies_beside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vae-20").mkdir()
    assert run_of("vae-20") is None
    with pytest.raises(RunError):
        run_of("./vae-20/")
