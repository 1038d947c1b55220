"""The command line: no logic of its own.

Commands of analyses and pictures are made of the functions of the library; the others are thin.

Whatever is slow to import is imported inside the command that needs it, so that ``--help`` and
completion answer at once.
"""

import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from latentscape.cli import (
    analysis,
    demo,
    doctor,
    exploring,
    labelling,
    listing,
    lists,
    pictures,
    runs,
    sharing,
    tuning,
)
from latentscape.cli.completing import answering_shells
from latentscape.cli.ending import ending_on_signals, printing
from latentscape.cli.lazy import HELP, LazyGroup
from latentscape.core.errors import ConfigError, Interrupted, LatentscapeError, brief

__all__ = ["app", "main"]


class RootGroup(LazyGroup):
    """All commands."""

    lazy = {**analysis.commands(), **pictures.commands()}
    panels = ("Train", "Analyse", "Picture", "Take elsewhere", "Look up")

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # The help of each command is Markdown, but for its first line, which stands here: to read
        # forty of these as Markdown takes a tenth of the time.
        self.rich_markup_mode = "rich"


app = typer.Typer(
    name="latentscape",
    help="Train autoencoders on images, compare them fairly, look into what they learned.",
    epilog="Start with: [bold]latentscape demo[/bold]",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings=HELP,
    cls=RootGroup,
    pretty_exceptions_enable=False,
)
for commands in (
    runs.app,
    tuning.app,
    analysis.app,
    demo.app,
    doctor.app,
    exploring.app,
    labelling.app,
    sharing.app,
    listing.app,
    lists.app,
):
    app.add_typer(commands)


def _show_version(is_set: bool) -> None:
    if is_set:
        from importlib.metadata import version

        print(version("latentscape"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train autoencoders on images, compare them fairly, look into what they learned."""


def main() -> None:
    """Run the command line; every error of ours is one message and its exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Not every terminal knows every character.
            stream.reconfigure(errors="replace")
    with printing(), ending_on_signals(), answering_shells():
        try:
            _check_text(arguments)
            app(args=[argument for argument in arguments if argument != "--debug"])
        except LatentscapeError as error:
            if debug:
                traceback.print_exc()
            kind = "" if isinstance(error, Interrupted) else "Error: "
            if not error.is_told:
                print(f"{kind}{error}", file=sys.stderr)
            sys.exit(error.exit_code)


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse what no recipe and no record of a run could hold, before anything is computed."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(
                f"The argument {brief(argument)!r} is not UTF-8",
                expected="UTF-8, as recipes and the records of runs are written",
                fix="Rename the file or folder.",
            ) from error
