"""Legibility on the terminal."""

from collections.abc import Iterator

from latentscape.analyses.legibility.result import Legibility, Reading
from latentscape.analyses.notes import describe_guessing, print_notes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import count, share
from latentscape.terminal.layout import print_line


def print_legibility(item: AnyAnalysis, result: Legibility) -> None:
    """Print how many reconstructions a classifier reads as their originals."""
    if result.reading is not None:
        n = count(result.protocol.n_scored)
        for line in _lines(result, result.reading):
            print_line(line)
        if result.guessing is not None:
            print_line(describe_guessing(result.guessing), indent=2)
        for line in _details(result.reading):
            print_line(line, indent=2)
        print_line(
            f"The judge reads {result.of_all(result.reading.originals)} of {n} test images "
            f"rightly; it learned from {count(result.protocol.n_fitted)}.",
            "dim",
            indent=2,
        )
    print_notes(item, result)


def _lines(result: Legibility, reading: Reading) -> Iterator[str]:
    linear = "" if reading.pca is None else f"PCA {result.of_all(reading.pca.readable)}, "
    beside = f"{linear}originals {result.of_all(reading.originals)}"
    n = count(result.protocol.n_scored)
    yield f"Readable: {result.of_all(reading.readable)} of {n} test images; {beside}"
    yield (f"Of the fixed sixteen: {reading.readable_of_16} (originals: {reading.originals_of_16})")


def _details(reading: Reading) -> Iterator[str]:
    if reading.snapshots:
        epochs = (f"epoch {s.epoch}: {s.readable_of_16}" for s in reading.snapshots)
        yield f"On the way: {', '.join(epochs)}"
    if reading.per_class:
        shares = (f"{name} {share(readable)}" for name, readable in reading.per_class.items())
        yield f"By label: {', '.join(shares)}"
