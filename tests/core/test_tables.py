import sys

import pytest

from latentscape.core.errors import ConfigError
from latentscape.core.tables import Column, Table, Tabular, flattened

ROWS = [
    {"of": "model", "mse": 0.5, "n": 3, "won": True},
    {"of": "PCA", "mse": None, "n": 4, "won": None, "ssim": 1},
]
TABLE = Table.of_rows("errors", ROWS, {"mse": "per pixel", "unused": "s"})


def test_rows_columns_and_units():
    assert len(TABLE) == 2
    assert TABLE["mse"] == (0.5, None)
    assert TABLE["ssim"] == (None, 1)
    assert list(TABLE) == [{**row, "ssim": row.get("ssim")} for row in ROWS]
    assert TABLE.units == {"mse": "per pixel"}
    with pytest.raises(KeyError, match="nothing"):
        TABLE["nothing"]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ((1, None), int),
        ((1, 2.5), float),
        ((True, False), bool),
        (("a", 1), str),
        ((None,), float),
        ((True, 1), str),
    ],
)
def test_a_column_has_one_type(values, type_):
    assert Column("x", values).type is type_


def test_a_table_says_in_a_line_what_it_holds():
    assert repr(TABLE) == "<Table errors: 2 rows of of, mse, n, won, ssim>"
    one = Table.of_rows("wide", [{str(i): i for i in range(20)}])
    assert repr(one) == "<Table wide: 1 row of 0, 1, 2, 3, 4, 5, 6, 7, ...>"
    assert repr(Table("nothing", ())) == "<Table nothing: 0 rows of >"
    assert list(Table("nothing", ())) == []


def test_a_printed_table_has_all_of_it():
    assert str(TABLE).splitlines() == [
        "errors",
        "of        mse  n  won  ssim",
        "model  0.5000  3  yes     –",
        "PCA         –  4    –     1",
    ]
    assert str(Table("nothing", ())) == "nothing"


def test_arrow_has_types_and_units():
    arrow = TABLE.to_arrow()
    assert [str(field.type) for field in arrow.schema] == [
        "string",
        "double",
        "int64",
        "bool",
        "int64",
    ]
    assert arrow.schema.field("mse").metadata == {b"unit": b"per pixel"}
    assert arrow.schema.field("n").metadata is None
    assert arrow.to_pylist() == list(TABLE)


def test_pandas_has_types_and_units():
    frame = TABLE.to_pandas()
    assert list(frame.columns) == ["of", "mse", "n", "won", "ssim"]
    assert frame["mse"].isna().tolist() == [False, True]
    assert frame["n"].tolist() == [3, 4]
    assert frame.attrs["units"] == {"mse": "per pixel"}


def test_polars_has_types():
    frame = TABLE.to_polars()
    assert frame.to_dicts() == list(TABLE)
    assert frame["n"].sum() == 7


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_data_frame_of_a_package_that_is_missing(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"pip install 'latentscape\[{package}\]'"):
        getattr(TABLE, f"to_{package}")()


def test_what_can_be_read_as_a_table():
    class Numbers(Tabular):
        table = TABLE

    assert Numbers().to_arrow() == TABLE.to_arrow()
    assert Numbers().to_pandas().equals(TABLE.to_pandas())
    assert Numbers().to_polars().equals(TABLE.to_polars())


def test_nested_json_is_flattened():
    content = {"epoch": 1, "train": {"loss": 2.0, "terms": {"rate": 3.0}}, "validation": None}
    assert flattened(content) == {"epoch": 1, "train_loss": 2.0, "train_terms_rate": 3.0}
