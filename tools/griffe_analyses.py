"""Shows the functions of analyses, which are made when they are first used, to the reference.

An extension of griffe (``extensions`` in ``mkdocs.yml``), which else reads source code alone.
"""

from inspect import Signature, signature
from typing import Any

import griffe

import latentscape
from latentscape.analyses.registry import function_names


class AnalysisFunctions(griffe.Extension):
    """Adds a function to the package for each analysis of the registry."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Add the functions once the source of the package has been read."""
        if pkg.name != "latentscape":
            return
        for name in function_names():
            pkg.set_member(name, _described(name))


def _described(name: str) -> griffe.Function:
    function = getattr(latentscape, name)
    parameters = [
        griffe.Parameter(
            parameter.name,
            kind=griffe.ParameterKind(parameter.kind.description),
            default=None if parameter.default is Signature.empty else _written(parameter.default),
        )
        for parameter in signature(function).parameters.values()
    ]
    return griffe.Function(
        name,
        parameters=griffe.Parameters(*parameters),
        docstring=griffe.Docstring(function.__doc__),
    )


def _written(default: object) -> str:
    return "iter" if default is iter else repr(default)
