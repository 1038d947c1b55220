"""A command of the program, which says on standard error what it is doing."""

from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand

from latentscape.cli.completing import complete_package

_CODE = {"run", "run_or_study", "run_or_recipe", "runs", "recipe", "study", "where"}
"""Parameters whose files may name networks of somebody's own."""

Trust = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PACKAGE",
        help="Package of networks of somebody's own (kind: module) that may be imported, and so "
        "run: mypkg, or mypkg.nets. Repeatable.",
        autocompletion=complete_package,
    ),
]


class Command(TyperCommand):
    """A command; what takes long in it is shown, unless it has an option --quiet that is given.

    One that reads runs or recipes has an option --trust; see `latentscape.core.trust`.

    Attributes
    ----------
    imports : tuple of str
        Modules that take seconds to import, and that it needs in any case.
    """

    imports: ClassVar[tuple[str, ...]] = ("torch",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.imports and not _CODE.isdisjoint(param.name for param in self.params):
            self.params.append(_trust_option())

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from latentscape.core.launched import is_first_process
        from latentscape.core.progress import stage
        from latentscape.core.trust import trust
        from latentscape.terminal import shown

        trust(*(ctx.params.pop("trust", None) or ()))
        with shown(quiet=ctx.params.get("quiet", False) or not is_first_process()):
            if self.imports:
                with stage("starting"):
                    for name in self.imports:
                        import_module(name)
            return super().invoke(ctx)


class QuickCommand(Command):
    """A command that needs no library that is slow to import."""

    imports = ()


@cache
def _trust_option() -> Any:
    """Return the option as Typer makes it: of what, differs between its versions."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def command(trust: Trust = None) -> None: ...

    return typer.main.get_command(app).params[0]
