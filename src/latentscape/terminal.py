"""Findings as tables on a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
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
    shown = (
        Syntax(text, "yaml", background_color="default", word_wrap=True)
        if console.is_terminal
        else Text(text)
    )
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
    compared = [evaluation[name]["metrics"] for name in ("pca", "mean_image")]
    rows = [evaluation["metrics"], *compared]
    supervised = values["labels_used"].startswith("Supervised")
    latent = values.get("latent") or {}
    labels = [_marked(values["label"], supervised, bool(latent.get("collapse")))]
    labels += [f"PCA, {evaluation['pca']['dim']} components", "mean image"]
    columns = [
        _metric_column(name, [units.number(row[name]) for row in rows]) for name in units.COMPARED
    ]
    _print_columns(f"{values['name']}: {evaluation['n']:,} test examples", labels, columns)
    _print_line(evaluation["verdict"])
    if latent:
        _print_latent(latent)
    if found := values.get("likelihood"):
        _print_likelihood(found)
    if found := values.get("quality"):
        _print_quality(found)
    _print_obtained(values)
    if supervised:
        _print_line(values["labels_used"], "cyan")
    for event in values["events"]:
        if event["what"] != latent.get("collapse"):
            _print_line(f"Epoch {event['epoch']}: {event['what']}", "yellow")


def _print_latent(latent: Mapping[str, Any]) -> None:
    """Print what codes cost and how they are used."""
    elbo, distortion, rate = (units.number(latent[n]) for n in ("elbo", "distortion", "rate"))
    minus = "\N{MINUS SIGN}"
    _print_line(f"ELBO {elbo} nats per image = {minus}(distortion {distortion} + rate {rate})")
    _print_line(_use(latent))
    if latent["collapse"]:
        _print_line(f"{latent['collapse'].rstrip('.')}.", "bold red")


def _use(latent: Mapping[str, Any]) -> str:
    if "perplexity" in latent:
        used = units.out_of(latent["codes_used"], latent["codes"])
        return f"{used} codes used, perplexity {units.number(latent['perplexity'])}"
    inactive, whole = latent["collapsed"], len(latent["active"])
    text = f"{units.out_of(latent['active_units'], whole)} dimensions active"
    if 0 < len(inactive) <= min(units.FEW, whole - 1):
        text += f", {units.dimensions(inactive)} inactive"
    return text


def _print_likelihood(found: Mapping[str, Any]) -> None:
    """Print a likelihood, and how it was estimated."""
    error = "" if found["se"] is None else f" ± {units.number(found['se'], 2)}"
    bits = units.number(found["bits_per_dim"])
    _print_line(
        f"NLL {units.number(found['nll'])}{error} nats per image, {bits} bits per dimension"
    )
    _print_line(f"{found['protocol'].rstrip('.')}.", "dim", indent=2)
    if found["warning"]:
        _print_line(f"{found['warning'].rstrip('.')}.", "yellow", indent=2)


def _print_quality(found: Mapping[str, Any]) -> None:
    """Print what a classifier makes of samples, with real images in brackets."""
    real, accuracy = found["reference"], units.number(100 * found["classifier"]["accuracy"], 3)
    _print_line(
        f"{units.count(found['n'])} samples from {units.SOURCES[found['source']]}: "
        f"Fréchet classifier distance {units.number(found['frechet_distance'])} "
        f"({units.number(real['frechet_distance'])})"
    )
    near = [
        f"{name} {units.percent(found[name])} ({units.percent(real[name])})"
        for name in ("precision", "recall")
    ]
    _print_line(", ".join(near), indent=2)
    labels = f"label distance {units.percent(found['label_distance'])}"
    if found["recognised"] is not None:
        labels += f", label asked for recognised in {units.percent(found['recognised'])}"
    _print_line(labels, indent=2)
    _print_line(
        f"In brackets: real training images. Judged by a classifier that names {accuracy} % of "
        "the test images rightly: compare runs on the same data, with as many samples, only.",
        "dim",
        indent=2,
    )


def _print_obtained(values: Mapping[str, Any]) -> None:
    for number in values["reported"]:
        if number["obtained"] is not None:
            metric = units.metric_of(number["metric"])
            _print_line(
                f"{metric.name} {metric.unit}: obtained {units.number(number['obtained'])} on "
                f"{values['data']['name']}; reported {units.number(number['reported'])} "
                f"({values['recipe']['protocol']})"
            )


def print_study(values: Mapping[str, Any]) -> None:
    """Print a study's rows, each beside PCA with as many numbers."""
    rows, seeds = values["rows"], len(values["seeds"])
    labels = [
        _marked(row["label"], row.get("supervised", False), bool(row.get("collapse")))
        for row in rows
    ]
    columns = [
        _metric_column(name, [units.statistic(row["metrics"][name]) for row in rows])
        for name in units.COMPARED
    ]
    columns += _bound_columns(rows)
    columns += [
        _Column("PCA's MSE", "", [units.number(row["pca"]["mse"]) for row in rows], 2),
        _Column("beats it", "", ["[green]yes" if r["beats_pca"] else "[red]no" for r in rows]),
        _Column("training", "", [units.duration(row["train_seconds"]["mean"]) for row in rows], 1),
    ]
    title = f"{values['name']}: test examples, {seeds} seed{'s' if seeds > 1 else ''}"
    _print_columns(title, labels, columns)
    for row in rows:
        if row.get("supervised"):
            _print_line(f"(labels) {row['label']}: {row['labels_used']}", "cyan")
        if row.get("collapse"):
            _print_line(f"(collapsed) {row['label']}: {row['collapse'].rstrip('.')}.", "red")
    _print_reported(rows)
    for failure in values["failures"]:
        what = f"{failure['label']}, seed {failure['seed']}, was not trained: {failure['what']}"
        _print_line(what, "red")


