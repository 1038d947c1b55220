"""What else a source says of its examples: names of files, ids, and further columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data import Chunk, source_names, stream_data
from latentscape.explorer.contents import PointColumn
from latentscape.runs import OpenRun

MAX_COLUMNS = 12
MAX_CATEGORIES = 100
"""Columns, and different texts in one of them, at most."""

_CHUNK = 1000
_LABELS, _ID = "label", "id"


@dataclass(frozen=True, eq=False)
class Details:
    """Columns by name, with a value, or None, for each example of a source."""

    columns: Mapping[str, list[Any]] = field(default_factory=dict)

    def at(self, index: NDArray[np.int64]) -> "Details":
        """Return those of some of the examples."""
        places = index.tolist()
        return Details({name: [values[i] for i in places] for name, values in self.columns.items()})

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of files, or ids; None where there are none."""
        ids = self.columns.get(_ID)
        return None if ids is None else tuple("" if one is None else str(one) for one in ids)

    def described(self) -> tuple[tuple[PointColumn, ...], dict[str, Array]]:
        """Return the further columns that colours can show, and their arrays."""
        columns, arrays = list[PointColumn](), dict[str, Array]()
        for name, values in self.columns.items():
            key = f"c{len(columns)}"
            pair = None if name in (_ID, _LABELS) else _column(key, name, values)
            if pair is not None and len(columns) < MAX_COLUMNS:
                columns.append(pair[0])
                arrays[f"column/{key}"] = pair[1]
        return tuple(columns), arrays


class Collector:
    """Keeps what chunks say of their examples, while they are passed on."""

    def __init__(self) -> None:
        self._tables: list[Mapping[str, list[Any]]] = []
        self._sizes: list[int] = []

    def watch(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Pass chunks on."""
        for chunk in chunks:
            table = chunk.metadata
            self._tables.append({} if table is None else table.to_pydict())
            self._sizes.append(len(chunk.images))
            yield replace(chunk, build_metadata=None)

    @property
    def says_anything(self) -> bool:
        """Whether there is more than labels so far."""
        return any(table.keys() - {_LABELS} for table in self._tables)

    @property
    def details(self) -> Details:
        """What was said of all examples so far."""
        names = dict.fromkeys(name for table in self._tables for name in table)
        return Details({name: self._joined(name) for name in names})

    def _joined(self, name: str) -> list[Any]:
        pairs = zip(self._tables, self._sizes, strict=True)
        return [value for table, size in pairs for value in table.get(name, [None] * size)]


def details_of_run(opened: OpenRun, data: object = None) -> Details:
    """Read anew what the source of a run's data says of its examples, in their order.

    Sources with a name and data in memory say nothing. Nothing is said either where the source
    cannot be read as it was.
    """
    config, facts = opened.recipe.data, opened.run.data
    place = data if isinstance(data, str | Path) else facts.origin
    if data is not None and place is not data:
        return Details()
    if not place or config.source in source_names() or not Path(place).exists():
        return Details()
    changes = config.model_dump(include={"labels", "shape", "resize", "grey"}, exclude_none=True)
    changes["range"] = facts.range
    collector = Collector()
    try:
        stream = stream_data(str(place), facts.shape, _CHUNK, changes=changes)
        for _ in collector.watch(stream.chunks):
            if not collector.says_anything:
                return Details()
    except DataError:
        return Details()
    return collector.details


def _column(key: str, name: str, values: Sequence[Any]) -> tuple[PointColumn, Array] | None:
    """Describe a column; None where it is neither numbers nor a few texts."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known):
        numbers = np.array([np.nan if v is None else v for v in values], np.float64)
        return PointColumn(key=key, name=name, kind="number"), numbers.astype(np.float32)
    texts = ["" if value is None else str(value) for value in values]
    categories = sorted({text for text in texts if text})
    if not 0 < len(categories) <= MAX_CATEGORIES:
        return None
    places = {text: place for place, text in enumerate(categories)}
    codes = np.array([places.get(text, -1) for text in texts], np.int32)
    return PointColumn(key=key, name=name, kind="category", values=tuple(categories)), codes
