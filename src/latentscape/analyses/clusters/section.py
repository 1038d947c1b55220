"""The section on clusters: what falls together when nobody says what belongs together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from latentscape.core.records import Array
from latentscape.core.units import CLUSTERINGS, NONE, count, number, share
from latentscape.reporting import prose
from latentscape.reporting.blocks import Block, Cell, Panel, Plate, Section, Table, figure_name
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject, images, told_apart

ACROSS = 8


def section(subject: Subject) -> Section | None:
    """Show what the clusters of each pictured model hold."""
    rows = subject.having("clustering")
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "clustering"), *_chosen(rows)]
    if len(subject.rows) == 1:
        blocks += _methods(rows[0])
    for row in (row for row in rows if row in subject.pictured):
        blocks += _clusters(subject, row)
    lead = (
        "Codes are put into clusters without any label; labels only name and score the clusters "
        "afterwards. The majority mapping lets several clusters share a label, the one-to-one "
        "mapping does not. Look for clusters whose mean is a blur of two labels, and at what lies "
        "farthest from a centre."
    )
    return Section("clusters", "Clusters", lead, blocks)


def cluster_names(method: Mapping[str, Any]) -> list[str]:
    """Name the clusters of a method by their majority labels, or by number without any."""
    names = method["majority_labels"] or [None] * method["k"]
    return [name or f"#{place + 1}" for place, name in enumerate(names)]


def _chosen(rows: Sequence[Row]) -> list[Block]:
    """List the numbers of clusters that were tried, where the number was not given."""
    codes = {
        (_name(row, code), row.data): code
        for row in rows
        for code in row.found("clustering")["rows"]
        if code.get("chosen")
    }
    tried = sorted({k for code in codes.values() for k, _ in code["chosen"]["tried"]})
    if not tried:
        return []
    body, names = [], told_apart(codes)
    for key, code in codes.items():
        scores = dict(code["chosen"]["tried"])
        cells = [Cell(number(scores.get(k), 3), k == code["k"]) for k in tried]
        body.append([Cell(f"{names[key]}: {code['chosen']['by']}", title=True), *cells])
    head = [("Number of clusters", ""), *((str(k), "") for k in tried)]
    return [Table("Chosen without labels: the score of the number marked ★.", head, body)]


def _name(row: Row, code: Mapping[str, Any]) -> str:
    return row.label if code["kind"] == "model" else str(code["name"])


def _methods(row: Row) -> list[Block]:
    """Compare the ways of clustering, for the model and its baselines."""
    body, baselines = [], 0
    for code in row.found("clustering")["rows"]:
        name = Cell(_name(row, code), title=True)
        lines = [[name, *_scores(kind, method)] for kind, method in code["methods"].items()]
        body += lines
        baselines += len(lines) if code["kind"] != "model" else 0
    if not body:
        return []
    head = [("Code", ""), ("Method", ""), ("Clusters", ""), ("Accuracy", "majority")]
    head += [("Accuracy", "one to one"), ("NMI", ""), ("ARI", ""), ("Silhouette", "")]
    head += [("Fitted on", "codes"), ("Time", "seconds")]
    return [
        Table("Every way of clustering, for the code and its baselines.", head, body, baselines)
    ]


def _scores(kind: str, method: Mapping[str, Any]) -> list[Cell]:
    texts = [CLUSTERINGS.get(kind, kind), count(method["k"])]
    texts += [share(method[key]) for key in ("majority", "hungarian")]
    texts += [number(method.get(key), 3) for key in ("nmi", "ari", "silhouette")]
    return [Cell(t) for t in (*texts, count(method["n_fit"]), number(method["seconds"], 2))]


def _clusters(subject: Subject, row: Row) -> list[Block]:
    """Show the clusters of K-means: their means, examples, and labels."""
    method = row.found("clustering")["rows"][0]["methods"].get("kmeans")
    if method is None:
        return []
    order = _order(row, method)
    blocks: list[Block] = []
    if images(row, "cluster_means") is not None:
        blocks.append(_means(subject, row, method, order))
        blocks.append(_examples(subject, row, method, order))
    confusion = _confusion(row, method, order)
    return [*blocks, *([confusion] if confusion else [])]


def _order(row: Row, method: Mapping[str, Any]) -> list[int]:
    """Order clusters by their labels, the larger first; those without examples are left out."""
    sizes, places = method["sizes"], list(row.values["data"]["label_names"])
    labels = [places.index(name) if name in places else -1 for name in cluster_names(method)]
    filled = [cluster for cluster in range(len(sizes)) if sizes[cluster]]
    return sorted(filled, key=lambda cluster: (labels[cluster], -sizes[cluster]))


def _means(subject: Subject, row: Row, method: Mapping[str, Any], order: Sequence[int]) -> Plate:
    names, means = cluster_names(method), row.arrays["cluster_means"]
    panels = []
    for start in range(0, len(order), ACROSS + 2):
        part = list(order[start : start + ACROSS + 2])
        alt = f"Mean images of {len(part)} clusters of {row.label}, from {start + 1}"
        made = strip("", means[part], len(part), subject.tile, alt)
        panels.append(Panel("", [replace(made, columns=[names[c] for c in part])]))
    return Plate(
        figure_name("cluster-means", row.label),
        f"{row.label}: the mean image of each cluster" if len(subject.rows) > 1 else "Mean images",
        f"K-means with {method['k']} clusters, each under its majority label. A label that is "
        "missing here has no cluster of its own.",
        panels,
        480,
    )


def _examples(subject: Subject, row: Row, method: Mapping[str, Any], order: Sequence[int]) -> Plate:
    panels = [
        _panel(subject, row, method, order, f"{which.capitalize()} {to} the centre", which)
        for which, to in (("nearest", "to"), ("farthest", "from"))
    ]
    caption = (
        "Each line is a cluster: its majority label, and how many images it holds. The farthest "
        "are often those of another label."
    )
    return Plate(figure_name("cluster-examples", row.label), "", caption, panels)


def _panel(
    subject: Subject,
    row: Row,
    method: Mapping[str, Any],
    order: Sequence[int],
    title: str,
    which: str,
) -> Panel:
    names, examples = cluster_names(method), row.arrays[f"cluster_{which}"]
    strips = [
        strip(
            f"{names[c]} · {count(method['sizes'][c])}",
            examples[c],
            ACROSS,
            subject.tile,
            f"Cluster {c + 1} of {row.label}: {which}",
        )
        for c in order
    ]
    return Panel(title, strips, beside=True)


def _confusion(row: Row, method: Mapping[str, Any], order: Sequence[int]) -> Table | None:
    """List how many images of each label each cluster holds; None without labels."""
    names, labels = cluster_names(method), row.values["data"]["label_names"]
    if not labels or not method["confusion"]:
        return None
    body = [[Cell(names[c], title=True), *_counts(np.array(method["confusion"][c]))] for c in order]
    head = [("Cluster", "of most"), *((name, "") for name in labels), ("Images", "")]
    return Table(
        f"{row.label}: how many images of each label each cluster holds. The stronger the tint, "
        "the more of the cluster; a cluster with two tinted labels confuses them.",
        head,
        body,
    )


def _counts(counts: Array) -> list[Cell]:
    whole = int(counts.sum())
    cells = [Cell(count(int(n)) if n else NONE, heat=float(n) / max(whole, 1)) for n in counts]
    return [*cells, Cell(count(whole))]