def _bound_columns(rows: Sequence[Mapping[str, Any]]) -> list["_Column"]:
    """Return columns of what only models with a prior have, where any row does."""
    columns = []
    latents, likelihoods = ([r.get(part) or {} for r in rows] for part in ("latent", "likelihood"))
    if any(latents):
        columns.append(_metric_column("elbo", [units.statistic(v.get("elbo")) for v in latents]))
        active = [
            units.out_of((values.get("active_units") or {}).get("mean"), row["latent_dim"])
            for values, row in zip(latents, rows, strict=True)
        ]
        columns.append(_metric_column("active_units", active))
    if any(likelihoods):
        columns.append(_metric_column("nll", [units.statistic(v.get("nll")) for v in likelihoods]))
    return columns


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


@dataclass(frozen=True)
class _Column:
    """A column of numbers; where room is short the one of the highest `rank` goes first.

    Rank 0 stays.
    """

    heading: str
    unit: str
    cells: Sequence[str]
    rank: int = 0

    def width(self, *, stacked: bool) -> int:
        """Characters that it takes with its margins; `stacked` puts deviations below means."""
        heading = f"{self.heading} {self.unit}".replace("nats per", "nats_per")
        texts = [*heading.split(), *self.cells]
        if stacked:
            texts = [part for text in texts for part in _stacked(text).split("\n")]
        return 3 + max(Text.from_markup(text).cell_len for text in texts)


def _stacked(cell: str) -> str:
    return cell.replace(" ±", "\n±")


_RANKS = {"mse": 0, "elbo": 0, "active_units": 0, "nll": 3, "nats": 4, "psnr": 5, "bce": 6}


def _metric_column(name: str, cells: Sequence[str]) -> _Column:
    metric = units.metric_of(name)
    return _Column(metric.name, metric.unit, cells, _RANKS.get(name, 7))


def _print_columns(title: str, labels: Sequence[str], columns: Sequence[_Column]) -> None:
    """Print a table of as many columns as the terminal has room for."""
    console = _console()
    longest = max(Text.from_markup(label).cell_len for label in labels)
    room = console.width - min(longest, max(16, console.width // 4)) - 4
    shown = list(columns)
    while _width(shown, stacked=True) > room and any(column.rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    stacked = _width(shown, stacked=False) > room
    left = console.width - _width(shown, stacked=stacked) - 4
    table = _table(title=escape(title))
    table.add_column(width=min(longest, max(8, left)), overflow="fold")
    for column in shown:
        heading = f"{column.heading}\n[dim]{column.unit}" if column.unit else column.heading
        table.add_column(heading, justify="right", width=column.width(stacked=stacked) - 3)
    for label, *cells in zip(labels, *(column.cells for column in shown), strict=True):
        table.add_row(label, *map(_stacked, cells) if stacked else cells)
    console.print(table)


def _width(columns: Sequence[_Column], *, stacked: bool) -> int:
    return sum(column.width(stacked=stacked) for column in columns)


def _marked(label: str, supervised: bool, collapsed: bool) -> str:
    """Write a label with what must be known wherever it is compared with others."""
    marks = (" [cyan](labels)[/]" * supervised, " [red](collapsed)[/]" * collapsed)
    return escape(label) + "".join(marks)


def _print_line(text: str, style: str = "", indent: int = 0) -> None:
    line = Text(text, style)
    _console().print(Padding(line, (0, 0, 0, indent), expand=False) if indent else line)


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
