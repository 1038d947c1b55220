"""Commands that look after runs: list them, show one, remove some."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from latentscape.cli.command import Command, QuickCommand
from latentscape.cli.completing import complete_run
from latentscape.cli.options import AsJson, Quiet, RunPath
from latentscape.cli.printing import print_json, show_record
from latentscape.core.errors import ConfigError


class ListingGroup(TyperGroup):
    """Commands on runs, of which ``list`` is meant where none is named: ``runs FOLDER``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command first."""
        named = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        is_typed_yet = args or not ctx.resilient_parsing  # A shell asks for names of commands.
        return super().parse_args(ctx, ["list", *args] if is_typed_yet and not named else args)


app = typer.Typer()
runs_app = typer.Typer(cls=ListingGroup, help="List runs; show one, copy or remove some.")
app.add_typer(runs_app, name="runs", rich_help_panel="Look up")


@runs_app.command(
    "list",
    cls=QuickCommand,
    epilog="Example: **latentscape runs --sort error --filter data=mnist-5k**",
)
def runs_list(
    folder: Annotated[Path, typer.Argument(help="Folder that runs are kept in.")] = Path("runs"),
    sort: Annotated[
        Literal["name", "recipe", "data", "state", "error", "age", "size"],
        typer.Option(
            help="What decides the order; the lowest error, the newest, the largest first."
        ),
    ] = "name",
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help="A part of the name; or COLUMN=PATTERN, as in recipe=vae*, data, state, kind, "
            "beats=yes; or COLUMN<NUMBER, of error, age in days, size in MB. Repeatable: all must "
            "fit.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the runs and studies in a folder, also unfinished, damaged and old ones."""
    from latentscape import terminal
    from latentscape.api.listing import list_runs
    from latentscape.core.findings import to_json

    runs = list_runs(folder, sort=sort, filters=filters or (), quiet=quiet)
    if as_json:
        print_json([to_json(run) for run in runs])
    elif runs:
        terminal.print_runs(runs)
    else:
        print(f"There are no {'such ' if filters else ''}runs in {folder}.")


@runs_app.command(
    "show", cls=Command, epilog="Example: **latentscape runs show runs/simple-20-mnist-5k-0**"
)
def runs_show(run: RunPath, as_json: AsJson = False) -> None:
    """Show what is known about a run or a study: recipe, data, training, errors, files."""
    from latentscape.api.described import print_description
    from latentscape.api.describing import describe_run

    show_record(describe_run(run), as_json, print_description)


@runs_app.command(
    "copy",
    cls=QuickCommand,
    epilog="Example: **latentscape runs copy runs/vae-20-mnist-0 --to s3://bucket/runs**",
)
def runs_copy(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Directories or URLs of finished runs, or of studies.", autocompletion=complete_run
        ),
    ],
    to: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder of runs to copy into: a path or a URL.")
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace runs of these names.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Copy finished runs to a URL or from one, whole and checked; a study brings its runs.

    What stands at a URL can be read as it is: `latentscape report s3://bucket/runs/vae-20-mnist-0`.
    """
    from latentscape.api.copying import copy_runs

    copies = copy_runs(runs, to, overwrite=overwrite)
    if as_json:
        print_json(copies)
    else:
        print("\n".join(copies))


@runs_app.command(
    "remove", cls=QuickCommand, epilog="Example: **latentscape runs remove runs/old-0 runs/old-1**"
)
def runs_remove(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Directories of runs or of studies.", autocompletion=complete_run),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove runs with all their files, or none of them; what is being trained is refused."""
    from latentscape.api.removing import removable_runs, remove_runs
    from latentscape.core.findings import to_json
    from latentscape.terminal.listing import print_removable, print_removed

    if not yes:
        listed = removable_runs(runs)
        if as_json or not sys.stdin.isatty():
            raise ConfigError("Nobody can be asked whether to remove them", fix="Give --yes.")
        print_removable(listed, {run.path: _studies(run.path) for run in listed})
        if not typer.confirm("Remove with all files?", err=True):
            print("Nothing was removed.")
            raise typer.Exit(1)
    removed = remove_runs(runs)
    if as_json:
        print_json([to_json(run) for run in removed])
    else:
        print_removed(removed)


def _studies(run: str) -> list[str]:
    from latentscape.api.members import studies_with

    return [study.name for study in studies_with(Path(run))]
