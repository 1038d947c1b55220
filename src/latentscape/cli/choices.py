"""Options whose values are the names in a registry.

Registries take a moment to import, and the help of the whole program must answer at once. The names
are therefore looked up when a command is run, completed or asked for its own help.
"""

from collections.abc import Callable, Iterable
from typing import Any

import typer

from latentscape.cli.command import Command


def _corruptions() -> Iterable[str]:
    from latentscape.config import CORRUPTIONS

    return CORRUPTIONS


def _samplers() -> Iterable[str]:
    from latentscape.config import SAMPLERS

    return SAMPLERS


def _targets() -> Iterable[str]:
    from latentscape.exports.targets import TARGETS

    return TARGETS


_NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "CORRUPTION": _corruptions,
    "SAMPLER": _samplers,
    "TARGET": _targets,
}


def registered_option(registry: str, *flags: str, help: str) -> Any:
    """Return an option that takes a name of a registry; its command must be a `ChoiceCommand`.

    Parameters
    ----------
    registry : str
        ``CORRUPTION``, ``SAMPLER`` or ``TARGET``.
    *flags : str
        As for ``typer.Option``.
    help : str
        What the option is for.
    """

    def check(value: str | None) -> str | None:
        names = [*_NAMES[registry]()]
        if value is not None and value not in names:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(map(repr, names))}")
        return value

    def complete(incomplete: str) -> list[str]:
        return [name for name in _NAMES[registry]() if name.startswith(incomplete)]

    return typer.Option(
        *flags, metavar=registry, callback=check, autocompletion=complete, help=help
    )


class ChoiceCommand(Command):
    """A command whose help lists the names that a registered option takes."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with names in place of the registries."""
        params = super().get_params(ctx)
        for param in params:
            if names := _NAMES.get(getattr(param, "metavar", None) or ""):
                param.metavar = f"[{'|'.join(names())}]"
        return params
