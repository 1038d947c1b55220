"""The command that shows a run or a study on a page that answers under the cursor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from latentscape.cli.command import Command
from latentscape.cli.completing import complete_source
from latentscape.cli.derive import reading_data
from latentscape.cli.options import AsJson, Device, Quiet, RunOrStudy, TrainedOn
from latentscape.cli.printing import show

if TYPE_CHECKING:
    from latentscape.config import Changes
    from latentscape.core.findings import Json

app = typer.Typer()


@app.command(
    cls=Command,
    rich_help_panel="Analyse",
    epilog="Example: **latentscape explore runs/conv-bn-mnist-5k-0 --out explorer.html**",
)
@reading_data
def explore(
    run_or_study: RunOrStudy,
    data: Annotated[
        str | None,
        typer.Option(
            help="Examples to show in place of the run's own: a source, or a path.",
            autocompletion=complete_source,
        ),
    ] = None,
    points: Annotated[
        int | None, typer.Option(help="How many examples at most; by default 10,000.")
    ] = None,
    first_map: Annotated[
        Literal["pca", "tsne", "umap", "code"] | None,
        typer.Option("--map", help="The map that is shown first."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write one .html file that opens from disk, decoder included, instead of serving."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the server; by default a free one.")
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
    *,
    changes: "Changes",
    trained_on: TrainedOn = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show maps of the codes, and decode live what lies under the cursor."""
    from latentscape.api import exploring
    from latentscape.explorer.gathering import Wanted

    in_file = out is not None
    wanted = Wanted(data=data, changes=changes, points=points, map=first_map, in_file=in_file)
    if out is None:
        exploring.serve_explorer(
            run_or_study, wanted, port, not no_browser, trained_on, device, quiet
        )
        return
    written = exploring.write_explorer(run_or_study, out, wanted, trained_on, device, quiet)
    row = {
        "file": str(written.file),
        "bytes": written.bytes,
        "points": written.points,
        "models": written.models,
        "notes": list(written.notes),
    }
    show(row, as_json, _print_written)


def _print_written(row: "Json") -> None:
    from latentscape.core import units

    models = f"{row['models']} model{'s' if row['models'] != 1 else ''}"
    points = f"{units.count(row['points'])} point{'s' if row['points'] != 1 else ''}"
    print(row["file"])
    print(f"{points}, {models}, {units.memory_size(row['bytes'])}; opens in a browser from disk")
    print("\n".join(row["notes"]), end="\n" if row["notes"] else "")
