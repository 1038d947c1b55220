"""Commands that list and show data, recipes and studies, and the machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from latentscape.cli.command import Command, QuickCommand
from latentscape.cli.completing import complete_study
from latentscape.cli.derive import reading_data
from latentscape.cli.options import (
    AsJson,
    AsPublished,
    Data,
    Device,
    LatentDim,
    On,
    RecipeName,
    Settings,
    SourceName,
    TestSize,
    TrainSize,
    read_changes,
)
from latentscape.cli.printing import print_json, show

if TYPE_CHECKING:
    from latentscape.config import Changes

app = typer.Typer()
data_app = typer.Typer(no_args_is_help=True, help="List, look at and download data.")
recipes_app = typer.Typer(no_args_is_help=True, help="List and look at recipes.")
studies_app = typer.Typer(no_args_is_help=True, help="List and look at studies.")
app.add_typer(data_app, name="data", rich_help_panel="Look up")
app.add_typer(recipes_app, name="recipes", rich_help_panel="Look up")
app.add_typer(studies_app, name="studies", rich_help_panel="Look up")


@data_app.command("list", cls=QuickCommand, epilog="Example: **latentscape data list --json**")
def data_list(as_json: AsJson = False) -> None:
    """List the sources that have a name."""
    from latentscape import terminal
    from latentscape.data import SOURCES

    rows = [{"source": name, "about": source.about} for name, source in SOURCES.items()]
    show(rows, as_json, terminal.print_rows)


@data_app.command("show", cls=Command, epilog="Example: **latentscape data show train.csv**")
@reading_data
def data_show(
    source: SourceName,
    train_size: TrainSize = None,
    test_size: TestSize = None,
    *,
    changes: "Changes",
    as_json: AsJson = False,
) -> None:
    """Show what a source holds and how it is split."""
    from latentscape import data, terminal

    sizes = {"train": train_size, "test": test_size}
    changes = {**changes, **{name: size for name, size in sizes.items() if size is not None}}
    summary = data.show_data(source, changes=changes)
    if as_json:
        print_json(summary.model_dump(mode="json"))
    else:
        terminal.print_data(summary)


@data_app.command("fetch", cls=Command, epilog="Example: **latentscape data fetch fashion-mnist**")
def data_fetch(source: SourceName, as_json: AsJson = False) -> None:
    """Find a source or download it into the cache, and check it."""
    from latentscape import data, terminal

    dataset = data.load_data(source)
    values = {"source": source, "examples": len(dataset), "found in": dataset.origin}
    show(values, as_json, terminal.print_values)


@data_app.command("cache", cls=QuickCommand, epilog="Example: **latentscape data cache --clear**")
def data_cache(
    clear: Annotated[
        bool,
        typer.Option(
            "--clear",
            help="Remove packed images and judges that no process uses. They are made again when "
            "they are needed. Data that were fetched stay.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the cache holds, where, and how much that is."""
    from latentscape import terminal
    from latentscape.core.cache import cached

    removed = [item for item in cached() if clear and item.kind != "data" and item.remove()]
    show(terminal.describe_cache(removed), as_json, terminal.print_cache)


@recipes_app.command("list", cls=QuickCommand, epilog="Example: **latentscape recipes list**")
def recipes_list(as_json: AsJson = False) -> None:
    """List the recipes that come with Latentscape, by family, with their sizes."""
    from latentscape import terminal
    from latentscape.api.recipes import list_recipes
    from latentscape.config import FAMILIES
    from latentscape.core.findings import to_json

    rows = [to_json(recipe) for recipe in list_recipes()]
    show(rows, as_json, lambda rows: terminal.print_recipes(rows, FAMILIES))


@recipes_app.command(
    "show", cls=Command, epilog="Example: **latentscape recipes show conv-bn --latent-dim 2**"
)
def recipes_show(
    recipe: RecipeName,
    data: Data = None,
    latent_dim: LatentDim = None,
    settings: Settings = None,
    as_published: AsPublished = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings of a recipe, and its layers with shapes and parameter counts."""
    from latentscape import terminal
    from latentscape.api import training
    from latentscape.core.findings import to_json

    resolved, architecture = training.describe_recipe(
        recipe,
        data=data,
        latent_dim=latent_dim,
        changes=read_changes(settings, {}),
        as_published=as_published,
    )
    if as_json:
        settings_json = resolved.model_dump(mode="json", exclude_none=True)
        print_json({"recipe": settings_json, **to_json(architecture)})
        return
    title = "28 x 28 grey images" if data is None else resolved.data.source
    terminal.print_recipe(resolved, architecture, title)


@studies_app.command("list", cls=QuickCommand, epilog="Example: **latentscape studies list**")
def studies_list(as_json: AsJson = False) -> None:
    """List the studies that come with Latentscape."""
    from latentscape import terminal
    from latentscape.config import load_study, study_names

    studies = [load_study(name) for name in study_names()]
    rows = [
        {
            "study": study.name,
            "runs": study.combinations * study.seeds,
            "about": study.about,
        }
        for study in studies
    ]
    show(rows, as_json, terminal.print_rows)


@studies_app.command(
    "show", cls=QuickCommand, epilog="Example: **latentscape studies show ae-vs-cae**"
)
def studies_show(
    study: Annotated[
        str, typer.Argument(help="Name of a study, or a YAML file.", autocompletion=complete_study)
    ],
    as_json: AsJson = False,
) -> None:
    """Show what a study compares."""
    from latentscape import terminal
    from latentscape.config import load_study

    show(load_study(study).model_dump(mode="json"), as_json, terminal.print_yaml)


@app.command(
    "info", cls=Command, rich_help_panel="Look up", epilog="Example: **latentscape info --json**"
)
def info(device: Device = "auto", on: On = "local", as_json: AsJson = False) -> None:
    """Show what training runs on, in which precision, and how fast it is; or what a cluster has."""
    from latentscape import terminal
    from latentscape.api import places

    show(places.info(device, on=on), as_json, terminal.print_info)
