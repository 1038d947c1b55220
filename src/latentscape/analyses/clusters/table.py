"""The table of clusters on a terminal."""

from collections.abc import Iterator, Sequence

from rich.markup import escape

from latentscape.analyses.clusters.metrics import AGREEMENTS
from latentscape.analyses.clusters.result import METHODS, Clusters, Partition
from latentscape.analyses.notes import describe_guessing, print_notes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import count, duration, number, share
from latentscape.terminal.layout import PrintedColumn, print_columns, print_line


def print_clusters(item: AnyAnalysis, result: Clusters) -> None:
    """Print how well clusters of each code match labels."""
    lines = [(row, partition) for row in result.rows for partition in row.partitions]
    if lines:
        labels = [f"{escape(row.name)}, {METHODS[partition.method]}" for row, partition in lines]
        columns = _columns([partition for _, partition in lines])
        print_columns("Clusters", labels, list(columns))
        if result.guessing is not None:
            print_line(describe_guessing(result.guessing), indent=2)
        if result.matched_chance is not None:
            print_line(f"One to one, random clusters: {share(result.matched_chance)}.", indent=2)
    for row in result.rows:
        if row.choice:
            tried = ", ".join(f"{k}: {number(score, 3)}" for k, score in row.choice.tried)
            print_line(f"{row.name}: {row.k} clusters by {row.choice.by} ({tried})")
    print_notes(item, result)


def _columns(partitions: Sequence[Partition]) -> Iterator[PrintedColumn]:
    majority, hungarian, nmi, ari = (
        [metric.write_statistic(item.statistic(name)) for item in partitions]
        for name, metric in AGREEMENTS.items()
    )
    yield PrintedColumn("k", "", [count(item.k) for item in partitions], 2)
    # Of its own for each method: some take too long on all codes.
    yield PrintedColumn("fitted", "codes", [count(item.n_fitted) for item in partitions], 3)
    yield PrintedColumn("accuracy", "majority", majority)
    yield PrintedColumn("accuracy", "one to one", hungarian)
    silhouettes = [number(item.silhouette, 3) for item in partitions]
    for heading, scores, rank in (("NMI", nmi, 1), ("ARI", ari, 5), ("silhouette", silhouettes, 6)):
        yield PrintedColumn(heading, "", scores, rank)
    yield PrintedColumn("time", "", [duration(item.seconds) for item in partitions], 4)
