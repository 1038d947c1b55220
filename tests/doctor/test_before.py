"""Symptoms that show before training: provoked, named first, and mended by their suggestion."""

import numpy as np
import pytest

import latentscape
from doctor.before import BEFORE, BeforeCase, spots
from doctor.cases import good
from latentscape.api.cases import Case
from latentscape.api.trying import try_diagnosis
from latentscape.core.errors import ConfigError
from latentscape.doctor import rates
from latentscape.doctor.registry import symptom, symptoms
from latentscape.doctor.trial_table import verdict
from latentscape.doctor.wording import heading, summary

WITHOUT_PROOF = {"long_training"}
"""Only another machine, or less to train, mends these."""


def headings(diagnoses):
    return [heading(item) for item in diagnoses.diagnoses]


@pytest.mark.parametrize("case", BEFORE, ids=lambda case: case.symptom)
def test_provoked_named_first_and_mended(case: BeforeCase, monkeypatch):
    if case.machine is not None:
        monkeypatch.setattr(*case.machine)
    if not case.symptom.startswith("rate"):
        monkeypatch.setattr(rates, "FACTORS", (1.0,))  # It takes most of the time.
    diagnoses = latentscape.diagnose(case.recipe, data=case.data(), quiet=True)
    assert diagnoses.stage == "before"
    first = diagnoses.first
    assert first is not None
    assert first.symptom == case.symptom, headings(diagnoses)
    item = symptom(first.symptom)
    assert heading(first).startswith(item.title)
    assert item.cause(first).endswith(".")
    if case.mended_data is not None:
        assert item.advice(first)
        mended = latentscape.diagnose(case.recipe, data=case.mended_data(), quiet=True)
        assert mended.get(case.symptom) is None, headings(mended)
    elif case.symptom not in WITHOUT_PROOF:
        trial = try_diagnosis(Case(case.recipe, case.data()), first, seconds=60)
        assert trial.outcome == "gone", verdict(trial)
        # Convolutions need larger images to be better.
        assert trial.error_outcome != "worse" or case.symptom == "dense_body", verdict(trial)


@pytest.mark.parametrize("name", ["plain", "vae"])
def test_nothing_is_wrong_with_good_recipes(name):
    diagnoses = latentscape.diagnose(good(name), data=spots(), quiet=True)
    assert not diagnoses.diagnoses, headings(diagnoses)
    plan = diagnoses.plan
    assert plan.examples == 461
    assert plan.steps == good(name).train.steps(461)
    words = summary(name, diagnoses)
    assert words.startswith(f"Nothing wrong: 461 examples, {plan.steps} steps, about ")
    assert words.count(".") <= 3


@pytest.mark.parametrize("name", ["vae-20-collapsed", "wae-mmd"])
def test_shipped_recipes_on_few_digits(name):
    diagnoses = latentscape.diagnose(name, data="digits", changes={"data.train": 600}, quiet=True)
    alarms = ["wide_likelihood"] if name == "vae-20-collapsed" else []  # It is made to collapse.
    assert [item.symptom for item in diagnoses.diagnoses] == alarms, headings(diagnoses)


def test_every_symptom_before_training_has_a_case():
    keys = {item.key for item in symptoms() if "before" in item.stages}
    assert {case.symptom for case in BEFORE} == keys


def test_what_nothing_explains_is_an_error_as_in_training():
    with pytest.raises(ConfigError, match="patience"):
        latentscape.diagnose(
            "vae-50", data=spots(), changes={"data.validation": 0.0, "train.patience": 3}
        )


def test_plain_vectors_are_examined():
    vectors = spots()[0].reshape(640, -1)
    diagnoses = latentscape.diagnose(good("plain"), data=np.asarray(vectors), quiet=True)
    assert not diagnoses.diagnoses, headings(diagnoses)


def test_an_unknown_symptom_is_named():
    with pytest.raises(ConfigError, match="no symptom blur here that a setting mends"):
        latentscape.try_cure(good("plain"), data=spots(), symptom="blur", quiet=True)


def test_nothing_to_try_on_a_healthy_recipe():
    assert latentscape.try_cure(good("plain"), data=spots(), quiet=True) is None
