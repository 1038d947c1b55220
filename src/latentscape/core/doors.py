"""Doors that lead up: what an object offers, and a module above its layer makes.

A run draws itself in a notebook. What draws it knows findings and reports, and stands far above the
run. Such a module is imported by its name once somebody asks; `tests/test_layers.py` lists all of
them.
"""

from importlib import import_module
from typing import Any


def door(module: str) -> Any:
    """Import a module of an upper layer by its name below the package."""
    return import_module(f"latentscape.{module}")


class Displayed:
    """What a notebook shows as HTML, made of the pieces of reports."""

    def __str__(self) -> str:
        return repr(self)  # Records would write all that they hold, arrays too.

    def _repr_html_(self) -> str:
        html: str = door("api.display").html_of(self)
        return html
