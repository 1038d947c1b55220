"""Trials of cures: what the command and the function say of them, and that nothing is written."""

import json
import re

import numpy as np
import pytest

import latentscape
from doctor.cases import CASES, good, images
from latentscape.api import cases, trying
from latentscape.api.cases import Case
from latentscape.core.errors import Interrupted
from latentscape.doctor.diagnosis import Diagnosis
from test_cli import latentscape as command

KL = next(case for case in CASES if case.symptom == "kl_weight")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that does not use its code."""
    folder = tmp_path_factory.mktemp("runs")
    np.save(folder / "spots.npy", images().dataset.images)
    data = str(folder / "spots.npy")
    run = latentscape.train(KL.recipe, data=data, epochs=8, name="sick", folder=folder, quiet=True)
    latentscape.diagnose(run, quiet=True)
    return run


def files_of(run):
    return {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}


def test_a_run_is_mended_in_a_trial_and_stays_as_it_was(run):
    before, first = files_of(run), latentscape.RunFindings(run).require(latentscape.Diagnoses).first
    trial = trying.try_diagnosis(Case(run), first, seconds=60)
    assert (trial.symptom, trial.outcome) == ("kl_weight", "gone")
    assert trial.changes == {"objective.weights.reconstruction": 1.0}
    assert (trial.current.number, trial.mended.number) == (64, 1)
    assert trial.current.steps == trial.mended.steps
    assert files_of(run) == before


def test_the_command_shows_both_numbers_and_the_verdict(run):
    text = command("doctor", run.path, "--try", "--seconds", 60).stdout
    proof = text[text.index("The proof: --set objective.weights.reconstruction=1") :]
    assert "KL weight too high" in proof
    assert re.search(r"KL weight too high +64\.0 +1\.00", proof)
    assert "The symptom is gone" in proof
    assert "Nothing was written." in proof
    assert f"latentscape train {run.path / 'recipe.yaml'} --name sick-mended --set" in proof


def test_facts_of_a_trial(run):
    facts = json.loads(command("doctor", run.path, "--try", "--seconds", 2, "--json").stdout)
    assert facts["trial"]["symptom"] == facts["diagnoses"][0]["symptom"] == "kl_weight"
    assert facts["trial"]["current"]["error"] > 0


def test_the_command_names_the_proof_where_it_is_not_asked_for(run):
    text = command("doctor", run.path).stdout
    assert f"To see whether it does: latentscape doctor {run.path} --try" in text


def test_nothing_to_try_is_no_error(tmp_path):
    np.save(tmp_path / "spots.npy", images().dataset.images)
    (tmp_path / "good.yaml").write_text(
        latentscape.Recipe.model_dump_json(good("plain"), exclude={"data"}), "utf-8"
    )
    ended = command("doctor", tmp_path / "good.yaml", "--data", tmp_path / "spots.npy", "--try")
    lines = ended.stdout.splitlines()
    assert lines[0].startswith("Nothing wrong: ")
    assert lines[1] == "There is nothing to try."


def test_ctrl_c_says_that_nothing_was_written(run, monkeypatch):
    def stopped(*arguments):
        raise Interrupted("Stopped in epoch 1 of 2")

    monkeypatch.setattr(trying, "run_trial", stopped)
    with pytest.raises(Interrupted, match="Nothing was written"):
        latentscape.try_cure(run, quiet=True)


def test_data_are_read_once_for_diagnosis_and_trial(tmp_path, monkeypatch):
    read, load = [], cases.load_split
    monkeypatch.setattr(cases, "load_split", lambda *asked: read.append(asked) or load(*asked))
    np.save(tmp_path / "spots.npy", images().dataset.images)
    data, changes = str(tmp_path / "spots.npy"), {"train.epochs": 1, "train.schedule": "constant"}
    trial = latentscape.try_cure(good("vae"), data=data, changes=changes, seconds=1, quiet=True)
    assert trial.symptom == "few_steps"
    assert len(read) == 1


def test_patience_and_warm_up_of_a_trial_follow_the_epochs_that_mend(monkeypatch):
    tried = []
    monkeypatch.setattr(trying, "run_trial", lambda diagnosis, *setups: tried.append(setups))
    changes = {"train.epochs": 2, "train.batch_size": 64}
    case = Case("beta-vae", images().dataset.images, changes, "cpu")
    diagnosis = Diagnosis(symptom="few_steps", value=1, threshold=2, changes={"train.epochs": 20})
    trying.try_diagnosis(case, diagnosis)
    current, mended = (setup.recipe for setup in tried[0][:2])
    assert (current.train.patience, mended.train.patience) == (2, 20)
    for get in (lambda it: it.train.schedule.warmup, lambda it: it.objective.rate_warmup):
        assert get(mended) == pytest.approx(10 * get(current))
