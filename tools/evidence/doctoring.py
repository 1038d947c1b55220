"""How well the doctor sees: recipes that are broken on purpose, and recipes as they come.

For each symptom a good recipe or good data are broken and examined, before training or after it;
then a trial shows whether what the doctor says mends them. The cases are those of the tests. Then
all recipes are examined as they come, before training on three data sets, and after it the runs
that ``python -m tools.evidence recipes`` trains: what is found there is a false alarm, or a recipe
that does badly.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import latentscape
from latentscape.api.cases import Case
from latentscape.api.preparing import prepare
from latentscape.api.trying import try_diagnosis
from latentscape.config import Changes, load_recipe, override, recipe_names
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.doctor.registry import symptom
from latentscape.doctor.trial import Trial
from latentscape.doctor.trying import Setup, run_trial
from latentscape.runs import OpenRun, runs_in
from tools.evidence.measuring import RUNS, facts_of, measured_now
from tools.evidence.records import Evidence, Number, ResultRow

FIRST, MENDED, SYMPTOMS = "named_first", "mended", "symptoms"
"""Keys: whether a symptom was named first, and gone after it was mended; how many a run has."""

BEFORE = "before training"
"""Stands with rows of what was examined before training."""

SECONDS = 60.0
"""For both sides of a trial: the cases are so small that all are trained to the end."""

CPU = torch.device("cpu")

ALARMS: dict[str, Changes] = {
    "mnist-5k": {},
    "digits": {},
    "fashion-mnist": {"data.train": 4000},
}
"""Data sets on which no recipe should alarm before training."""

BROKEN_ERROR, MENDED_ERROR = "error", "mended_error"
"""Keys of the squared errors per pixel of the broken and the mended recipe."""


def measure_doctor(runs: Path = RUNS) -> Evidence:
    """Provoke every symptom, and examine all runs."""
    torch.set_num_threads(1)
    return measured_now(
        "doctor",
        "Symptoms that were provoked, named and mended; those of recipes as they come.",
        (*_provoked_before(), *_provoked(), *_before_training(), *_as_they_come(runs)),
        load_recipe("simple-20"),
        precision="float32",
    )


def _provoked() -> Iterator[ResultRow]:
    """Yield a row for each case of the tests."""
    # Tests are no package that could be imported by name: they are beside this one.
    cases, clinic = (import_module(f"tests.doctor.{name}") for name in ("cases", "clinic"))
    for case in cases.CASES:
        print(f"provoking {case.symptom}", flush=True)
        yield _row(case, cases, clinic)


def _row(case: Any, cases: Any, clinic: Any) -> ResultRow:
    broken = clinic.train(case.recipe, cases.images(**case.data), case.clusters)
    first = examine(broken).first
    is_first = first is not None and first.symptom == case.symptom
    numbers = {FIRST: float(is_first), MENDED: 0.0, BROKEN_ERROR: broken.held_out.error}
    if first is not None and is_first and first.changes:
        recipe = prepare(override(broken.recipe, first.changes), broken.split)
        current, mended = Setup(broken.recipe, broken.split), Setup(recipe, broken.split)
        numbers |= _tried(run_trial(first, current, mended, SECONDS, CPU))
    elif first is not None and is_first:
        data = case.data if case.mended_data is None else case.mended_data
        clusters = case.clusters and int(first.fact("best"))
        other = clinic.train(case.recipe, cases.images(**data), clusters)
        numbers[MENDED] = float(examine(other).get(case.symptom) is None)
        numbers[MENDED_ERROR] = other.held_out.error
    return ResultRow(label=symptom(case.symptom).title, numbers=_numbers(numbers))


def _provoked_before() -> Iterator[ResultRow]:
    """Yield a row for each case of the tests that shows before training."""
    for case in import_module("tests.doctor.before").BEFORE:
        print(f"provoking {case.symptom} before training", flush=True)
        with patch(*case.machine) if case.machine else nullcontext():
            yield _row_before(case)


def _row_before(case: Any) -> ResultRow:
    first = latentscape.diagnose(case.recipe, data=case.data(), quiet=True).first
    is_first = first is not None and first.symptom == case.symptom
    numbers = {FIRST: float(is_first)}
    if first is not None and is_first and first.changes:
        trial = try_diagnosis(Case(case.recipe, case.data()), first, SECONDS)
        numbers |= _tried(trial)
    elif case.mended_data is not None:
        other = latentscape.diagnose(case.recipe, data=case.mended_data(), quiet=True)
        numbers[MENDED] = float(other.get(case.symptom) is None)
    return ResultRow(label=symptom(case.symptom).title, data=BEFORE, numbers=_numbers(numbers))


def _tried(trial: Trial) -> dict[str, float]:
    """Return what a trial has shown."""
    errors = {BROKEN_ERROR: trial.current.error, MENDED_ERROR: trial.mended.error}
    numbers = {key: error for key, error in errors.items() if error is not None}
    return {MENDED: float(trial.outcome == "gone"), **numbers}


def _before_training() -> Iterator[ResultRow]:
    """Yield a row for each recipe on each of three data sets."""
    for data, changes in ALARMS.items():
        for name in recipe_names():
            diagnoses = latentscape.diagnose(name, data=data, changes=changes, quiet=True)
            print(f"{name} on {data} before training: {len(diagnoses.diagnoses)}", flush=True)
            yield ResultRow(
                label=name,
                recipe=name,
                data=f"{data}, {BEFORE}",
                numbers=_numbers({SYMPTOMS: float(len(diagnoses.diagnoses))}),
            )


def _as_they_come(runs: Path) -> Iterator[ResultRow]:
    """Yield a row for each finished run."""
    for run in runs_in(runs):
        if not run.finished:
            continue
        opened = OpenRun(run, device="cpu")
        patient = Patient.of_run(opened.findings, opened.model, opened.split)
        diagnoses = examine(patient)
        print(f"{run.name}: {len(diagnoses.diagnoses)}", flush=True)
        yield ResultRow(
            label=opened.recipe.name,
            recipe=opened.recipe.name,
            data=opened.findings.data.name,
            runs=(facts_of(opened.findings),),
            numbers=_numbers({SYMPTOMS: float(len(diagnoses.diagnoses))}),
        )


def _numbers(values: dict[str, float]) -> dict[str, Number]:
    return {key: Number.of((value,)) for key, value in values.items()}
