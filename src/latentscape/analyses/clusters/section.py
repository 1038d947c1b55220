"""The section on clusters: what falls together when nobody says what belongs together."""

from collections.abc import Sequence
from dataclasses import replace

from latentscape.analyses.clusters.metrics import AGREEMENTS
from latentscape.analyses.clusters.result import METHODS, Clusters, CodeClusters, Partition
from latentscape.analyses.notes import circumstances
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.findings import Images
from latentscape.core.units import NONE, count, number, share
from latentscape.reporting.blocks import Block, Cell, Panel, Plate, Section, Table, figure_name
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject, names_apart

ACROSS, MEANS_ACROSS = 8, 10
"""Pictures side by side: of examples, and of mean images."""

_CALLED = (
    "A cluster is called by the commonest label of the images that it was fitted to, which need "
    "not be that of those shown."
)


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show what the clusters of each pictured model hold."""
    rows = subject.having(Clusters)
    if not rows:
        return None
    blocks: list[Block] = [*circumstances(item, rows), *_choices(rows)]
    if subject.is_single:
        blocks += _methods(rows[0])
    for row in (row for row in rows if row in subject.pictured):
        blocks += _pictured(subject, row)
    lead = (
        "Codes are put into clusters without any label; labels only name and score the clusters "
        "afterwards. The majority mapping lets several clusters share a label, the one-to-one "
        "mapping does not. Look for clusters whose mean is a blur of two labels, and at what lies "
        "farthest from a centre."
    )
    return Section("clusters", "Clusters", lead, blocks)


def _of(row: Row) -> Clusters:
    return row.first.require(Clusters)


def _name(row: Row, code: CodeClusters) -> str:
    return row.label if code.kind == "model" else code.name


def _choices(rows: Sequence[Row]) -> list[Block]:
    """List the numbers of clusters that were tried, where the number was chosen."""
    choices = {
        (_name(row, code), row.data.split_name): (code.k, code.choice)
        for row in rows
        for code in _of(row).rows
        if code.choice
    }
    tried = sorted({k for _, choice in choices.values() for k, _ in choice.tried})
    if not tried:
        return []
    body, names = [], names_apart(choices)
    for key, (best, choice) in choices.items():
        scores = dict(choice.tried)
        cells = [Cell(number(scores.get(k), 3), k == best) for k in tried]
        body.append([Cell(f"{names[key]}: {choice.by}", title=True), *cells])
    head = [("Number of clusters", ""), *((str(k), "") for k in tried)]
    return [Table("Chosen without labels: the score of the number marked ★.", head, body)]


def _methods(row: Row) -> list[Block]:
    """Compare the ways of clustering, for the model and its baselines."""
    lines = [(code, partition) for code in _of(row).rows for partition in code.partitions]
    if not lines:
        return []
    body = [[Cell(_name(row, code), title=True), *_scores(item)] for code, item in lines]
    head = [("Code", ""), ("Method", ""), ("Clusters", ""), ("Accuracy", "majority")]
    head += [("Accuracy", "one to one"), ("NMI", ""), ("ARI", ""), ("Silhouette", "")]
    head += [("Fitted on", "codes"), ("Time", "seconds")]
    for name, guess in _of(row).guesses.items():
        accuracies = [Cell(share(accuracy)) for accuracy in guess.values()]
        cells = [Cell(""), Cell(""), *accuracies, *[Cell("")] * 5]
        body.append([Cell(name, title=True), *cells])
    n_baselines = sum(code.kind != "model" for code, _ in lines) + len(body) - len(lines)
    caption = (
        "Every way of clustering, for the code and its baselines; ± over seeds of K-means, and "
        "intervals are what so many scored images leave open (95 %, Wilson)."
    )
    return [Table(caption, head, body, n_baselines)]


def _scores(partition: Partition) -> list[Cell]:
    agreements = []
    for name, metric in AGREEMENTS.items():
        statistic = partition.statistic(name)
        text = metric.write(statistic.mean if statistic else None)
        agreements.append(Cell(text, note=metric.write_spread(statistic)))
    costs = (number(partition.silhouette, 3), count(partition.n_fitted))
    return [
        Cell(METHODS[partition.method]),
        Cell(count(partition.k)),
        *agreements,
        *map(Cell, (*costs, number(partition.seconds, 2))),
    ]


def _pictured(subject: Subject, row: Row) -> list[Block]:
    """Show the clusters of K-means: their means, examples, and labels."""
    clusters = _of(row)
    partition = clusters.kmeans
    if partition is None:
        return []
    order = _order(partition, clusters.label_names)
    blocks = _plates(subject, row, partition, order)
    confusion = _confusion(row, partition, order)
    return [*blocks, *([confusion] if confusion else [])]


def _order(partition: Partition, label_names: Sequence[str]) -> list[int]:
    """Order clusters by their labels, the larger first; those without examples are left out."""
    sizes, places = partition.sizes, {name: place for place, name in enumerate(label_names)}
    labels = [places.get(name, -1) for name in partition.names]
    filled = [cluster for cluster in range(partition.k) if sizes[cluster]]
    return sorted(filled, key=lambda cluster: (labels[cluster], -sizes[cluster]))


def _plates(subject: Subject, row: Row, partition: Partition, order: Sequence[int]) -> list[Block]:
    """Show mean images and examples; nothing of plain vectors."""
    pictures = partition.pictures
    if not pictures or pictures.means is None:
        return []
    assert pictures.nearest is not None
    assert pictures.farthest is not None
    title = f"{row.label}: the mean image of each cluster"
    means = Plate(
        figure_name("cluster-means", row.label),
        "Mean images" if subject.is_single else title,
        f"K-means with {partition.k} clusters, each under its majority label. A label that is "
        "missing here has no cluster of its own.",
        _means(subject, row, partition, pictures.means, order),
        480,
    )
    examples = Plate(
        figure_name("cluster-examples", row.label),
        "",
        "Each line is a cluster: its majority label, and how many of the scored images it holds. "
        f"The farthest are often those of another label. {_CALLED}",
        [
            _examples(subject, row, partition, order, "Nearest to the centre", pictures.nearest),
            _examples(
                subject, row, partition, order, "Farthest from the centre", pictures.farthest
            ),
        ],
    )
    return [means, examples]


def _means(
    subject: Subject, row: Row, partition: Partition, means: Images, order: Sequence[int]
) -> list[Panel]:
    panels = []
    for start in range(0, len(order), MEANS_ACROSS):
        clusters = list(order[start : start + MEANS_ACROSS])
        alt = f"Mean images of {len(clusters)} clusters of {row.label}, from {start + 1}"
        line = strip("", means[clusters], len(clusters), subject.tile, alt)
        columns = [partition.names[cluster] for cluster in clusters]
        panels.append(Panel("", [replace(line, columns=columns)]))
    return panels


def _examples(
    subject: Subject,
    row: Row,
    partition: Partition,
    order: Sequence[int],
    title: str,
    examples: Images,
) -> Panel:
    strips = [
        strip(
            f"{partition.names[cluster]} · {count(partition.sizes[cluster])}",
            examples[cluster],
            ACROSS,
            subject.tile,
            f"Cluster {cluster + 1} of {row.label}: {title[0].lower()}{title[1:]}",
        )
        for cluster in order
    ]
    return Panel(title, strips, beside=True)


def _confusion(row: Row, partition: Partition, order: Sequence[int]) -> Table | None:
    """List how many images of each label each cluster holds; None without labels."""
    names, labels = partition.names, _of(row).label_names
    if partition.agreement is None:
        return None
    counts = partition.agreement.confusion
    body = [[Cell(names[cluster], title=True), *_counts(counts[cluster])] for cluster in order]
    head = [("Cluster", "called"), *((name, "") for name in labels), ("Images", "")]
    return Table(
        f"{row.label}: how many of the scored images of each label each cluster holds. The "
        "stronger the tint, the more of the cluster; a cluster with two tinted labels confuses "
        f"them. {_CALLED}",
        head,
        body,
    )


def _counts(counts: Sequence[int]) -> list[Cell]:
    total = sum(counts)
    cells = [Cell(count(n) if n else NONE, heat=n / max(total, 1)) for n in counts]
    return [*cells, Cell(count(total))]
