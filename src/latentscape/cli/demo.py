"""The command that shows what the program does, in a minute or two."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from latentscape.cli.command import Command
from latentscape.cli.options import Quiet, RunsFolder

app = typer.Typer()


@app.command(cls=Command, rich_help_panel="Train", epilog="Example: **latentscape demo --open**")
def demo(
    folder: RunsFolder = Path("runs"),
    open_pages: Annotated[
        bool, typer.Option("--open", help="Open both pages in the browser.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Train seven small models on 5,000 digits, and write a report and an explorer."""
    from latentscape.api import demo as demonstration
    from latentscape.cli.printing import show_subject
    from latentscape.core.screen import open_page

    done = demonstration.demo(folder, jobs=None, quiet=quiet)
    show_subject(Path(done.findings.folder), as_json=False)
    print(f"\nReport:   {done.report}\nExplorer: {done.explorer}")
    if open_pages and not all(map(open_page, (done.report, done.explorer))):
        print("There is no screen to open them on.", file=sys.stderr)
