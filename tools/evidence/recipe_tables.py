"""What is written of every recipe on small data: tables, and how often which baseline is beaten."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from latentscape.core.units import joined, number
from tools.evidence.records import ResultRow

HEAD = ["recipe", "MSE", "mean image", "PCA", "components", "lower than", "seconds"]


def tables(rows: Sequence[ResultRow]) -> str:
    """Write a table for each data set."""
    parts = []
    for data in dict.fromkeys(row.data for row in rows):
        of_data = [row for row in rows if row.data == data]
        body = [HEAD, ["---"] * len(HEAD), *map(_cells, of_data)]
        lines = [f"| {' | '.join(cells)} |" for cells in body]
        parts += [f"### {data}", _words(of_data), "\n".join(lines)]
    return "\n\n".join(parts)


def summary(rows: Sequence[ResultRow]) -> str:
    """Say how many results are lower than their baselines, and how long they took."""
    measured = [row for row in rows if row.numbers]
    above = [f"`{row.recipe}` on {row.data}" for row in measured if not _beats(row, "mean_image")]
    seconds = [row.statistic("seconds").mean for row in measured]
    sentences = [
        f"{len(measured) - len(above)} of {len(measured)} results are lower than the error of the "
        f"mean image; {_count(measured, 'pca')} are lower than that of PCA with as many numbers.",
        f"A result took {median(seconds):.0f} s of one core at the median and {max(seconds):.0f} s "
        f"at most; {sum(s < 60 for s in seconds)} took less than a minute.",
    ]
    if failed := [f"`{row.recipe}` on {row.data}" for row in rows if row.refused]:
        sentences.append(f"Not possible: {joined(failed)}.")
    if above:
        sentences.insert(1, f"Not lower than the mean image: {joined(above)}.")
    return " ".join(sentences)


def _words(rows: Sequence[ResultRow]) -> str:
    measured = [row for row in rows if row.numbers]
    sizes = measured[0].runs[0].sizes
    return (
        f"{sizes.train:,} examples to train, {sizes.validation:,} to validate and {sizes.test:,} "
        f"to test. {_count(measured, 'mean_image')} of {len(measured)} are lower than the mean "
        f"image, {_count(measured, 'pca')} than PCA. The median took "
        f"{median(row.statistic('seconds').mean for row in measured):.0f} s."
    )


def _cells(row: ResultRow) -> Iterator[str]:
    yield f"`{row.recipe}`"
    if row.refused:
        yield f"not possible: {row.refused}"
        yield from [""] * (len(HEAD) - 2)
        return
    for key in ("mse", "mean_image_mse", "pca_mse"):
        yield number(row.statistic(key).mean)
    yield f"{row.statistic('pca_dim').mean:.0f}"
    beaten = [word for key, word in (("mean_image", "mean"), ("pca", "PCA")) if _beats(row, key)]
    yield joined(beaten) if beaten else "neither"
    yield f"{row.statistic('seconds').mean:.0f}"


def _beats(row: ResultRow, baseline: str) -> bool:
    return row.statistic("mse").mean < row.statistic(f"{baseline}_mse").mean


def _count(rows: Iterable[ResultRow], baseline: str) -> int:
    return sum(_beats(row, baseline) for row in rows)
