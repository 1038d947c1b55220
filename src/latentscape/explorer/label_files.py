"""Selections written to a file that ``--labels`` takes back."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentscape.core.errors import ConfigError, RunError, unknown
from latentscape.core.files import write_bytes, write_csv
from latentscape.data import INSTEAD, RowLabels, find_row_labels, is_label_file, stream_data
from latentscape.explorer.labels import Labelled, Labels
from latentscape.inference.inputs import conversions
from latentscape.runs import Run

_CHUNK = 1000


def write_labels(run: Run, data: Labelled, file: Path, dataset: object = None) -> None:
    """Write which example has which name; examples without a name are left out.

    A .csv file has the columns ``row`` (from 0), ``id`` where examples have names of files or ids,
    and ``label``. A .npy file holds a text for each example, empty where it has no name.

    Parameters
    ----------
    run : Run
        That keeps the selections.
    data : Labelled
        The selections of a dataset.
    file : Path
        Where to write.
    dataset : str or Path, optional
        Where the data of the run are, if they have moved.

    Raises
    ------
    ConfigError
        If the name of the file ends otherwise.
    RunError
        If an example has two names, or the file cannot be written.
    """
    names = _names_of(data)
    own = data.fingerprint == run.data.fingerprint
    before = _labelled_before(run) if own else None
    if file.suffix.lower() == ".csv":
        _write_table(run, file, names, data, before, dataset)
    elif file.suffix.lower() == ".npy" and before is None:
        texts = np.array([names.get(row, "") for row in range(data.count)])
        buffer = io.BytesIO()
        np.save(buffer, texts, allow_pickle=False)
        write_bytes(file, buffer.getvalue())
    else:
        raise ConfigError(
            f"Labels cannot be written to {file}",
            expected="a file whose name ends in .csv"
            + ("" if before else ", or in .npy for a text for each example"),
        )


def choose_data(run: Run, labels: Labels, data: str | None = None) -> Labelled:
    """Return the selections of the run's own data, or of other data by their name.

    Raises
    ------
    RunError
        If there are none, or of several data none of which is the run's own.
    """
    if data is not None:
        by_name = {one.source: one for one in labels.datasets}
        if data not in by_name:
            raise unknown("dataset with selections", data, by_name, RunError)
        return by_name[data]
    own = labels.of(run.data.fingerprint)
    if own is not None:
        return own
    sources = [one.source for one in labels.datasets]
    if len(sources) == 1:
        return labels.datasets[0]
    raise RunError(
        f"{run.name} keeps no selections of its own data",
        fix=f"Say of which: --data {' or --data '.join(sources)}."
        if sources
        else f"Select and name some examples with: latentscape explore {run.path}",
    )


def _names_of(data: Labelled) -> dict[int, str]:
    """Return the name of each example that has one; refuse those that have two."""
    names: dict[int, str] = {}
    for selection in data.selections:
        for row in selection.rows:
            if row in names:
                raise RunError(
                    f"Example {row} is in two selections, {names[row]!r} and {selection.name!r}",
                    expected="one name for an example, so that it can be its label",
                    fix="Take it out of one of them, or remove one: --remove NAME.",
                )
            names[row] = selection.name
    return names


def _labelled_before(run: Run) -> RowLabels | None:
    """Return the labels by row that the data of a run were read with, where they were."""
    origin = Path(run.data.origin) if run.data.origin else None
    return find_row_labels(run.recipe.data.labels, origin)


def _write_table(
    run: Run,
    file: Path,
    names: dict[int, str],
    data: Labelled,
    before: RowLabels | None,
    dataset: object,
) -> None:
    rows = sorted(names)
    ids = _kept_ids(data) or _read_ids(run, data, dataset)
    columns: dict[str, Sequence[object]] = {
        "row": rows if before is None else [int(before.rows[row]) for row in rows]
    }
    if ids:
        columns["id"] = [ids[row] for row in rows]
    columns["label"] = [names[row] for row in rows]
    setting = run.recipe.data.labels if before is None else before.instead
    own = data.fingerprint == run.data.fingerprint
    if own and setting and not is_label_file(setting):
        columns[f"{INSTEAD}{setting}"] = [""] * len(rows)
    write_csv(file, tuple(columns), list(zip(*columns.values(), strict=True)))


def _kept_ids(data: Labelled) -> dict[int, str] | None:
    """Return the ids that selections were kept with, by row; None unless all have them."""
    if any(one.ids is None for one in data.selections):
        return None
    return {
        row: name
        for one in data.selections
        for row, name in zip(one.rows, one.ids or (), strict=True)
    }


def _read_ids(run: Run, data: Labelled, dataset: object) -> list[str] | None:
    """Read the names of files from the data, where these are files; None without any."""
    is_own = data.fingerprint == run.data.fingerprint
    place = Path(str(dataset or (run.data.origin if is_own else data.source)))
    if not place.is_dir():
        return None
    recipe, ids = run.recipe, list[str]()
    changes = {**conversions(recipe, None), "labels": recipe.data.labels if is_own else None}
    for chunk in stream_data(place, run.data.shape, _CHUNK, changes=changes).chunks:
        table = chunk.metadata
        if table is None or "id" not in table.column_names:
            return None
        ids += map(str, table.column("id").to_pylist())
    if len(ids) != data.count:
        raise RunError(
            f"{place} holds {len(ids):,} examples by now", expected=f"{data.count:,}, as before"
        )
    return ids
