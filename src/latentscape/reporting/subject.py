"""What a report compares: one row per configuration, with the runs that stand behind it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from latentscape.core.findings import Part, Statistic
from latentscape.core.metrics import Metric
from latentscape.core.records import Array
from latentscape.evaluation.quantities.squared_error import MSE
from latentscape.evaluation.results import Evaluation, Latent
from latentscape.evaluation.study import StudyFindings, StudyRow
from latentscape.runs import DataFacts, RunFindings

MAX_PICTURED = 8
"""More pictures than this tire the reader before they tell more. Tables show all rows."""

_P = TypeVar("_P", bound=Part)


@dataclass(frozen=True, eq=False)
class Row:
    """A configuration.

    Attributes
    ----------
    facts : StudyRow
        Statistics over its seeds.
    runs : tuple of RunFindings
        Its runs; pictures show the first.
    """

    facts: StudyRow
    runs: tuple[RunFindings, ...]

    @property
    def label(self) -> str:
        """What it is called on the page."""
        return self.facts.label

    @property
    def first(self) -> RunFindings:
        """The run that pictures show."""
        return self.runs[0]

    @property
    def data(self) -> DataFacts:
        """The data of the first run."""
        return self.first.data

    @property
    def evaluation(self) -> Evaluation:
        """How the first run reconstructs test examples."""
        return self.first.require(Evaluation)

    @property
    def latent(self) -> Latent | None:
        """What the code of the first run costs; None of plain codes."""
        return self.first.get(Latent)

    def get(self, kind: type[_P]) -> _P | None:
        """Return a part of the first run's findings; None where it was not measured."""
        return self.first.get(kind)

    def seeds(self, kind: type[_P]) -> list[_P]:
        """Return a part of the findings of every run that has it."""
        return [part for run in self.runs if (part := run.get(kind)) is not None]

    @property
    def numbers(self) -> int:
        """How many separate numbers the code holds: places of a codebook, or its length."""
        is_codebook = self.latent is not None and self.latent.codes is not None
        return self.evaluation.pca.dim if is_codebook else self.facts.latent_dim

    @property
    def supervised(self) -> bool:
        """Whether labels were used in training."""
        return self.facts.supervision.supervised

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know wherever the row is compared with others."""
        marks = (("labels", self.supervised), ("collapsed", self.facts.collapse is not None))
        return tuple(mark for mark, applies in marks if applies)

    @property
    def marked(self) -> str:
        """The label with its marks."""
        return f"{self.label} ({', '.join(self.marks)})" if self.marks else self.label

    def caption(self, label: int, number: int) -> str:
        """Write the label of an image, and its number below."""
        return f"{self.data.label_name(label)}\n#{number}".lstrip()

    def captions(self, labels: Array | None, numbers: Array | None) -> tuple[str, ...]:
        """Write labels and numbers of images; nothing of earlier versions, which kept none."""
        if labels is None or numbers is None:
            return ()
        return tuple(map(self.caption, labels.tolist(), numbers.tolist()))

    def statistic(self, metric: Metric) -> Statistic | None:
        """Mean and standard deviation of a metric over seeds; None where it does not apply."""
        return self.facts.statistic(metric)

    def mean(self, metric: Metric) -> float | None:
        """Mean of a metric over seeds; None where it does not apply."""
        statistic = self.statistic(metric)
        return None if statistic is None else statistic.mean

    @property
    def mse(self) -> float:
        """Mean test error, infinite where there is none, so that such a row sorts last."""
        mse = self.mean(MSE.metric)
        return float("inf") if mse is None else mse


@dataclass(frozen=True, eq=False)
class Subject:
    """All that a report is about.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the tables, one at least.
    study : StudyFindings or None
        None where the report is about a single run.
    tile : int
        Largest side of a small picture, in pixels.
    studies : tuple of Path
        Directories of the studies that a single run belongs to.
    """

    rows: tuple[Row, ...]
    study: StudyFindings | None = None
    tile: int = 96
    studies: tuple[Path, ...] = ()
    _pictured: tuple[Row, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        best = sorted(self.rows, key=lambda row: row.mse)[:MAX_PICTURED]
        pictured = tuple(row for row in self.rows if row in best)
        object.__setattr__(self, "_pictured", pictured)

    @property
    def pictured(self) -> tuple[Row, ...]:
        """The rows with the lowest error, in the order of the tables."""
        return self._pictured

    @property
    def is_single(self) -> bool:
        """Whether there is one row alone."""
        return len(self.rows) == 1

    @property
    def has_one_dataset(self) -> bool:
        """Whether all rows were measured on the same images and pixels, so that errors compare."""
        return len({row.data.fingerprint for row in self.rows}) == 1

    def colour(self, row: Row) -> str:
        """CSS class of a row's colour: the same in every chart; faint for rows not pictured."""
        return f"c{self.pictured.index(row)}" if row in self.pictured else "faint"

    def having(self, kind: type[Part]) -> tuple[Row, ...]:
        """Rows whose first run has a part of the findings."""
        return tuple(row for row in self.rows if row.get(kind) is not None)

    @property
    def seeds(self) -> int:
        """The largest number of runs behind one row."""
        return max(len(row.runs) for row in self.rows)


def by_images(rows: Iterable[Row], images_of: Callable[[Row], Array]) -> list[list[Row]]:
    """Group rows that show the same images, since a study may use several splits.

    Parameters
    ----------
    rows : iterable of Row
        What to group.
    images_of : callable
        Row to test images, such as the originals.
    """
    groups: dict[bytes, list[Row]] = {}
    for row in rows:
        groups.setdefault(np.ascontiguousarray(images_of(row)).tobytes(), []).append(row)
    return list(groups.values())


def originals(row: Row) -> Array:
    """Return the fixed test examples of a row."""
    return row.evaluation.examples.originals


def distinction(rows: Iterable[Row], subject: Subject) -> list[str]:
    """Return what tells a group's file from those of other groups."""
    group = list(rows)
    return [] if len(group) == len(subject.pictured) else [group[0].label]


def names_apart(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Name what is known by its name and its data: where data differ, the name tells which."""
    distinct = dict.fromkeys(keys)
    names = [name for name, _ in distinct]
    return {
        (name, data): f"{name} ({data})" if names.count(name) > 1 else name
        for name, data in distinct
    }
