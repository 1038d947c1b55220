"""Named selections of examples, which a person made in the explorer and keeps with the run.

They stand in ``labels.json`` of the run: for each dataset, which names which of its examples have.
Nothing that is measured anew touches that file.
"""

import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from latentscape.core.errors import RunError, unknown
from latentscape.core.files import write_text
from latentscape.core.findings import Record, check_lengths, to_json
from latentscape.core.names import check_printable
from latentscape.runs import Run
from latentscape.runs.reading import check_schema, make_record, read_json

SCHEMA = 1
"""Version of the file; newer ones are refused."""

MAX_NAME = 100
"""Most characters of a name."""

MAX_SELECTIONS = 1000
"""Most names of a dataset."""

_FIX = "Put it back as it was written, or remove it: then no selection is kept."


def _checked_name(name: str) -> str:
    if check_printable(name) != name.strip() or not name:
        raise ValueError(f"the name {name!r} is empty, or begins or ends with a space")
    return name


class Selection(Record):
    """Examples that a person gave a name.

    Attributes
    ----------
    name : str
        One line of text.
    rows : tuple of int
        Which examples of the dataset, from 0, in ascending order.
    ids : tuple of str or None
        Names of their files, or their ids, where there are any.
    """

    name: Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_checked_name)]
    rows: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    ids: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(row >= after for row, after in zip(self.rows, self.rows[1:], strict=False)):
            raise ValueError("the rows are not in ascending order")
        if self.ids is not None:
            check_lengths(rows=len(self.rows), ids=len(self.ids))
        return self


class Labelled(Record):
    """A dataset, and the selections of its examples.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of the dataset.
    source : str
        Its name, or where it was.
    count : int
        How many examples it has.
    selections : tuple of Selection
        By name.
    """

    fingerprint: str
    source: str
    count: int = Field(ge=1)
    selections: tuple[Selection, ...] = Field((), max_length=MAX_SELECTIONS)

    @field_validator("selections")
    @classmethod
    def _ordered(cls, selections: tuple[Selection, ...]) -> tuple[Selection, ...]:
        if len({one.name for one in selections}) < len(selections):
            raise ValueError("two selections have the same name")
        return tuple(sorted(selections, key=lambda one: one.name))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(one.rows[-1] >= self.count for one in self.selections):
            raise ValueError(f"a selection names an example beyond the last of {self.count}")
        return self

    def get(self, name: str) -> Selection | None:
        """Return the selection of a name; None where there is none."""
        return next((one for one in self.selections if one.name == name), None)

    def having(self, *selections: Selection) -> "Labelled":
        """Return the dataset with other selections."""
        return Labelled(
            fingerprint=self.fingerprint,
            source=self.source,
            count=self.count,
            selections=selections,
        )

    def without(self, name: str) -> "Labelled":
        """Return the dataset without the selection of a name."""
        return self.having(*(one for one in self.selections if one.name != name))


class Labels(Record):
    """All selections that a run keeps.

    Attributes
    ----------
    datasets : tuple of Labelled
        Those of the run's own data, and of other data that were looked at.
    """

    datasets: tuple[Labelled, ...] = ()

    def of(self, fingerprint: str) -> Labelled | None:
        """Return the selections of a dataset; None where there are none."""
        return next((one for one in self.datasets if one.fingerprint == fingerprint), None)


def label_file(run: Run) -> Path:
    """Return the file of the selections of a run, whether it exists or not."""
    return run.path / "labels.json"


def read_labels(run: Run) -> Labels:
    """Read the selections that a run keeps.

    Raises
    ------
    RunError
        If the file is damaged, or of a newer version.
    """
    file = label_file(run)
    if not file.exists():
        return Labels()
    values = read_json(file, {"datasets": list}, _FIX)
    check_schema(file, values.pop("schema", None), SCHEMA)
    return make_record(file, Labels, values, _FIX)


def keep_selection(run: Run, data: Labelled, selection: Selection) -> None:
    """Keep a selection with a run, in place of one of the same name.

    Parameters
    ----------
    run : Run
        The run.
    data : Labelled
        The dataset; its selections do not count.
    selection : Selection
        Of its examples.

    Raises
    ------
    RunError
        If the file is damaged or cannot be written, there are too many selections, or another
        process owns the run.
    """
    with run.owned("written"):
        labels = read_labels(run)
        others = (labels.of(data.fingerprint) or data).without(selection.name)
        if len(others.selections) == MAX_SELECTIONS:
            raise RunError(
                f"{run.name} keeps {MAX_SELECTIONS:,} selections of these data already",
                fix="Remove some first.",
            )
        _write(run, labels, others.having(*others.selections, selection))


def remove_selection(run: Run, name: str, fingerprint: str | None = None) -> None:
    """Remove a selection from those that a run keeps.

    Parameters
    ----------
    run : Run
        The run.
    name : str
        Of the selection.
    fingerprint : str, optional
        That of the dataset; by default the selections of all datasets count.

    Raises
    ------
    RunError
        If there is none of that name; and as for `keep_selection`.
    """
    with run.owned("written"):
        labels = read_labels(run)
        owners = [one for one in labels.datasets if fingerprint in (None, one.fingerprint)]
        if not any(one.get(name) for one in owners):
            known = [other.name for one in owners for other in one.selections]
            raise unknown(f"selection of {run.name}", name, known, RunError)
        for data in owners:
            labels = _write(run, labels, data.without(name))


def _write(run: Run, labels: Labels, data: Labelled) -> Labels:
    """Write the file with one of its datasets changed; one without selections goes."""
    others = [one for one in labels.datasets if one.fingerprint != data.fingerprint]
    changed = Labels(datasets=(*others, *((data,) if data.selections else ())))
    text = json.dumps({"schema": SCHEMA, **to_json(changed)}, ensure_ascii=False)
    write_text(label_file(run), text + "\n")
    return changed
