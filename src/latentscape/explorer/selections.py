"""Selections as the page sees them: points, and no rows of a dataset."""

from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError

from latentscape.core.errors import DataError, brief, unknown
from latentscape.core.findings import Json, Record
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.labels import (
    Labelled,
    Selection,
    keep_selection,
    read_labels,
    remove_selection,
)


class _Asked(Record):
    """What the page wants to be kept."""

    name: str
    points: tuple[Annotated[int, Field(ge=0, strict=True)], ...]


class Selections:
    """The named selections of the points of an exploration, kept with the run of its first model.

    Parameters
    ----------
    exploration : Exploration
        What the page shows.
    """

    def __init__(self, exploration: Exploration) -> None:
        self._exploration = exploration
        self._run = exploration.runs[exploration.manifest.models[0].key]
        dataset = exploration.dataset
        self._data = Labelled(
            fingerprint=dataset.fingerprint,
            source=dataset.origin or dataset.name,
            count=len(dataset),
        )

    def read(self, name: str | None = None) -> Json | list[Json]:
        """Return all selections as names and points, or that of a name.

        Raises
        ------
        DataError
            If there is none of that name.
        RunError
            If the file of the run is damaged.
        """
        kept = read_labels(self._run).of(self._data.fingerprint) or self._data
        if name is None:
            return [self._shown(one) for one in kept.selections]
        selection = kept.get(name)
        if selection is None:
            raise unknown("selection", name, [one.name for one in kept.selections], DataError)
        return self._shown(selection)

    def keep(self, content: object, name: str | None = None) -> Json:
        """Keep a selection of ``{"name": ..., "points": [...]}``, in place of one of that name.

        Examples of that name which the page does not show keep it.

        Raises
        ------
        DataError
            If it is no selection of these points.
        RunError
            If it cannot be written.
        """
        try:
            asked = _Asked.model_validate(content)
            with self._run.owned("written"):
                selection = self._selection(asked)
                if name not in (None, selection.name):
                    raise DataError(
                        f"The selection is called {selection.name!r}", expected=f"{name!r}"
                    )
                keep_selection(self._run, self._data, selection)
        except ValidationError as error:
            raise DataError(
                f"That is no selection: {brief(error.errors()[0]['msg'])}",
                expected="a name, and the numbers of points",
            ) from error
        return self._shown(selection)

    def remove(self, name: str) -> None:
        """Remove a selection.

        Raises
        ------
        RunError
            If there is none of that name, or the file cannot be written.
        """
        remove_selection(self._run, name, self._data.fingerprint)

    def _selection(self, asked: _Asked) -> Selection:
        """Turn points into rows, and add those of the same name that are not shown."""
        count = len(self._exploration)
        points = sorted(set(asked.points))
        if not points or points[-1] >= count:
            raise DataError(
                f"The selection {brief(asked.name)!r} has {len(points)} points",
                expected=f"one at least, from 0 to {count - 1}",
            )
        index, names = self._exploration.index, self._exploration.manifest.names
        ids = {int(index[point]): names[point] if names else "" for point in points}
        shown = set(index.tolist())
        before = (read_labels(self._run).of(self._data.fingerprint) or self._data).get(asked.name)
        if before is not None:
            of_before = zip(before.rows, before.ids or [""] * len(before.rows), strict=True)
            ids |= {row: name for row, name in of_before if row not in shown}
        rows = tuple(sorted(ids))
        known = tuple(ids[row] for row in rows)
        return Selection(name=asked.name, rows=rows, ids=known if any(known) else None)

    def _shown(self, selection: Selection) -> Json:
        """Return a selection as the page has it: the points among its examples."""
        points = np.flatnonzero(np.isin(self._exploration.index, selection.rows))
        return {"name": selection.name, "points": points.tolist()}
