"""Runs and studies: errors, bounds, likelihoods, and what origins reported."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from latentscape.core import units
from latentscape.terminal.anomalies import print_anomaly_rows
from latentscape.terminal.layout import (
    Column,
    marked,
    metric_column,
    print_columns,
    print_line,
    right,
    show,
    table,
)
from latentscape.terminal.learned import print_learned, print_learned_rows, print_neighbours


def print_run(values: Mapping[str, Any]) -> None:
    """Print how a run did on the test examples, beside its baselines."""
    evaluation = values["evaluation"]
    compared = [evaluation[name]["metrics"] for name in ("pca", "mean_image")]
    rows = [evaluation["metrics"], *compared]
    supervised = values["labels_used"].startswith("Supervised")
    latent = values.get("latent") or {}
    labels = [marked(values["label"], supervised, bool(latent.get("collapse")))]
    labels += [f"PCA, {evaluation['pca']['dim']} components", "mean image"]
    columns = [
        metric_column(name, [units.number(row[name]) for row in rows]) for name in units.COMPARED
    ]
    print_columns(f"{values['name']}: {evaluation['n']:,} test examples", labels, columns)
    print_line(evaluation["verdict"])
    if latent:
        _print_latent(latent)
    if found := values.get("likelihood"):
        _print_likelihood(found)
    if found := values.get("quality"):
        _print_quality(found)
    print_learned(values)
    if found := values.get("neighbours"):
        print_neighbours(found)
    _print_obtained(values)
    if supervised:
        print_line(values["labels_used"], "cyan")
    for event in values["events"]:
        if event["what"] != latent.get("collapse"):
            print_line(f"Epoch {event['epoch']}: {event['what']}", "yellow")


def _print_latent(latent: Mapping[str, Any]) -> None:
    """Print what codes cost and how they are used."""
    elbo, distortion, rate = (units.number(latent[n]) for n in ("elbo", "distortion", "rate"))
    minus = "\N{MINUS SIGN}"
    print_line(f"ELBO {elbo} nats per image = {minus}(distortion {distortion} + rate {rate})")
    print_line(_use(latent))
    if latent["collapse"]:
        print_line(f"{latent['collapse'].rstrip('.')}.", "bold red")


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
    print_line(f"NLL {units.number(found['nll'])}{error} nats per image, {bits} bits per dimension")
    print_line(f"{found['protocol'].rstrip('.')}.", "dim", indent=2)
    if found["warning"]:
        print_line(f"{found['warning'].rstrip('.')}.", "yellow", indent=2)


def _print_quality(found: Mapping[str, Any]) -> None:
    """Print what a classifier makes of samples, with real images in brackets."""
    real, accuracy = found["reference"], units.number(100 * found["classifier"]["accuracy"], 3)
    print_line(
        f"{units.count(found['n'])} samples from {units.SOURCES[found['source']]}: "
        f"Fréchet classifier distance {units.number(found['frechet_distance'])} "
        f"({units.number(real['frechet_distance'])})"
    )
    near = [
        f"{name} {units.percent(found[name])} ({units.percent(real[name])})"
        for name in ("precision", "recall")
    ]
    print_line(", ".join(near), indent=2)
    labels = f"label distance {units.percent(found['label_distance'])}"
    if found["recognised"] is not None:
        labels += f", label asked for recognised in {units.percent(found['recognised'])}"
    print_line(labels, indent=2)
    print_line(
        f"In brackets: real training images. Judged by a classifier that names {accuracy} % of "
        "the test images rightly: compare runs on the same data, with as many samples, only.",
        "dim",
        indent=2,
    )


def _print_obtained(values: Mapping[str, Any]) -> None:
    for number in values["reported"]:
        if number["obtained"] is not None:
            metric = units.metric_of(number["metric"])
            obtained, said = (_written(number, key) for key in ("obtained", "reported"))
            print_line(
                f"{f'{metric.name} {metric.unit}'.rstrip()}: obtained {obtained} on "
                f"{values['data']['name']}; reported {said} ({values['recipe']['protocol']})"
            )


def _written(number: Mapping[str, Any], key: str) -> str:
    return units.written(number["metric"], number[key])


def print_study(values: Mapping[str, Any]) -> None:
    """Print a study's rows, each beside PCA with as many numbers."""
    rows, seeds = values["rows"], len(values["seeds"])
    labels = [
        marked(row["label"], row.get("supervised", False), bool(row.get("collapse")))
        for row in rows
    ]
    columns = [
        metric_column(name, [units.statistic(row["metrics"][name]) for row in rows])
        for name in units.COMPARED
    ]
    columns += _bound_columns(rows)
    columns += [
        Column("PCA's MSE", "", [units.number(row["pca"]["mse"]) for row in rows], 2),
        Column("beats it", "", ["[green]yes" if r["beats_pca"] else "[red]no" for r in rows]),
        Column("training", "", [units.duration(row["train_seconds"]["mean"]) for row in rows], 1),
    ]
    title = f"{values['name']}: test examples, {seeds} seed{'s' if seeds > 1 else ''}"
    print_columns(title, labels, columns)
    for row in rows:
        if row.get("supervised"):
            print_line(f"(labels) {row['label']}: {row['labels_used']}", "cyan")
        if row.get("collapse"):
            print_line(f"(collapsed) {row['label']}: {row['collapse'].rstrip('.')}.", "red")
    print_learned_rows(values)
    print_anomaly_rows(values)
    _print_reported(rows)
    for failure in values["failures"]:
        what = f"{failure['label']}, seed {failure['seed']}, was not trained: {failure['what']}"
        print_line(what, "red")


def _bound_columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return columns of what only models with a prior have, where any row does."""
    columns = []
    latents, likelihoods = ([r.get(part) or {} for r in rows] for part in ("latent", "likelihood"))
    if any(latents):
        columns.append(metric_column("elbo", [units.statistic(v.get("elbo")) for v in latents]))
        active = [
            units.out_of((values.get("active_units") or {}).get("mean"), row["latent_dim"])
            for values, row in zip(latents, rows, strict=True)
        ]
        columns.append(metric_column("active_units", active))
    if any(likelihoods):
        columns.append(metric_column("nll", [units.statistic(v.get("nll")) for v in likelihoods]))
    return columns


def _print_reported(rows: Sequence[Mapping[str, Any]]) -> None:
    shown = table("", "metric", "reported", "obtained", title="Reported by the reference projects")
    for row in rows:
        for number in row["reported"]:
            if number["obtained"] is None:
                continue
            metric = units.metric_of(number["metric"])
            found = {**_statistic(row, number["metric"]), "mean": number["obtained"]}
            obtained = units.measured(number["metric"], found)
            name = f"{metric.name} {metric.unit}".rstrip()
            shown.add_row(escape(row["label"]), name, _written(number, "reported"), obtained)
    if shown.row_count:
        right(shown, 2, 3)
        show(shown)


def _statistic(row: Mapping[str, Any], metric: str) -> Mapping[str, Any]:
    parts = ((row.get(part) or {}).get(metric) for part in ("metrics", "likelihood", "learned"))
    return next(filter(None, parts), {})
