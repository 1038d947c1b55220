"""Tables of numbers with names and units, for pandas, Polars and Arrow."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from latentscape.core.doors import Displayed
from latentscape.core.extras import require
from latentscape.core.findings import Json, Scalar
from latentscape.core.units import count, number

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Value = Scalar | None
"""What a cell holds; None where there is nothing."""

_TYPES: dict[type[Scalar], str] = {bool: "bool", int: "int64", float: "float64", str: "string"}
"""Type of a column, and what Arrow calls it."""

_NAMED = 8
"""Columns that a short text names."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Its name in data frames: ``validation_mse``.
    values : tuple
        Its cells; None where there is nothing.
    unit : str
        What numbers are counted in: ``per pixel``.
    """

    name: str
    values: tuple[Value, ...]
    unit: str = ""

    @property
    def type(self) -> type[Scalar]:
        """The type of all cells: bool, int, float or str."""
        types = {type(value) for value in self.values if value is not None}
        if types == {int, float} or not types:
            return float
        return types.pop() if len(types) == 1 else str


@dataclass(frozen=True)
class Table(Displayed):
    """Rows and columns, in the order in which people read them.

    ``len`` counts rows, iteration yields them as dictionaries, and ``table["mse"]`` is a column.

    Attributes
    ----------
    title : str
        What it is a table of.
    columns : tuple of Column
        All of the same length.
    """

    title: str
    columns: tuple[Column, ...]

    @classmethod
    def of_rows(
        cls, title: str, rows: Iterable[Mapping[str, Value]], units: Mapping[str, str] | None = None
    ) -> Self:
        """Make a table of rows, whose columns are all names that any row has."""
        rows = list(rows)
        names = dict.fromkeys(name for row in rows for name in row)
        units = units or {}
        columns = (
            Column(name, tuple(row.get(name) for row in rows), units.get(name, ""))
            for name in names
        )
        return cls(title, tuple(columns))

    @property
    def units(self) -> dict[str, str]:
        """Units by the names of columns, of those that have one."""
        return {column.name: column.unit for column in self.columns if column.unit}

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def __iter__(self) -> Iterator[dict[str, Value]]:
        names = [column.name for column in self.columns]
        for values in zip(*(column.values for column in self.columns), strict=True):
            yield dict(zip(names, values, strict=True))

    def __getitem__(self, name: str) -> tuple[Value, ...]:
        return {column.name: column.values for column in self.columns}[name]

    def __repr__(self) -> str:
        names = [column.name for column in self.columns]
        more = ", ..." if len(names) > _NAMED else ""
        rows = f"{len(self):,} row{'' if len(self) == 1 else 's'}"
        return f"<Table {self.title}: {rows} of {', '.join(names[:_NAMED])}{more}>"

    def __str__(self) -> str:
        """Write all of it, column by column: names to the left, numbers to the right."""
        columns = [[column.name, *map(written, column.values)] for column in self.columns]
        widths = [max(map(len, cells)) for cells in columns]
        lines = [
            "  ".join(
                cell.ljust(width) if column.type is str else cell.rjust(width)
                for cell, width, column in zip(cells, widths, self.columns, strict=True)
            )
            for cells in zip(*columns, strict=True)
        ]
        return "\n".join(line.rstrip() for line in [self.title, *lines])

    def to_arrow(self) -> "pyarrow.Table":
        """Return the table as one of PyArrow; fields carry their unit as metadata."""
        import pyarrow as pa

        fields = [
            pa.field(c.name, _TYPES[c.type], metadata={"unit": c.unit} if c.unit else None)
            for c in self.columns
        ]
        values = [list(_cast(column)) for column in self.columns]
        return pa.table(values, schema=pa.schema(fields))

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the table as a data frame of pandas; ``attrs["units"]`` has the units.

        Raises
        ------
        ConfigError
            If pandas is not installed.
        """
        require("pandas", "pandas", "A data frame of pandas")
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        frame.attrs["units"] = self.units
        return frame

    def to_polars(self) -> "polars.DataFrame":
        """Return the table as a data frame of Polars.

        Raises
        ------
        ConfigError
            If Polars is not installed.
        """
        package = require("polars", "polars", "A data frame of Polars")
        frame: polars.DataFrame = package.from_arrow(self.to_arrow())
        return frame


class Tabular:
    """What can be read as a table."""

    @property
    def table(self) -> Table:
        """The numbers, with names and units."""
        raise NotImplementedError

    def to_arrow(self) -> "pyarrow.Table":
        """Return `table` as one of PyArrow; see `Table.to_arrow`."""
        return self.table.to_arrow()

    def to_pandas(self) -> "pandas.DataFrame":
        """Return `table` as a data frame of pandas; see `Table.to_pandas`."""
        return self.table.to_pandas()

    def to_polars(self) -> "polars.DataFrame":
        """Return `table` as a data frame of Polars; see `Table.to_polars`."""
        return self.table.to_polars()


def written(value: Value) -> str:
    """Write a cell for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    return value if isinstance(value, str) else number(value)


def flattened(content: Json, prefix: str = "") -> dict[str, Value]:
    """Join the keys of nested JSON, as in ``train_loss``; what is None is left out."""
    row: dict[str, Value] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            row |= flattened(value, f"{prefix}{key}_")
        elif value is not None:
            row[f"{prefix}{key}"] = value
    return row


def _cast(column: Column) -> Iterator[Value]:
    """Give all cells the type of their column."""
    for value in column.values:
        yield value if value is None else column.type(value)
