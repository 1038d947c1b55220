"""The sections that say how to repeat the runs: their recipes, their data and their machines."""

import json
from collections.abc import Sequence

import yaml

from latentscape.core.findings import to_json
from latentscape.reporting.blocks import Details, Section
from latentscape.reporting.subject import Subject
from latentscape.runs import RunFindings


def recipes_section(subject: Subject) -> Section:
    """Show the whole recipe of every row."""
    blocks = [
        Details(row.label, as_yaml(row.first.recipe.model_dump(mode="json", exclude_none=True)))
        for row in subject.rows
    ]
    lead = "All that is needed to repeat each run: save it as a file and train it."
    return Section("recipes", "Recipes", lead, blocks)


def environment_section(subject: Subject) -> Section:
    """Show data and machine, once for all runs that share them."""
    groups: dict[str, list[RunFindings]] = {}
    for run in (run for row in subject.rows for run in row.runs):
        # When a run started tells runs apart, but not what they ran on.
        machine = run.environment.model_copy(update={"started": ""})
        key = run.data.model_dump_json() + machine.model_dump_json()
        groups.setdefault(key, []).append(run)
    blocks = [_environment(runs) for runs in groups.values()]
    return Section("environment", "Data and environment", "", blocks)


def _environment(runs: Sequence[RunFindings]) -> Details:
    names, first = [run.name for run in runs], runs[0]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    content = {
        "runs": names,
        "data": to_json(first.data),
        "environment": to_json(first.environment),
    }
    if starts := {run.name: to_json(run.start) for run in runs if run.start is not None}:
        content["start"] = starts
    return Details(names[0] + more, as_yaml(content))


def as_yaml(content: object) -> str:
    """Write plain data as people read them."""
    # By way of JSON, because tuples and NumPy numbers would get tags that nobody wants to read.
    plain = json.loads(json.dumps(content, default=float))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).strip()
