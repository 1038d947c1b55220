"""The section on probes: how much of the labels a small classifier finds in frozen codes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latentscape.core.units import PROBES, count, share, uncertainty
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Cell, Chart, Gallery, Section, Table, figure_name
from latentscape.reporting.curves import Curve, curve_chart, ends
from latentscape.reporting.learned import summary
from latentscape.reporting.subject import Row, Subject, told_apart

Results = Mapping[int, Mapping[str, Any]]
"""Statistics of the accuracy by number of labels."""


@dataclass(frozen=True, eq=False)
class Probed:
    """A code and what classifiers reach on it.

    Attributes
    ----------
    title : Cell
        A model or a baseline.
    look : str
        CSS class of its lines.
    results : mapping
        Results by kind of probe.
    settings : mapping
        What was chosen on validation images, with all labels, by kind of probe.
    """

    title: Cell
    look: str
    results: Mapping[str, Results]
    settings: Mapping[str, str]


def section(subject: Subject) -> Section | None:
    """Show what probes reach with few labels and with many, and how the MLP learned."""
    rows = subject.having("probing")
    if not rows:
        return None
    codes = [*_models(subject, rows), *_baselines(rows)]
    kinds = [kind for kind in PROBES if any(kind in code.results for code in codes)]
    several = any(len(results) > 1 for code in codes for results in code.results.values())
    blocks: list[Block] = [*prose.circumstances(rows, "probing")]
    if several:
        blocks.append(Gallery([_accuracies(codes, kind) for kind in kinds]))
    blocks += [_table(subject, codes, kind) for kind in kinds]
    curves = [chart for row in rows if row in subject.pictured for chart in _learning(row)]
    if curves:
        blocks.append(Gallery(curves, "How the MLP learned, with all labels"))
    lead = (
        "The encoder stays as it is; a small classifier learns labels from its codes alone. A code "
        "that serves with few labels has sorted the images by itself; raw pixels and PCA, in grey, "
        "show what the classifier can do without it."
    )
    return Section("probes", "Probes", lead, blocks)


def _models(subject: Subject, rows: Sequence[Row]) -> Iterator[Probed]:
    for row in rows:
        seeds = [run.values["probing"]["rows"][0] for run in row.runs if "probing" in run.values]
        title = Cell(row.label, title=True, marks=row.marks)
        yield _probed(title, subject.colour(row), seeds)


def _baselines(rows: Sequence[Row]) -> Iterator[Probed]:
    """Return the other codes, each of them once for the same data."""
    seeds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        before = set(seeds)
        for run in (run for run in row.runs if "probing" in run.values):
            for code in run.values["probing"]["rows"][1:]:
                if (key := (code["name"], row.data)) not in before:
                    seeds.setdefault(key, []).append(code)
    names = told_apart(seeds)
    for key in sorted(seeds, key=lambda key: (seeds[key][0]["kind"] != "pixels", len(key[0]))):
        first, *others = seeds[key]
        # The same numbers from every seed were measured once.
        alike = all(code["results"] == first["results"] for code in others)
        title = Cell(names[key], title=True)
        yield _probed(title, f"other {first['kind']}", [first] if alike else seeds[key])


def _probed(title: Cell, look: str, seeds: Sequence[Mapping[str, Any]]) -> Probed:
    results = {kind: _over_seeds([s["results"].get(kind, []) for s in seeds]) for kind in PROBES}
    last = {kind: found[-1].get("settings") for kind, found in seeds[0]["results"].items() if found}
    return Probed(
        title,
        look,
        {kind: found for kind, found in results.items() if found},
        {kind: _settings(chosen) for kind, chosen in last.items() if chosen},
    )


def _over_seeds(seeds: Sequence[Sequence[Mapping[str, Any]]]) -> Results:
    """Return statistics over seeds, or of a single one those over its draws of labels."""
    entries: dict[int, list[Mapping[str, Any]]] = {}
    for entry in (entry for results in seeds for entry in results):
        entries.setdefault(int(entry["labels"]), []).append(entry["accuracy"])
    return {
        labels: found[0] if len(found) == 1 else summary(a["mean"] for a in found) or {}
        for labels, found in sorted(entries.items())
    }


def _settings(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in chosen.items())


def _accuracies(codes: Sequence[Probed], kind: str) -> Chart:
    """Draw accuracy against the number of labels, a line per code."""
    curves = [
        Curve(
            code.title.text,
            [(float(labels), 100 * found["mean"]) for labels, found in code.results[kind].items()],
            code.look,
            [100 * (found.get("sd") or 0.0) for found in code.results[kind].values()],
        )
        for code in reversed(codes)
        if kind in code.results
    ]
    alt = f"Test accuracy of {PROBES[kind]} by number of labels, in percent. {ends(curves)}"
    svg, crop = curve_chart(
        curves, (300, 300), "accuracy, %", alt, x_label="labels", ratios=(True, False)
    )
    legend = [(curve.look, curve.label) for curve in reversed(curves)]
    return Chart(figure_name("probe", kind), f"{PROBES[kind]} on frozen codes", svg, legend, crop)


def _table(subject: Subject, codes: Sequence[Probed], kind: str) -> Table:
    numbers = sorted({labels for code in codes for labels in code.results.get(kind, ())})
    told = any(code.settings.get(kind) for code in codes)
    head = [(f"{PROBES[kind]} on", ""), *((count(n), "labels") for n in numbers)]
    head += [("Chosen", "on validation")] if told else []
    body = []
    for code in (code for code in codes if kind in code.results):
        cells = [_accuracy(code.results[kind].get(n)) for n in numbers]
        body.append([code.title, *cells, *([Cell(code.settings.get(kind, ""))] if told else [])])
    draws = "draws of the labels"
    spread = f"seeds, for baselines over {draws}" if subject.seeds > 1 else draws
    caption = f"{PROBES[kind]}: accuracy on test images; standard deviations are over {spread}."
    apart = sum(kind in code.results and code.look.startswith("other") for code in codes)
    return Table(caption, head, body, apart)


def _accuracy(found: Mapping[str, Any] | None) -> Cell:
    return Cell(share((found or {}).get("mean")), note=uncertainty("probe_accuracy", found))


def _learning(row: Row) -> Iterator[Chart]:
    """Draw loss and accuracy of the first seed's MLP over its epochs."""
    history = row.found("probing")["rows"][0].get("curves") or []
    if len(history) < 2:
        return
    for what, factor, unit in (("loss", 1, "nats"), ("accuracy", 100, "%")):
        curves = [
            Curve(name, [(float(e["epoch"]), factor * e[f"{part}_{what}"]) for e in history], look)
            for name, part, look in (
                ("training", "train", "c0 dashed"),
                ("validation", "validation", "c0"),
            )
            if history[0].get(f"{part}_{what}") is not None
        ]
        alt = f"{what.capitalize()} of the MLP on codes of {row.label}. {ends(curves)}"
        svg, _ = curve_chart(curves, (320, 200), f"{what}, {unit}", alt, ratios=(False, False))
        yield Chart(figure_name("probe", what, row.label), f"{row.label}: {what}", svg)
