"""Records of all kinds: lists of them, their settings, recipes with their layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from latentscape.core import units
from latentscape.terminal.layout import on_terminal, right, show, table


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print records that share their keys as a table."""
    shown = table(*rows[0])
    for row in rows:
        shown.add_row(*(escape(str(value)) for value in row.values()))
    show(shown)


def print_values(values: Mapping[str, Any], title: str = "") -> None:
    """Print a record as a list of keys and values."""
    shown = table("", "", title=title, show_header=False)
    for key, value in values.items():
        shown.add_row(f"[bold]{key}", escape(_text(value)))
    show(shown)


def print_yaml(values: Mapping[str, Any]) -> None:
    """Print settings as YAML."""
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=90)
    coloured = Syntax(text, "yaml", background_color="default", word_wrap=True)
    show(coloured if on_terminal() else Text(text))


def print_recipe(values: Mapping[str, Any]) -> None:
    """Print a recipe and the layers it makes."""
    print_yaml(values["recipe"])
    shown = table(
        "part", "layer", "output", "parameters", title=f"Layers for {escape(values['data'])}"
    )
    for layer in values["architecture"]:
        parameters = units.count(layer["parameters"]) if layer["parameters"] else ""
        shown.add_row(
            layer["part"], escape(layer["layer"]), units.shape(layer["output"]), parameters
        )
    shown.add_section()
    shown.add_row("[bold]all", "", "", f"[bold]{units.count(values['parameters'])}")
    right(shown, 3)
    show(shown)


def print_info(values: Mapping[str, Any]) -> None:
    """Print what the machine is, and what training makes of it."""
    for part in ("machine", "training", "versions"):
        print_values(values[part], title=part.capitalize())
    rates = {name: f"{rate:,.0f} GFLOP/s" for name, rate in values["products"].items()}
    print_values(rates, title="Products of large matrices")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        between = " × " if all(isinstance(item, int) for item in value) else " to "
        return between.join(_text(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return units.count(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
