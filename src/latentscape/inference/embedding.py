"""Embedding: the codes of any number of examples, from data of any format into one file."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib.format import write_array_header_1_0

from latentscape.config import Changes, Placement
from latentscape.config.parts import EngineName
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.files import harmless, write_atomic
from latentscape.core.progress import stage
from latentscape.core.records import Array
from latentscape.core.urls import refuse_url
from latentscape.data import Stream
from latentscape.inference.encoding import Coded, encoding
from latentscape.inference.inputs import conversions, stream_inputs
from latentscape.runs import Run, read_model

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 4 << 20
"""Bytes of examples, as float32, that are read at once."""

_ROW_GROUP = 4 << 20
"""Bytes that Parquet keeps together."""


@dataclass(frozen=True)
class Embedded:
    """What has been embedded, and where the codes are.

    Attributes
    ----------
    file : Path
        The codes.
    ids : Path or None
        What goes along with them, where `file` cannot hold it.
    count : int
        How many examples there were.
    dim : int
        Numbers in a code.
    seconds : float
        From the opening of the data to the finished file.
    """

    file: Path
    ids: Path | None
    count: int
    dim: int
    seconds: float


def embed(
    run: str | Path | Run,
    data: object,
    out: str | Path,
    *,
    changes: Changes | None = None,
    device: str = "auto",
    engine: EngineName = "auto",
    on: str = "local",
    gpus_per_worker: float = 0.0,
) -> Embedded:
    """Encode all examples of a source, and write their codes to a file.

    Codes are the means of the posterior: nothing is drawn, and the same data give the same file.
    Data and codes pass through memory in chunks, so that there may be any number of them. What the
    source says of its examples goes along: names of image files, labels, columns that are no
    values.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run, or a model file.
    data : str, Path or data in memory
        Name or path of the examples, or a dataset in memory.
    out : str or Path
        The file to write, or to replace once the new one is whole. ``.npy`` holds the codes
        (n, latent_dim) of float32; what goes along stands in ``.ids.csv`` beside it. ``.parquet``
        and ``.csv`` hold a column ``id`` (name of the file, or number of the example, from 0), what
        else goes along, and ``z0``, ``z1``, ...
    changes : mapping, optional
        Settings of the data: ``labels``, ``shape``, ``range``, ``resize``, ``grey``; by default the
        last two are those of the training data.
    device : str
        As for `train`.
    engine : str
        ``auto`` encodes the fast way, ``plain`` by the network itself; codes differ by rounding.
    on : str
        Where examples are encoded: ``local``; ``ray``, a Ray cluster; or ``ray://HOST:PORT``. Nodes
        read images and .npy files themselves, a range of examples in each task, at the path that is
        given or from its URL. Tables, other archives and data in memory are sent to them. This
        process writes the codes in their order.
    gpus_per_worker : float
        GPUs that each task on a cluster asks for; 0.25 lets four share one.

    Returns
    -------
    Embedded
        Files, counts and seconds.

    Raises
    ------
    ConfigError
        If the file has another ending, or the model needs labels and the data have none.
    DataError
        If the data cannot be read, do not fit the model, have values that it was not trained on, or
        go with what the file cannot hold.
    RunError
        If the run is not finished or damaged, or the file cannot be written.
    """
    file = _checked(Path(out), data)
    model = read_model(run.path if isinstance(run, Run) else run)
    size = max(1, _CHUNK // (4 * math.prod(model.network.input_shape)))
    begun = time.perf_counter()
    stream = stream_inputs(model.network, data, size, conversions(model.recipe, changes))
    placement = Placement.of(on, gpus_per_worker=gpus_per_worker)
    with encoding(model, stream, device, engine, placement) as coded:
        parts = _Parts(stream, coded)
        ids = _WRITERS[file.suffix.lower()](file, parts)
    return Embedded(file, ids, parts.count, model.network.latent_dim, time.perf_counter() - begun)


def _checked(out: Path, data: object) -> Path:
    """Refuse what cannot or should not be written, before anything is computed."""
    refuse_url(out, "The codes")
    if out.suffix.lower() not in _WRITERS or out.is_dir():
        raise ConfigError(
            f"The codes cannot be written to {out}",
            expected="a file whose name ends in .npy, .parquet or .csv",
        )
    if isinstance(data, str | Path) and out.exists() and Path(data).exists() and out.samefile(data):
        raise ConfigError(f"The codes would replace the data, {out}", fix="Give another --out.")
    return out


@dataclass(frozen=True, eq=False)
class _Part:
    """Codes (B, latent_dim) of the examples number `first` and following; B rows beside them."""

    first: int
    codes: Array
    metadata: "pa.Table | None"

    def ids(self) -> "pa.Table":
        """Return what goes along, a column ``id`` included."""
        import pyarrow as pa

        numbers = pa.table({"id": np.arange(self.first, self.first + len(self.codes))})
        if self.metadata is None:
            return numbers
        if "id" in self.metadata.column_names:
            return self.metadata
        return self.metadata.add_column(0, "id", numbers.column("id"))

    def table(self) -> "pa.Table":
        """Return what goes along, and the codes in a column for each dimension."""
        table = self.ids()
        for dimension, column in enumerate(self.codes.T):
            if f"z{dimension}" in table.column_names:
                raise DataError(
                    f"The data have a column z{dimension}, as the codes shall have",
                    fix="Rename it, or write the codes to a .npy file.",
                )
            table = table.append_column(f"z{dimension}", [column])
        return table


class _Parts:
    """The codes of a stream, to be gone through once."""

    def __init__(self, stream: Stream, coded: Iterator[Coded]) -> None:
        self._stream, self._coded = stream, coded
        self.count = 0

    def __iter__(self) -> Iterator[_Part]:
        with stage("embedding", self._stream.count, detail=self._stream.name) as work:
            for codes, metadata in self._coded:
                work.advance(len(codes))
                yield _Part(self.count, codes, metadata)
                self.count += len(codes)
        if not self.count:
            raise DataError(f"{self._stream.name} holds no examples")


def _write_npy(file: Path, parts: Iterable[_Part]) -> Path | None:
    """Write codes as an array, and what goes along with them, if anything, to a table beside it."""
    remaining = iter(parts)
    first = next(remaining)
    whole, ids = chain([first], remaining), file.with_suffix(".ids.csv")
    if first.metadata is None:
        write_atomic(file, lambda at: _write_array(at, (part.codes for part in whole)))
        with suppress(OSError):  # It belongs to codes that stood here before.
            ids.unlink(missing_ok=True)
        return None
    write_atomic(
        ids, lambda beside: write_atomic(file, lambda at: _write_array(at, _noted(whole, beside)))
    )
    return ids


def _write_array(path: Path, arrays: Iterator[Array]) -> None:
    first = next(arrays)
    count, dim = 0, first.shape[1]
    with path.open("wb") as file:
        _write_header(file, count, dim)
        for array in chain([first], arrays):
            file.write(array.astype("<f4", copy=False).data)
            count += len(array)
        file.seek(0)
        _write_header(file, count, dim)


def _write_header(file: BinaryIO, count: int, dim: int) -> None:
    """Write the header of a .npy file: as long for any count, so that it can be written again."""
    about = {"descr": "<f4", "fortran_order": False, "shape": (count, dim)}
    write_array_header_1_0(file, about)


def _noted(parts: Iterable[_Part], path: Path) -> Iterator[Array]:
    """Pass codes on while what goes along with them is written to a table."""
    with _table_file(path) as write:
        for part in parts:
            write(part.ids())
            yield part.codes


def _write_table(file: Path, parts: Iterable[_Part]) -> None:
    """Write codes and what goes along with them to a table."""
    write_atomic(file, lambda at: _write_tables(at, (part.table() for part in parts)))


def _write_tables(path: Path, tables: Iterable["pa.Table"]) -> None:
    import pyarrow as pa

    waiting: list[pa.Table] = []
    with _table_file(path) as write:
        for table in tables:
            waiting.append(table)
            if sum(part.nbytes for part in waiting) > _ROW_GROUP:
                write(pa.concat_tables(waiting))
                waiting.clear()
        if waiting:
            write(pa.concat_tables(waiting))


@contextmanager
def _table_file(path: Path) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a table to be written, Parquet or CSV, whose columns are those of its first rows."""
    import pyarrow as pa
    from pyarrow import csv

    is_csv = path.suffix.lower() == ".csv"
    open_table = csv.CSVWriter if is_csv else _open_parquet
    writer: Any = None

    def write(rows: "pa.Table") -> None:
        nonlocal writer
        rows = _harmless(rows) if is_csv else rows
        if writer is None:
            writer = closing.enter_context(open_table(file, rows.schema))
        writer.write_table(rows)

    try:
        with path.open("wb") as file, ExitStack() as closing:
            yield write
    except pa.ArrowException as error:
        raise DataError(
            f"What goes along with the examples cannot be written as {path.suffix}: {error}",
            fix="Write a .parquet file, which holds every type.",
        ) from error


def _harmless(rows: "pa.Table") -> "pa.Table":
    """Keep a spreadsheet from running texts as formulas; see `harmless`."""
    import pyarrow as pa

    columns = []
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            texts = [text if text is None else harmless(text) for text in column.to_pylist()]
            column = pa.array(texts, field.type)
        columns.append(column)
    return pa.table(columns, [harmless(name) for name in rows.column_names])


def _open_parquet(file: BinaryIO, schema: "pa.Schema") -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    # No two numbers of codes are alike: looking each up in a dictionary takes time and memory.
    others = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return parquet.ParquetWriter(file, schema, use_dictionary=others)


_WRITERS: dict[str, Callable[[Path, Iterable[_Part]], Path | None]] = {
    ".npy": _write_npy,
    ".parquet": _write_table,
    ".csv": _write_table,
}
