"""The command that says what is wrong with a run or a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from latentscape.cli.command import Command
from latentscape.cli.completing import complete_recipe_or_run, complete_source
from latentscape.cli.options import (
    AsJson,
    Device,
    Quiet,
    Settings,
    read_changes,
)
from latentscape.cli.printing import print_json

app = typer.Typer()


@app.command(
    cls=Command,
    rich_help_panel="Analyse",
    epilog="Example: **latentscape doctor runs/vae-20-mnist-5k-0**",
)
def doctor(
    run_or_recipe: Annotated[
        str,
        typer.Argument(
            help="Directory of a run; or name of a recipe, or a YAML file.",
            autocompletion=complete_recipe_or_run,
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "--trained-on",
            help="Of a recipe: the data. Of a run: where its data are now.",
            autocompletion=complete_source,
        ),
    ] = None,
    settings: Settings = None,
    is_tried: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Train the current and the mended setting side by side, and say which is better.",
        ),
    ] = False,
    symptom: Annotated[
        str | None, typer.Option(help="Which symptom to mend with --try. [default: the first]")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="How long both trainings of --try may take together.")
    ] = 30.0,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is wrong with a run, or will be with a recipe, why, and what mends it."""
    from latentscape.api import doctoring, trying
    from latentscape.api.cases import Case
    from latentscape.core.findings import to_json
    from latentscape.doctor.table import print_diagnoses
    from latentscape.doctor.trial_table import print_outcome
    from latentscape.terminal import shown

    with shown(quiet):
        case = Case(run_or_recipe, data, read_changes(settings, {}), device)
        diagnoses = doctoring.diagnose_case(case)
    command = (run_or_recipe, data, settings or ())
    if not as_json:
        proof = "" if is_tried else doctoring.proof_of(*command)
        print_diagnoses(Path(run_or_recipe).name, diagnoses, proof)
    trial = None
    if is_tried and (diagnosis := trying.choose_cure(diagnoses, symptom)):
        with shown(quiet):
            trial = trying.try_diagnosis(case, diagnosis, seconds)
    if is_tried and not as_json:
        print_outcome(diagnoses, trial, doctoring.cure_of(*command))
    if as_json:
        tried = {"trial": None if trial is None else to_json(trial)} if is_tried else {}
        print_json({**to_json(diagnoses), **tried})
