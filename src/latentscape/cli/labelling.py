"""The command that lists and exports what was selected in the explorer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentscape.cli.command import Command
from latentscape.cli.options import AsJson, RunPath
from latentscape.cli.printing import show

if TYPE_CHECKING:
    from latentscape.core.findings import Json

app = typer.Typer()


@app.command(
    cls=Command,
    rich_help_panel="Analyse",
    epilog="Example: **latentscape labels runs/conv-bn-mnist-5k-0 --out labels.csv**",
)
def labels(
    run: RunPath,
    out: Annotated[
        Path | None,
        typer.Option(help="Write a .csv or .npy file that --labels of other commands takes."),
    ] = None,
    remove: Annotated[str | None, typer.Option(metavar="NAME", help="Remove a selection.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Of which data, as the list calls them; by default of the run's own."),
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Where the run's data are, if they have moved."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the selections that were named in the explorer, and write them as labels."""
    from latentscape import terminal
    from latentscape.api import labelling
    from latentscape.core.findings import to_json

    kept = labelling.labels(run, remove=remove, out=out, data=data, dataset=trained_on)

    def print_table(rows: "Json") -> None:
        listed = [
            {"data": one.source, "selection": selection.name, "examples": len(selection.rows)}
            for one in kept.datasets
            for selection in one.selections
        ]
        terminal.print_rows(listed) if listed else print("No selections are kept with this run.")
        if out is not None:
            print(out)

    show({"file": None if out is None else str(out), **to_json(kept)}, as_json, print_table)
