"""Each symptom: a good recipe is broken, the doctor names it first, and its changes mend it."""

import pytest

from doctor.cases import CASES, GOOD, Case, good, images
from doctor.clinic import checkup
from latentscape.config import override
from latentscape.doctor.registry import REGISTRY, symptoms
from latentscape.doctor.wording import heading


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.symptom)
def test_provoked_named_first_and_mended(case: Case):
    split = images(**case.data)
    diagnoses = checkup(case.recipe, split)
    first = diagnoses.first
    assert first is not None
    assert first.symptom == case.symptom, [heading(item) for item in diagnoses.diagnoses]
    assert first.changes
    mended = checkup(override(case.recipe, first.changes), split)
    assert mended.get(case.symptom) is None, [heading(item) for item in mended.diagnoses]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_recipe_has_no_symptom(name):
    diagnoses = checkup(good(name), images())
    assert not diagnoses.diagnoses, [heading(item) for item in diagnoses.diagnoses]


def test_every_symptom_has_a_case_and_words():
    assert [case.symptom for case in CASES] == [item.key for item in symptoms()] == list(REGISTRY)
    for item in symptoms():
        assert item.title
        assert item.about.endswith(".")
