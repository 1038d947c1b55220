"""Each symptom: a good recipe is broken, the doctor names it first, and its changes mend it."""

from types import SimpleNamespace

import pytest

from doctor.cases import CASES, GOOD, Case, good, images
from doctor.clinic import checkup, train
from latentscape.config import override
from latentscape.data import binarize_split
from latentscape.doctor.registry import REGISTRY, symptom, symptoms
from latentscape.doctor.wording import heading


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.symptom)
def test_provoked_named_first_and_mended(case: Case):
    diagnoses = checkup(case.recipe, images(**case.data), case.clusters)
    first = diagnoses.first
    assert first is not None
    assert first.symptom == case.symptom, [heading(item) for item in diagnoses.diagnoses]
    item = symptom(first.symptom)
    assert item.cause(first).endswith(".")
    assert first.changes or item.advice(first)
    mended_data = case.data if case.mended_data is None else case.mended_data
    clusters = case.clusters and int(first.fact("best"))
    mended = checkup(override(case.recipe, first.changes), images(**mended_data), clusters)
    assert mended.get(case.symptom) is None, [heading(item) for item in mended.diagnoses]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_recipe_has_no_symptom(name):
    diagnoses = checkup(good(name), images())
    assert not diagnoses.diagnoses, [heading(item) for item in diagnoses.diagnoses]


def test_every_symptom_has_a_case_and_words():
    keys = [item.key for item in symptoms() if "after" in item.stages]
    assert [case.symptom for case in CASES] == keys
    assert [item.key for item in symptoms()] == list(REGISTRY)
    for item in symptoms():
        assert item.title
        assert item.about.endswith(".")


def test_units_that_steps_have_killed_ask_for_smaller_steps():
    first = checkup(override(good("plain"), {"train.lr": 1.0}), images()).get("dead_units")
    assert first.changes == {"train.lr": 0.1}
    item = symptom("dead_units")
    assert item.cause(first).startswith("Steps with the learning rate 1.0 have made their input ")


def test_a_code_with_more_numbers_than_an_image_is_too_large():
    diagnosis = checkup(override(good("plain"), {"model.latent.dim": 100}), images()).first
    assert diagnosis.symptom == "code_too_large"
    assert diagnosis.changes["model.latent.dim"] < 100


def test_a_model_that_is_far_from_learning_after_an_epoch_is_trained_too_short():
    changes = {"train.epochs": 1, "train.batch_size": 3, "train.lr": 1e-5}
    first = checkup(override(good("plain"), changes), images()).first
    assert (first.symptom, first.fact("steps")) == ("under_training", 85)


@pytest.mark.parametrize(
    ("errors", "is_short"),
    [
        ([0.09, 0.064, 0.05, 0.041, 0.035, 0.031, 0.03, 0.0295, 0.0292, 0.0291], True),
        ([0.09, 0.05, 0.036, 0.03, 0.0285, 0.028, 0.0275, 0.027, 0.0266, 0.0265], False),
    ],
)
def test_few_steps_are_too_short_only_where_the_error_still_fell(errors, is_short):
    """Both curves are flat at the end, as under a schedule that falls to zero."""
    patient = SimpleNamespace(
        error_curve=errors,
        error_name="validation error",
        steps_trained=400,
        steps=40,
        whole_error=0.06,
        explained=0.5,
        stopped_early=False,
        lost_again=0.0,
        is_behind_pca=True,
        recipe=good("plain"),
    )
    assert (symptom("under_training").examine(patient) is not None) == is_short


def test_pixels_that_training_draws_are_drawn_for_the_doctor_too():
    recipe = override(good("vae"), {"data.binarize": "dynamic", "train.epochs": 1})
    split = binarize_split(images(), "dynamic")
    patient = train(recipe, split)
    for part in (patient.trained, patient.held_out):
        assert set(part.images.unique().tolist()) == {0.0, 1.0}
