"""Findings as tables on a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from latentscape import units

_Part = TypeVar("_Part")


def print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print records that share their keys as a table."""
    table = _table(*rows[0])
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    _console().print(table)


def print_values(values: Mapping[str, Any], title: str = "") -> None:
    """Print a record as a list of keys and values."""
    table = _table("", "", title=title, show_header=False)
    for key, value in values.items():
        table.add_row(f"[bold]{key}", escape(_text(value)))
    _console().print(table)


def print_yaml(values: Mapping[str, Any]) -> None:
    """Print settings as YAML."""
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=90)
    console = _console()
    shown = Syntax(text, "yaml", background_color="default") if console.is_terminal else Text(text)
    console.print(shown)


def print_recipe(values: Mapping[str, Any]) -> None:
    """Print a recipe and the layers it makes."""
    print_yaml(values["recipe"])
    table = _table(
        "part", "layer", "output", "parameters", title=f"Layers for {escape(values['data'])}"
    )
    for layer in values["architecture"]:
        parameters = units.count(layer["parameters"]) if layer["parameters"] else ""
        table.add_row(
            layer["part"], escape(layer["layer"]), units.shape(layer["output"]), parameters
        )
    table.add_section()
    table.add_row("[bold]all", "", "", f"[bold]{units.count(values['parameters'])}")
    _right(table, 3)
    _console().print(table)


def print_run(values: Mapping[str, Any]) -> None:
    """Print how a run did on the test examples, beside its baselines."""
    evaluation = values["evaluation"]
    table = _metric_table(f"{escape(values['name'])}: {evaluation['n']:,} test examples")
    table.add_row(escape(values["label"]), *_metric_cells(evaluation["metrics"]))
    table.add_row(
        f"PCA, {evaluation['pca']['dim']} components", *_metric_cells(evaluation["pca"]["metrics"])
    )
    table.add_row("mean image", *_metric_cells(evaluation["mean_image"]["metrics"]))
    console = _console()
    console.print(table)
    console.print(evaluation["verdict"])
    for number in values["reported"]:
        if number["obtained"] is not None:
            metric = units.metric_of(number["metric"])
            console.print(
                f"{metric.name} {metric.unit}: obtained {units.number(number['obtained'])} on "
                f"{values['data']['name']}; reported {units.number(number['reported'])} "
                f"({values['recipe']['protocol']})"
            )
    for event in values["events"]:
        console.print(f"Epoch {event['epoch']}: {event['what']}", style="yellow", markup=False)


def print_study(values: Mapping[str, Any]) -> None:
    """Print a study's rows, each beside PCA with as many numbers."""
    seeds = len(values["seeds"])
    table = _metric_table(
        f"{values['name']}: test examples, {seeds} seed{'s' if seeds > 1 else ''}"
    )
    for heading in ("PCA's MSE", "beats it", "training"):
        table.add_column(heading, justify="right", overflow="fold")
    for row in values["rows"]:
        cells = [units.statistic(row["metrics"][name]) for name in _metrics_shown()]
        seconds = units.duration(row["train_seconds"]["mean"])
        beats = "[green]yes" if row["beats_pca"] else "[red]no"
        table.add_row(escape(row["label"]), *cells, units.number(row["pca"]["mse"]), beats, seconds)
    console = _console()
    console.print(table)
    _print_reported(values["rows"])
    for failure in values["failures"]:
        line = f"{failure['label']}, seed {failure['seed']}, was not trained: {failure['what']}"
        console.print(line, style="red", markup=False)


def _print_reported(rows: Sequence[Mapping[str, Any]]) -> None:
    table = _table("", "metric", "reported", "obtained", title="Reported by the reference projects")
    for row in rows:
        for number in row["reported"]:
            if number["obtained"] is None:
                continue
            metric = units.metric_of(number["metric"])
            numbers = (units.number(number[key]) for key in ("reported", "obtained"))
            table.add_row(escape(row["label"]), f"{metric.name} {metric.unit}", *numbers)
    if table.row_count:
        _right(table, 2, 3)
        _console().print(table)


@contextmanager
def watching(what: str, quiet: bool) -> Iterator[Callable[[Sequence[_Part]], Iterable[_Part]]]:
    """Give a function that shows a bar on standard error while parts of a work are gone through."""
    columns = (
        TextColumn(what),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        yield bar.track


def _console() -> Console:
    """Return a console as wide as the terminal, or wide enough for any table in a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=180)


def _table(*headings: str, title: str = "", show_header: bool = True) -> Table:
    return Table(
        *headings,
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_header=show_header,
    )


def _metrics_shown() -> tuple[str, ...]:
    """Return the metrics that a table has room for; a number is never cut off."""
    return units.COMPARED if _console().width >= 120 else ("mse", "nats")


def _metric_table(title: str) -> Table:
    table = _table("", title=title)
    for name in _metrics_shown():
        metric = units.metric_of(name)
        table.add_column(f"{metric.name}\n[dim]{metric.unit}", justify="right", overflow="fold")
    return table


def _metric_cells(metrics: Mapping[str, float | None]) -> list[str]:
    return [units.number(metrics[name]) for name in _metrics_shown()]


def _right(table: Table, *columns: int) -> None:
    for column in columns:
        table.columns[column].justify = "right"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        between = " × " if all(isinstance(item, int) for item in value) else " to "
        return between.join(_text(item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return units.count(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
