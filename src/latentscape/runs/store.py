"""The parts of the findings: each in files of its own, written whole or not at all.

::

    findings/<part>.json         facts, and the name of the file with their arrays
    findings/<part>-<id>.npz     arrays, where the part has any

The JSON file is what counts: it is renamed into place once its arrays stand, and it names them, the
run that was measured, and the checksum of all it says. So two commands that end at the same moment
lose nothing of each other.
"""

import io
import json
import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray

from latentscape.config import Recipe
from latentscape.core.errors import DataError, RunError
from latentscape.core.files import write_bytes, write_json
from latentscape.core.findings import Json, Part, drop_arrays, put_arrays, take_arrays
from latentscape.data.arrays import load_arrays
from latentscape.runs.migration import complete
from latentscape.runs.owner import owning
from latentscape.runs.reading import ALTERED, check_schema, damaged, make_record, read_json

SCHEMA = 2
"""Version of the files of findings; newer ones are refused."""

_FIX = "Measure it again: latentscape evaluate RUN, or latentscape analyze RUN."
_ATTEMPTS = 10
"""How often a part is read anew whose arrays another command has just replaced."""
_PROBE = 1 << 16
"""Bytes of an array that tell whether it is worth compressing."""

_P = TypeVar("_P", bound=Part)


def findings_folder(path: Path) -> Path:
    """Return the folder of the findings of a run or a study."""
    return path / "findings"


def part_file(path: Path, part: str) -> Path:
    """Return the JSON file of a part."""
    return findings_folder(path) / f"{part}.json"


def part_names(path: Path) -> tuple[str, ...]:
    """List the parts that a run or a study has files of."""
    files = findings_folder(path).glob("*.json")
    # A name with a dot belongs to a file that is being written.
    return tuple(sorted(file.stem for file in files if not file.name.startswith(".")))


def write_part(path: Path, part: Part, run: str | None = None) -> None:
    """Write a part of the findings of a run or a study, in place of what stood there.

    Parameters
    ----------
    path : Path
        Directory of the run or the study.
    part : Part
        What was measured.
    run : str, optional
        Identity of the run that was measured.

    Raises
    ------
    RunError
        If a file cannot be written. What stood there before still stands.
    """
    write_content(path, part.part, *take_arrays(part), run)


def write_content(
    path: Path,
    part: str,
    content: Json,
    arrays: Mapping[str, NDArray[Any]],
    run: str | None = None,
) -> None:
    """Write the content of a part, in which names stand for arrays; see `write_part`."""
    file, name = part_file(path, part), f"{part}-{uuid4().hex[:8]}.npz" if arrays else None
    values = {"schema": SCHEMA, "run": run, "arrays": name, "content": content}
    with owning(path, "written"):
        if name:
            write_bytes(file.with_name(name), _packed(arrays))
        write_json(file, {**values, "sha256": _checksum(values)})
        _remove_arrays(file, name)


def read_part(
    path: Path, kind: type[_P], recipe: Recipe | None = None, run: str | None = None
) -> _P | None:
    """Read a part of the findings; None where it has not been measured.

    Parameters
    ----------
    path : Path
        Directory of a run or a study.
    kind : type
        That of the part.
    recipe : Recipe, optional
        That of the run: completes what an earlier version has written.
    run : str, optional
        Identity of the run that must have been measured.

    Raises
    ------
    RunError
        If a file is damaged, or of a newer version: with the field that is wrong, and what to do.
        If another run was measured.
    """
    file = part_file(path, kind.part)
    if not file.exists():
        return None
    for _ in range(_ATTEMPTS):
        values = _read_values(file, run)
        name = values["arrays"]
        arrays = None if name is None else file.parent / Path(name).name
        with suppress(FileNotFoundError):
            content = values["content"]
            if recipe is not None:
                content = complete(kind.part, content, recipe)
            return make_part(file, kind, content, _read_arrays(arrays))
    raise damaged(file, f"its arrays are missing: {arrays}", _FIX)


def read_contents(path: Path, recipe: Recipe, run: str | None = None) -> dict[str, Json]:
    """Return the facts of every part, whoever has written it, without arrays; see `read_part`."""
    values = {part: _read_values(part_file(path, part), run) for part in part_names(path)}
    return {
        part: drop_arrays(complete(part, value["content"], recipe))
        for part, value in values.items()
    }


def make_part(file: Path, kind: type[_P], content: Json, arrays: Mapping[str, NDArray[Any]]) -> _P:
    """Make a part of the content of its files.

    Raises
    ------
    RunError
        If it does not fit: with the file, the field and what to do.
    """
    try:
        whole = put_arrays(dict(content), arrays)
    except ValueError as error:
        raise damaged(file, error, _FIX) from error
    return make_record(file, kind, whole, _FIX)


def _read_values(file: Path, run: str | None) -> Json:
    """Read the JSON file of a part, and check that it is whole, and of the run."""
    values = read_json(file, {"arrays": str | None, "content": dict}, _FIX)
    check_schema(file, values.get("schema"), SCHEMA)
    # Up to 0.2.0 a part had neither a checksum nor the identity of its run.
    if "sha256" in values and values.pop("sha256") != _checksum(values):
        raise damaged(file, ALTERED, _FIX)
    if run is not None and values.get("run") not in (None, run):
        raise RunError(f"{file} was measured of another run than this one", fix=_FIX)
    return values


def _checksum(values: Json) -> str:
    """SHA-256 over all other values of a part, as JSON holds them."""
    parsed = json.loads(json.dumps(values))
    return sha256(json.dumps(parsed, sort_keys=True).encode()).hexdigest()


def _remove_arrays(file: Path, current: str | None) -> None:
    """Remove the arrays of a part but those that it names: of before, or of a killed process."""
    of_part = re.compile(re.escape(file.stem) + r"-[0-9a-f]{8}\.npz")
    for other in file.parent.iterdir():
        if other.name != current and of_part.fullmatch(other.name):
            with suppress(OSError):
                other.unlink()


def _packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Write arrays as ``np.savez`` does, those compressed whose beginning shrinks by a fifth.

    Codes and pictures are floats that hardly shrink: deflating them took most of the time.
    """
    whole = io.BytesIO()
    with ZipFile(whole, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array), allow_pickle=False)
            beginning = bytes(content.getbuffer()[:_PROBE])
            shrinks = len(zlib.compress(beginning, 1)) < 0.8 * len(beginning)
            method = ZIP_DEFLATED if shrinks else ZIP_STORED
            archive.writestr(f"{name}.npy", content.getbuffer(), method)
    return whole.getvalue()


def _read_arrays(file: Path | None) -> dict[str, NDArray[Any]]:
    """Read a file of arrays.

    Raises
    ------
    FileNotFoundError
        If it is no longer there.
    """
    if file is None:
        return {}
    try:
        return load_arrays(file)
    except DataError as error:
        if not file.exists():
            raise FileNotFoundError(str(file)) from error
        raise RunError(str(error), fix=_FIX) from error
