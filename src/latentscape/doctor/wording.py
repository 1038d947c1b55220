"""What is said of diagnoses, on the terminal and in reports alike."""

import json
from collections.abc import Mapping
from shlex import quote

from latentscape.core.units import count, duration, memory_size
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis, Plan, Setting
from latentscape.doctor.registry import REGISTRY, symptom

_MISSING = {
    "no_validation": "there are no validation examples",
    "no_labels": "there are no labels",
    "no_input": "its settings and the data do not go together",
    "no_model": "it cannot be trained at all",
    "no_history": "the epochs of its training are not known",
}

ALSO = "What else is wrong:"
FOLLOWING = "May follow from it, so that it is best mended first:"


def heading(diagnosis: Diagnosis) -> str:
    """Name a symptom with its number."""
    item = symptom(diagnosis.symptom)
    return f"{item.title}: {item.reading(diagnosis)}"


def options(changes: Mapping[str, Setting]) -> str:
    """Write changes as options of the command line."""
    settings = (f"{path}={_written(value)}" for path, value in changes.items())
    return " ".join(f"--set {quote(setting)}" for setting in settings)


def known(diagnoses: Diagnoses) -> list[Diagnosis]:
    """Return the diagnoses whose symptoms are known; a newer version may have others."""
    return [item for item in diagnoses.diagnoses if item.symptom in REGISTRY]


def summary(name: str, diagnoses: Diagnoses) -> str:
    """Say how many symptoms a model has, and what was looked at."""
    number, looked_for = len(diagnoses.diagnoses), len(diagnoses.examined)
    examples = f"{count(diagnoses.n)} {_PARTS[diagnoses.looked_at]} examples"
    if not number and diagnoses.plan is not None:
        return f"Nothing wrong: {plan(diagnoses.plan)}."
    if not number:
        return f"Nothing is wrong with {name}: it has none of {looked_for} symptoms on {examples}."
    symptoms = "symptom" if number == 1 else "symptoms"
    return f"{name} has {number} {symptoms} of the {looked_for} looked for on {examples}."


def plan(plan: Plan) -> str:
    """Say what training will take."""
    return (
        f"{count(plan.examples)} examples, {count(plan.steps)} steps, about "
        f"{duration(plan.seconds)}, {memory_size(plan.memory)}"
    )


def skips(diagnoses: Diagnoses) -> list[str]:
    """Say what could not be looked for, one sentence for each reason."""
    reasons: dict[str, list[str]] = {}
    for skip in diagnoses.skipped:
        if skip.item in REGISTRY:
            reasons.setdefault(skip.reason, []).append(symptom(skip.item).title.lower())
    return [
        f"Not looked for, because {_MISSING.get(reason, reason)}: {', '.join(titles)}."
        for reason, titles in reasons.items()
    ]


_PARTS = {"validation": "validation", "train": "training"}


def _written(value: Setting) -> str:
    """Write a value as YAML reads it."""
    if isinstance(value, tuple):
        return f"[{','.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"')
