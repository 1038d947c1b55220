"""What codes are good for: clusters, probes, maps, legibility, neighbours."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape

from latentscape.core import units
from latentscape.reporting.learned import learned_codes
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

TITLE = "What the code is good for"


def print_learned(values: Mapping[str, Any]) -> None:
    """Print what the code of a run is good for, its baselines beside it; nothing if not measured.

    Parameters
    ----------
    values : mapping
        Findings of a run.
    """
    codes = learned_codes(values)
    if not any(code["learned"] for code in codes):
        return
    # Metrics below each other: a narrow terminal has room for three codes, not for twelve metrics.
    made = table("", *(escape(_label(values, code)) for code in codes), title=TITLE)
    for metric in units.LEARNED:
        numbers = [code["learned"].get(metric) for code in codes]
        if any(number is not None for number in numbers):
            made.add_row(_named(metric), *_cells(metric, codes))
    right(made, *range(1, 1 + len(codes)))
    show(made)


def print_learned_rows(values: Mapping[str, Any]) -> None:
    """Print what the codes of a study are good for, with ``baselines`` below them.

    Parameters
    ----------
    values : mapping
        Findings of a study.
    """
    rows, others = values["rows"], values.get("baselines") or []
    learned = [row.get("learned") or {} for row in (*rows, *others)]
    shown = [metric for metric in units.LEARNED if any(found.get(metric) for found in learned)]
    if not shown:
        return
    labels = [marked(row["label"], row.get("supervised", False), False) for row in rows]
    labels += [f"[dim]{escape(other['name'])}[/]" for other in others]
    columns = [
        metric_column(metric, [units.measured(metric, found.get(metric)) for found in learned])
        for metric in shown
    ]
    print_columns(TITLE, labels, columns)


def print_clusters(values: Mapping[str, Any]) -> None:
    """Print how well clusters of each code match labels.

    Parameters
    ----------
    values : mapping
        ``clustering`` of the findings.
    """
    lines = [(code, *item) for code in values["rows"] for item in code["methods"].items()]
    if lines:
        methods = [method for _, _, method in lines]
        labels = [
            f"{escape(code['name'])}, {units.CLUSTERINGS.get(kind, kind)}"
            for code, kind, _ in lines
        ]
        print_columns("Clusters", labels, list(_clustered(methods)))
    for code in values["rows"]:
        if code.get("chosen"):
            tried = ", ".join(f"{k}: {units.number(v, 3)}" for k, v in code["chosen"]["tried"])
            print_line(f"{code['name']}: {code['k']} clusters by {code['chosen']['by']} ({tried})")
    print_notes(values)


def print_probes(values: Mapping[str, Any]) -> None:
    """Print what small classifiers reach on each code, by number of labels.

    Parameters
    ----------
    values : mapping
        ``probing`` of the findings.
    """
    lines = [
        (code, *item) for code in values["rows"] for item in code["results"].items() if item[1]
    ]
    if lines:
        labels = [
            f"{escape(code['name'])}, {units.PROBES.get(kind, kind)}" for code, kind, _ in lines
        ]
        found = [{entry["labels"]: entry["accuracy"] for entry in line[2]} for line in lines]
        counts = sorted({labels for numbers in found for labels in numbers})
        columns = [
            Column(units.count(n), "labels", [_accuracy(numbers.get(n)) for numbers in found])
            for n in counts
        ]
        print_columns("Accuracy of probes on test images", labels, columns)
    print_notes(values)


def print_maps(values: Mapping[str, Any]) -> None:
    """Print how far maps keep neighbours together.

    Parameters
    ----------
    values : mapping
        ``projection`` of the findings.
    """
    pairs = [
        (units.MAPS.get(made["method"], made["method"]), code["name"], scores)
        for made in values["maps"]
        for code, scores in zip(values["rows"], made["scores"], strict=False)
    ]
    if pairs:
        labels = [f"{method}: {escape(name)}" for method, name, _ in pairs]
        columns = [
            metric_column(metric, [units.written(metric, s.get(metric)) for _, _, s in pairs])
            for metric in ("trustworthiness", "continuity", "map_accuracy")
        ]
        columns.append(Column("time", "", [units.duration(s["seconds"]) for _, _, s in pairs]))
        print_columns("Maps", labels, columns)
    print_notes(values)


def print_legibility(values: Mapping[str, Any]) -> None:
    """Print how many reconstructions a classifier reads as their originals.

    Parameters
    ----------
    values : mapping
        ``legibility`` of the findings.
    """
    if judge := values.get("judge"):
        others = [("PCA", values.get("pca")), ("originals", values.get("originals"))]
        beside = ", ".join(f"{name} {units.share(v)}" for name, v in others if v is not None)
        print_line(
            f"Readable: {units.share(values['readable'])} of {units.count(values['n'])} test images"
            f"{f' ({beside})' if beside else ''}"
        )
        if values.get("readable_of_16") is not None:
            originals = values.get("originals_of_16")
            least = "" if originals is None else f" (originals: {originals})"
            print_line(f"Of the fixed sixteen: {values['readable_of_16']}{least}")
        if epochs := values.get("by_epoch"):
            told = (f"epoch {e['epoch']}: {e['readable_of_16']}" for e in epochs)
            print_line(f"On the way: {', '.join(told)}", indent=2)
        if shares := values.get("per_class"):
            told = (f"{name} {units.share(share)}" for name, share in shares.items())
            print_line(f"By label: {', '.join(told)}", indent=2)
        print_line(
            f"The judge reads {units.share(judge['accuracy'])} of {units.count(judge['n_test'])} "
            f"test images rightly; it learned from {units.count(judge['n_train'])}.",
            "dim",
            indent=2,
        )
    print_notes(values)


def print_neighbours(values: Mapping[str, Any]) -> None:
    """Print how often the nearest training image has the label of a test image.

    Parameters
    ----------
    values : mapping
        ``neighbours`` of the findings.
    """
    found = values.get("agreement") or {}
    names = (("latent", "the code"), ("pixels", "pixels"))
    shares = [(name, units.share(found[key])) for key, name in names if found.get(key) is not None]
    if shares:
        (name, agreeing), *others = shares
        beside = "".join(f" (by {other} {share})" for other, share in others)
        print_line(
            f"By {name}, the nearest training image of {agreeing} of the test images has their "
            f"label{beside}."
        )
    print_notes(values)


def print_notes(values: Mapping[str, Any]) -> None:
    """Print protocols, and what was left out, each sentence once.

    Parameters
    ----------
    values : mapping
        A part of the findings.
    """
    holders = [values, *values.get("rows", ()), *values.get("maps", ())]
    told = ""
    for protocol in filter(None, (_protocol(holder) for holder in holders)):
        if protocol not in told:
            told += protocol
            print_line(f"{protocol.rstrip('.')}.", "dim", indent=2)
    left_out = dict.fromkeys(line for holder in holders for line in holder.get("left_out", ()))
    for sentence in left_out:
        print_line(f"{sentence.rstrip('.')}.", "yellow", indent=2)


def _label(values: Mapping[str, Any], code: Mapping[str, Any]) -> str:
    return str(values["label"] if code["kind"] == "model" else code["name"])


def _named(metric: str) -> str:
    about = units.METRICS[metric]
    return f"{about.name}[dim], {about.unit}[/]" if about.unit else about.name


def _cells(metric: str, codes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write a metric of all codes, the best in bold; originals are read, not reconstructed."""
    compared = [
        code["learned"].get(metric)
        for code in codes
        if not (code["kind"] == "pixels" and metric.startswith("readable"))
    ]
    numbers = [number for number in compared if number is not None]
    best = units.written(metric, max(numbers)) if len(numbers) > 1 else ""
    for code in codes:
        text = units.written(metric, code["learned"].get(metric))
        yield f"[bold]{text}[/]" if text == best else text


def _clustered(methods: Sequence[Mapping[str, Any]]) -> Iterator[Column]:
    yield Column("k", "", [units.count(method["k"]) for method in methods], 2)
    # Of its own for each method: some take too long on all codes.
    yield Column("fitted", "codes", [units.count(method["n_fit"]) for method in methods], 3)
    for key, unit in (("majority", "majority"), ("hungarian", "one to one")):
        yield Column("accuracy", unit, [units.share(method[key]) for method in methods])
    for key, rank in (("nmi", 1), ("ari", 5), ("silhouette", 6)):
        cells = [units.number(method.get(key), 3) for method in methods]
        heading = key if key == "silhouette" else key.upper()
        yield Column(heading, "", cells, rank)
    yield Column("time", "", [units.duration(method["seconds"]) for method in methods], 4)


def _accuracy(found: Mapping[str, Any] | None) -> str:
    return units.measured("probe_accuracy", found)


def _protocol(holder: Mapping[str, Any]) -> str:
    protocol = str(holder.get("protocol") or "")
    if protocol and "method" in holder:
        return f"{units.MAPS.get(holder['method'], holder['method'])}: {protocol}"
    return protocol
