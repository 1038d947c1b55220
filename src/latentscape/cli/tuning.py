"""The command that searches for good settings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from latentscape.cli.choices import ChoiceCommand
from latentscape.cli.completing import complete_recipe_or_study, complete_space
from latentscape.cli.options import (
    AsJson,
    AsPublished,
    Data,
    Device,
    Epochs,
    GpusPerWorker,
    On,
    Quiet,
    RunsFolder,
    Seed,
    Settings,
    read_changes,
)
from latentscape.cli.printing import show_study

app = typer.Typer()

EXAMPLE = "latentscape tune vae-20 --space 'train.lr=log(1e-4, 1e-2)' --trials 20"


@app.command(rich_help_panel="Train", cls=ChoiceCommand, epilog=f"Example: **{EXAMPLE}**")
def tune(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|STUDY",
            help="Name of a recipe, or a YAML file; or a study that has a space.",
            autocompletion=complete_recipe_or_study,
        ),
    ],
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="PATH=VALUES",
            autocompletion=complete_space,
            help="What a setting may be: (low, high), (low, high, step), log(low, high), or "
            "choices, [8, 16, 32]. Repeatable.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials in all; 50 by default. More of them go on.")
    ] = None,
    metric: Annotated[
        Literal["loss", "elbo", "mse"] | None,
        typer.Option(help="What trials are compared by on validation examples; mostly the loss."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Stop trials that lag behind.")
    ] = True,
    data: Data = None,
    epochs: Epochs = None,
    seed: Seed = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds to train the best settings with in the end.")
    ] = None,
    settings: Settings = None,
    as_published: AsPublished = False,
    name: Annotated[str | None, typer.Option(help="Name of the search.")] = None,
    folder: RunsFolder = Path("runs"),
    storage: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database for the trials; by default a file beside them."),
    ] = None,
    device: Device = "auto",
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Trials at once; 1 here, as many as fit on a cluster."
        ),
    ] = None,
    on: On = "local",
    gpus_per_worker: GpusPerWorker = 0.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for good settings of a recipe, and write the report.

    Trials are compared on validation examples; the best alone is evaluated on test examples. A
    search that was killed goes on where it was: give the same command again.
    """
    from latentscape.api.tuning import tune as search
    from latentscape.config.space import parse_space

    findings = search(
        recipe,
        dict(map(parse_space, space or [])),
        trials=trials,
        metric=metric,
        prune=prune,
        data=data,
        epochs=epochs,
        changes=read_changes(settings, {"seed": seed}),
        as_published=as_published,
        seeds=seeds,
        name=name,
        folder=folder,
        storage=storage,
        device=device,
        on=on,
        jobs=jobs,
        gpus_per_worker=gpus_per_worker,
        quiet=quiet,
    )
    show_study(findings, as_json)
