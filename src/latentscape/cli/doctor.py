"""The command that says what is wrong with a run or a recipe."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from latentscape.config import Changes
    from latentscape.doctor.diagnosis import Diagnoses
    from latentscape.doctor.trial import Trial

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
    from latentscape.api import doctoring
    from latentscape.core.findings import to_json
    from latentscape.doctor.table import print_diagnoses
    from latentscape.doctor.trial_table import print_outcome

    changes = read_changes(settings, {}) or None
    diagnoses = doctoring.diagnose(
        run_or_recipe,
        data=data,
        changes=changes,
        device=device,
        quiet=quiet,
    )
    command = (run_or_recipe, data, settings or ())
    if not as_json:
        proof = "" if is_tried else doctoring.proof_of(*command)
        print_diagnoses(Path(run_or_recipe).name, diagnoses, proof)
    trial = None
    if is_tried:
        trial = _try(run_or_recipe, diagnoses, data, changes, symptom, seconds, device, quiet)
        if not as_json:
            print_outcome(diagnoses, trial, doctoring.cure_of(*command))
    if as_json:
        tried = {"trial": None if trial is None else to_json(trial)} if is_tried else {}
        print_json({**to_json(diagnoses), **tried})


def _try(
    run_or_recipe: str,
    diagnoses: "Diagnoses",
    data: str | None,
    changes: "Changes | None",
    symptom: str | None,
    seconds: float,
    device: str,
    quiet: bool,
) -> "Trial | None":
    """Try the setting that mends a symptom, if there is one."""
    from latentscape.api import trying

    diagnosis = trying.choose_cure(diagnoses, symptom)
    if diagnosis is None:
        return None
    return trying.try_diagnosis(
        run_or_recipe,
        diagnosis,
        data=data,
        changes=changes,
        seconds=seconds,
        device=device,
        quiet=quiet,
    )
