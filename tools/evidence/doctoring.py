"""How well the doctor sees: recipes that are broken on purpose, and recipes as they come.

For each symptom a good recipe is broken, trained, examined, mended by what the doctor says, trained
again and examined again; the cases are those of the tests. Then the runs of all recipes on small
data are examined, which ``python -m tools.evidence recipes`` trains: what is found there is a
false alarm, or a recipe that does badly.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from latentscape.api.preparing import describe_environment
from latentscape.config import load_recipe, override
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.doctor.registry import symptom
from latentscape.runs import OpenRun, list_runs
from tools.evidence.measuring import RUNS, facts_of, without_command
from tools.evidence.records import Evidence, Number, ResultRow

FIRST, MENDED, SYMPTOMS = "named_first", "mended", "symptoms"
"""Keys: whether a symptom was named first, and gone after it was mended; how many a run has."""

BROKEN_ERROR, MENDED_ERROR = "error", "mended_error"
"""Keys of the squared errors per pixel of the broken and the mended recipe."""


def measure_doctor(runs: Path = RUNS) -> Evidence:
    """Provoke every symptom, and examine all runs."""
    torch.set_num_threads(1)
    now = describe_environment(load_recipe("simple-20"), torch.device("cpu"))
    return Evidence(
        name="doctor",
        about="Symptoms that were provoked, named and mended; those of recipes as they come.",
        command="make results NAME=doctor",
        date=time.strftime("%Y-%m-%d"),
        evaluated=without_command(now).model_copy(update={"precision": "float32"}),
        rows=(*_provoked(), *_as_they_come(runs)),
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
    if first is not None and is_first:
        data = case.data if case.mended_data is None else case.mended_data
        clusters = case.clusters and int(first.fact("best"))
        recipe = override(case.recipe, first.changes)
        mended = clinic.train(recipe, cases.images(**data), clusters)
        numbers[MENDED] = float(examine(mended).get(case.symptom) is None)
        numbers[MENDED_ERROR] = mended.held_out.error
    return ResultRow(label=symptom(case.symptom).title, numbers=_numbers(numbers))


def _as_they_come(runs: Path) -> Iterator[ResultRow]:
    """Yield a row for each finished run."""
    for run in list_runs(runs):
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
