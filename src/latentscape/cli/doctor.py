"""The command that says what is wrong with a run or a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from latentscape.cli.command import Command
from latentscape.cli.options import (
    AsJson,
    Device,
    Quiet,
    Settings,
    complete_recipe,
    complete_source,
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
            autocompletion=complete_recipe,
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
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is wrong with a run, or will be with a recipe, why, and what mends it."""
    from latentscape.api import doctoring
    from latentscape.core.findings import to_json
    from latentscape.doctor.table import print_diagnoses

    diagnoses = doctoring.diagnose(
        run_or_recipe,
        data=data,
        changes=read_changes(settings, {}) or None,
        device=device,
        quiet=quiet,
    )
    if as_json:
        print_json(to_json(diagnoses))
    else:
        name = Path(run_or_recipe).name
        print_diagnoses(name, diagnoses, doctoring.proof_of(run_or_recipe, data))
