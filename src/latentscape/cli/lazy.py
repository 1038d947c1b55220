"""Commands that are made when they are called for, so that ``--help`` imports nothing slow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from latentscape.cli.choices import ChoiceCommand


@dataclass(frozen=True)
class LazyCommand:
    """A command of which name and help are known at once.

    Attributes
    ----------
    about : str
        What it does, in a sentence.
    panel : str
        Where the help of the program lists it.
    example : str
        Arguments of a call, for the end of its help.
    build : callable
        Makes the function that Typer reads options from.
    """

    about: str
    panel: str
    example: str
    build: Callable[[], Callable[..., None]]


class LazyGroup(TyperGroup):
    """The root of the command line.

    Contexts and commands are of Click, or of the copy of it that newer versions of Typer carry.
    """

    lazy: ClassVar[dict[str, LazyCommand]] = {}
    panels: ClassVar[tuple[str, ...]] = ()

    def list_commands(self, ctx: Any) -> list[str]:
        """List all commands, panel by panel."""
        names = [*super().list_commands(ctx), *self.lazy]
        return sorted(names, key=lambda name: self._place(ctx, name))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; of one that is lazy, what the help of the program says of it."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        entry = self.lazy[cmd_name]
        return TyperCommand(cmd_name, help=entry.about, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that is called."""
        if args and args[0] in self.lazy:
            return args[0], self._build(args[0]), args[1:]
        return super().resolve_command(ctx, args)

    def _build(self, name: str) -> Any:
        entry = self.lazy[name]
        app = typer.Typer(
            add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
        )
        epilog = f"Example: **latentscape {name} {entry.example}**" if entry.example else None
        command = app.command(name, cls=ChoiceCommand, epilog=epilog, context_settings=HELP)
        command(entry.build())
        return typer.main.get_command(app)

    def _place(self, ctx: Any, name: str) -> int:
        command = self.get_command(ctx, name)
        panel = getattr(command, "rich_help_panel", None)
        return self.panels.index(panel) if panel in self.panels else len(self.panels)


HELP = {"help_option_names": ["-h", "--help"]}
