"""A command of the program, which says on standard error what it is doing."""

from importlib import import_module
from typing import Any, ClassVar

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command; what takes long in it is shown, unless it has an option --quiet that is given.

    Attributes
    ----------
    imports : tuple of str
        Modules that take seconds to import, and that it needs in any case.
    """

    imports: ClassVar[tuple[str, ...]] = ("torch",)

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from latentscape.core.progress import stage
        from latentscape.terminal import shown

        with shown(quiet=ctx.params.get("quiet", False)):
            if self.imports:
                with stage("starting"):
                    for name in self.imports:
                        import_module(name)
            return super().invoke(ctx)


class QuickCommand(Command):
    """A command that needs no library that is slow to import."""

    imports = ()
