"""Trials of cures: what the command and the function say of them, and that nothing is written."""

import json
import re

import numpy as np
import pytest

import latentscape
from doctor.cases import CASES, good, images
from latentscape.api import trying
from latentscape.core.errors import Interrupted
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
    trial = trying.try_diagnosis(run, first, seconds=60, quiet=True)
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
