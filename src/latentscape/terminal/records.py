"""Records of all kinds: lists of them, their settings, recipes with their layers."""

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

import yaml
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from latentscape.config import Recipe
from latentscape.core import units
from latentscape.core.findings import Json
from latentscape.core.units import memory_size
from latentscape.runs.architecture import Architecture
from latentscape.runs.wording import describe_count
from latentscape.terminal.layout import (
    align_right,
    fits,
    on_terminal,
    print_line,
    print_pairs,
    print_whole,
    show,
    table,
    terminal_width,
)

_SHORTEST = 20
"""Characters that say something of a recipe; where there is less room nothing does."""


def print_rows(rows: Sequence[Json]) -> None:
    """Print records that share their keys as a table, or where a word is too long one by one."""
    texts = [{key: str(value) for key, value in row.items()} for row in rows]
    grid = table(*rows[0])
    for row in texts:
        grid.add_row(*map(escape, row.values()))
    if fits(grid):
        show(grid)
        return
    for row in texts:
        print_pairs(row)
        print_line("")


def print_values(values: Json, title: str = "") -> None:
    """Print a record as a list of keys and values."""
    print_pairs({key: _text(value) for key, value in values.items()}, title)


def print_yaml(values: Json) -> None:
    """Print settings as YAML."""
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=90)
    coloured = Syntax(text, "yaml", background_color="default", word_wrap=True)
    show(coloured if on_terminal() else Text(text))


def print_recipe(recipe: Recipe, architecture: Architecture, data: str) -> None:
    """Print a recipe and the layers it makes for some data."""
    print_yaml(recipe.model_dump(mode="json", exclude_none=True))
    title = f"Layers for {escape(data)}"
    grid = table("part", "layer", "output", "parameters", title=title)
    for layer in architecture.layers:
        parameters = describe_count(layer.parameters, layer.frozen) if layer.parameters else ""
        grid.add_row(layer.part, escape(layer.layer), units.shape(layer.output), parameters)
    grid.add_section()
    total = describe_count(architecture.parameters, architecture.frozen)
    grid.add_row("[bold]all", "", "", f"[bold]{total}")
    align_right(grid, 3)
    show(grid)


def print_recipes(rows: Sequence[Json], families: Mapping[Any, str]) -> None:
    """Print recipes by family: name, length of the code, parameters, and as much as fits of it.

    Parameters
    ----------
    rows : sequence of dict
        ``recipe``, ``family``, ``latent_dim``, ``parameters``, ``about``; family by family.
    families : mapping of str to str
        What is common to each.
    """
    sizes = [(units.count(row["latent_dim"]), units.count(row["parameters"])) for row in rows]
    widths = [max(map(len, texts)) for texts in zip(*sizes, strict=True)]
    longest = max(len(row["recipe"]) for row in rows)
    room = terminal_width() - longest - sum(widths) - 8
    for family, about in families.items():
        members = [pair for pair in zip(rows, sizes, strict=True) if pair[0]["family"] == family]
        if members:
            print_line(f"\n{family.capitalize()}: {about}", "bold")
        for row, (dim, parameters) in members:
            text = shorten(row["about"], room, placeholder=" …") if room >= _SHORTEST else ""
            cells = f"{dim:>{widths[0]}}  {parameters:>{widths[1]}}"
            line = Text.assemble(
                "  ", (f"{row['recipe']:<{longest}}", "cyan"), f"  {cells}  {text}"
            )
            line.rstrip()
            print_whole(line)
    print_line("\nNumbers of a code, and parameters for 28 x 28 grey images.", "dim")


def print_info(values: Json) -> None:
    """Print what the machine is, and what training makes of it; or what a cluster is."""
    if "nodes" in values:
        print_values({**values["placement"], **values["cluster"]}, title="Cluster")
        sizes = ("memory", "object store")
        print_rows(
            [{**row, **{name: memory_size(row[name]) for name in sizes}} for row in values["nodes"]]
        )
        return
    values = {
        **values,
        "cache": {**values["cache"], "bytes": memory_size(values["cache"]["bytes"])},
    }
    for part in ("placement", "machine", "places", "training", "cache", "versions"):
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
