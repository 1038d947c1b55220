"""Numbers that come of likelihoods, kept apart by kind, and what the kinds are called."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from latentscape.config import LikelihoodKind
from latentscape.core.metrics import Metric
from latentscape.core.units import count, joined
from latentscape.evaluation.latent_metrics import BITS_PER_DIM, ELBO
from latentscape.reporting.subject import Row

_ORDER = ("probability", "density", "score")


@dataclass(frozen=True)
class Group:
    """Rows whose numbers come of one kind of likelihood.

    Attributes
    ----------
    kind : LikelihoodKind or None
        None of numbers that come of no likelihood.
    rows : tuple of Row
        Those that have any of the numbers.
    metrics : tuple of Metric
        Those that any of the rows has.
    has_others : bool
        Whether there are groups of other kinds beside it.
    """

    kind: LikelihoodKind | None
    rows: tuple[Row, ...]
    metrics: tuple[Metric, ...]
    has_others: bool

    def holds(self, row: Row, metric: Metric) -> bool:
        """Whether a metric of a row is of this kind."""
        return kind_of(row, metric) == self.kind

    @property
    def is_complete(self) -> bool:
        """Whether every row has every number in this kind."""
        return all(self.holds(row, metric) for row in self.rows for metric in self.metrics)


def by_kind(
    rows: Sequence[Row], metrics: Sequence[Metric], has: Callable[[Row, Metric], bool]
) -> list[Group]:
    """Group rows by the kind of likelihood that their numbers come of.

    A row stands in two groups where it has numbers of two kinds, such as the ELBO of a density and
    the bits per dimension of dequantised data.

    Parameters
    ----------
    rows : sequence of Row
        What to group.
    metrics : sequence of Metric
        Of which numbers.
    has : callable
        Whether a row has a metric.
    """
    pairs = [(row, metric) for row in rows for metric in metrics if has(row, metric)]
    kinds = sorted({kind_of(*pair) for pair in pairs}, key=_place)
    groups = []
    for kind in kinds:
        members = [pair for pair in pairs if kind_of(*pair) == kind]
        in_rows, in_metrics = [row for row, _ in members], [metric for _, metric in members]
        groups.append(
            Group(
                kind,
                tuple(row for row in rows if row in in_rows),
                tuple(metric for metric in metrics if metric in in_metrics),
                len(kinds) > 1,
            )
        )
    return groups


def kind_of(row: Row, metric: Metric) -> LikelihoodKind | None:
    """Return the kind of a number of a row; other numbers of a code go with its ELBO."""
    kinds = row.facts.likelihoods
    return kinds.get(metric.key, kinds.get(ELBO.key))


def name_kind(kind: LikelihoodKind) -> str:
    """Name a kind in a few words: probability of 8-bit data."""
    return f"probability of {_data(kind)}" if kind.of == "probability" else _NAMES[kind.of]


def explain_kind(kind: LikelihoodKind) -> str:
    """Say in a sentence what a number of a kind is."""
    if kind.of == "probability":
        return f"These are logarithms of probabilities of {_data(kind)}."
    return _SENTENCES[kind.of]


def explain_group(group: Group) -> Iterator[str]:
    """Say what the numbers of a group are, and why those of other groups stand elsewhere."""
    if group.kind is not None:
        yield explain_kind(group.kind)
    yield from set_apart(group)


def set_apart(group: Group) -> Iterator[str]:
    """Say why numbers of other kinds stand elsewhere, and which bits come by dequantisation."""
    if group.kind is not None and group.has_others:
        yield _APART[group.kind.of]
    labels = [
        row.label
        for row in group.rows
        if group.holds(row, BITS_PER_DIM) and row.latent and row.latent.is_dequantised
    ]
    if BITS_PER_DIM in group.metrics and labels:
        yield (
            f"The bits of {joined(labels)} are bounds by dequantisation: the density of the same "
            "images with uniform noise within each grey level."
        )


_APART = {
    "probability": "Probabilities of other data, densities and scores are other quantities, and "
    "stand in tables of their own.",
    "density": "So they are neither better nor worse than the numbers in other tables.",
    "score": "So they are neither better nor worse than the numbers in other tables.",
}

_NAMES = {"density": "density", "score": "score, no probability"}

_SENTENCES = {
    "density": "These are logarithms of densities over continuous values, not of probabilities: a "
    "density may be above 1, and it changes with the scale of the values.",
    "score": "These are scores, not logarithms of probabilities: pixels are grey, and what this "
    "likelihood gives to all grey images does not add up to 1.",
}


def _data(kind: LikelihoodKind) -> str:
    if kind.levels == 2:
        return "binary data"
    bits = (kind.levels or 0).bit_length() - 1
    is_power = kind.levels == 1 << bits
    return f"{bits}-bit data" if is_power else f"data of {count(kind.levels)} levels"


def _place(kind: LikelihoodKind | None) -> tuple[int, int]:
    """Order probabilities of many levels first, scores last."""
    if kind is None:
        return len(_ORDER), 0
    return _ORDER.index(kind.of), -(kind.levels or 0)
