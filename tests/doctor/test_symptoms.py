"""Each symptom: a good recipe is broken, the doctor names it first, and its changes mend it."""

import pytest

from doctor.cases import CASES, GOOD, Case, good, images
from doctor.clinic import checkup
from latentscape.config import override
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
