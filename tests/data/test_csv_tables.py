import gzip
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import load_dataset, stream_data


def load(path: Path, content: str | bytes, **settings: object) -> Dataset:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_dataset(DataConfig(source=str(path), **settings))


def table(columns: list[str] | None, rows: np.ndarray, delimiter: str = ",") -> str:
    lines = [delimiter.join(columns)] if columns else []
    return "\n".join([*lines, *(delimiter.join(map(str, row)) for row in rows), ""])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.csv"


@pytest.fixture
def pixels() -> list[str]:
    return [f"pixel{index}" for index in range(64)]


@pytest.fixture
def rows(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (30, 65): label and pixels."""
    return np.column_stack([labels, images.reshape(30, 64)])


def test_kaggle_training_table(path: Path, pixels: list[str], rows: np.ndarray) -> None:
    dataset = load(path, table(["label", *pixels], rows))
    assert dataset.images.dtype == np.uint8
    assert dataset.value_range == (0, 16)
    np.testing.assert_array_equal(dataset.images, rows[:, 1:].reshape(-1, 1, 8, 8))
    np.testing.assert_array_equal(dataset.labels, rows[:, 0])
    assert dataset.label_names == tuple("0123456789")


def test_kaggle_test_table(path: Path, pixels: list[str], rows: np.ndarray) -> None:
    dataset = load(path, table(pixels, rows[:, 1:]))
    assert dataset.labels is None
    assert dataset.shape == (1, 8, 8)


def test_real_digits_as_kaggle_writes_them(path: Path) -> None:
    mnist = load_dataset(DataConfig(source="mnist-5k"))
    rows = np.column_stack([mnist.labels[:500], mnist.images[:500].reshape(-1, 784)])
    dataset = load(path, table(["label", *(f"pixel{index}" for index in range(784))], rows))
    np.testing.assert_array_equal(dataset.images, mnist.images[:500])
    np.testing.assert_array_equal(dataset.labels, mnist.labels[:500])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_dialects(
    path: Path, pixels: list[str], rows: np.ndarray, delimiter: str, newline: str, start: str
) -> None:
    text = start + table(["label", *pixels], rows, delimiter).replace("\n", newline)
    dataset = load(path, text)
    np.testing.assert_array_equal(np.asarray(dataset.images).reshape(-1, 64), rows[:, 1:])
    assert dataset.labels is not None


def test_gzipped(tmp_path: Path, pixels: list[str], rows: np.ndarray) -> None:
    dataset = load(tmp_path / "train.csv.gz", gzip.compress(table(pixels, rows[:, 1:]).encode()))
    assert (dataset.name, dataset.shape) == ("train", (1, 8, 8))


def test_quotes_spaces_blank_lines_and_no_newline_at_the_end(path: Path) -> None:
    dataset = load(path, '"a", "label", b\n1,"x",2\n\n 3,y, 4')
    np.testing.assert_array_equal(dataset.images, [[1, 2], [3, 4]])
    assert dataset.label_names == ("x", "y")


def test_rows_and_columns_as_pixel_names(path: Path) -> None:
    dataset = load(path, "label,1x1,1x2,2x1,2x2\n7,1,2,3,4\n8,5,6,7,255\n")
    np.testing.assert_array_equal(dataset.images[0, 0], [[1, 2], [3, 4]])


def test_row_numbers_of_pandas_are_no_values(path: Path) -> None:
    assert load(path, ",a,b\n0,5,6\n1,7,8\n").shape == (2,)


def test_other_columns_beside_pixels_are_no_values(path: Path) -> None:
    dataset = load(path, "id,pixel0,class\nfirst,5,cat\nsecond,255,dog\n", labels="class")
    np.testing.assert_array_equal(dataset.images, [[[[5]]], [[[255]]]])
    assert dataset.label_names == ("cat", "dog")


@pytest.mark.parametrize("target", ["target", "class", "Label", "labels"])
def test_a_target_beside_numbered_columns_is_the_label(path: Path, target: str) -> None:
    header = ",".join([*map(str, range(64)), target, "id"])
    rows = "".join(",".join([*["7"] * 63, "255", word, "5"]) + "\n" for word in ("cat", "dog"))
    dataset = load(path, f"{header}\n{rows}")
    assert (dataset.shape, dataset.label_names) == ((1, 8, 8), ("cat", "dog"))
    assert dataset.left_out == (LeftOut("column", ("id",), 1, "it counts or names the rows"),)


def test_a_column_beside_numbered_ones_is_no_value(path: Path) -> None:
    dataset = load(path, "0,1,2,score\n1,2,255,0.7\n4,5,6,0.2\n")
    assert np.asarray(dataset.images).tolist() == [[1, 2, 255], [4, 5, 6]]
    assert [(entry.kind, entry.names) for entry in dataset.left_out] == [("column", ("score",))]


@pytest.mark.parametrize("name", ["id", "ID", "Unnamed: 0", "index", ""])
def test_columns_that_count_rows_are_no_values(path: Path, name: str) -> None:
    dataset = load(path, f"{name},a,b\n7,1,2\n8,3,255\n")
    assert np.asarray(dataset.images).tolist() == [[1, 2], [3, 255]]
    assert [(entry.names, entry.count) for entry in dataset.left_out] == [((name,), 1)]


def test_a_first_line_that_counts_is_a_header(path: Path) -> None:
    header = ",".join(map(str, range(64)))
    dataset = load(path, f"{header}\n" + (",".join(["9"] * 63 + ["255"]) + "\n") * 2)
    assert (len(dataset), dataset.shape) == (2, (1, 8, 8))


def test_two_columns_that_may_be_the_label(path: Path) -> None:
    table = "target,label,a,b\n1,2,3,255\n2,1,4,5\n"
    with pytest.raises(DataError, match="Say --labels target or --labels label"):
        load(path, table)
    assert load(path, table, labels="target").images[:].tolist() == [
        [2, 3, 255],
        [1, 4, 5],
    ]


def test_vectors(path: Path) -> None:
    dataset = load(path, "a,b,c,d\n1,2,3,4\n5,6,7,8\n")
    np.testing.assert_array_equal(dataset.images, [[1, 2, 3, 4], [5, 6, 7, 8]])


@pytest.mark.parametrize(
    ("shape", "expected"), [((2, 3), (1, 2, 3)), ((3, 2, 1), (3, 2, 1)), ((6,), (6,))]
)
def test_shape(path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert load(path, "a,b,c,d,e,f\n1,2,3,4,5,6\n5,6,7,8,9,255\n", shape=shape).shape == expected


def test_shape_overrules_the_square(path: Path, pixels: list[str], rows: np.ndarray) -> None:
    assert load(path, table(pixels, rows[:, 1:]), shape=(4, 16)).shape == (1, 4, 16)


def test_shape_that_does_not_fit(path: Path) -> None:
    with pytest.raises(DataError, match="a shape of 3 values"):
        load(path, "a,b,c\n1,2,3\n4,5,6\n", shape=(2, 2))


def test_a_table_without_header(path: Path, rows: np.ndarray) -> None:
    dataset = load(path, table(None, rows), labels="0")
    np.testing.assert_array_equal(np.asarray(dataset.images).reshape(-1, 64), rows[:, 1:])
    np.testing.assert_array_equal(dataset.labels, rows[:, 0])
    assert dataset.shape == (1, 8, 8)


def test_a_table_without_header_may_have_labels_last(path: Path) -> None:
    assert load(path, "1,2,7\n3,4,8\n", labels="2").label_names == ("7", "8")


def test_what_looks_like_a_label_and_an_image_needs_a_word(path: Path, rows: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"no names of columns and 65 columns.*--labels 0"):
        load(path, table(None, rows))
    assert load(path, table(None, rows), shape=(65,)).shape == (65,)


def test_a_missing_label_column(path: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'lable'.*Did you mean 'Label'\?"):
        load(path, "Label,a\n1,2\n3,4\n", labels="lable")


def test_a_position_that_does_not_exist(path: Path) -> None:
    with pytest.raises(DataError, match="no column '5'.*one of its 2 columns"):
        load(path, "1,2\n3,4\n", labels="5")


def test_only_a_label(path: Path) -> None:
    with pytest.raises(DataError, match="no columns of values"):
        load(path, "label\n1\n2\n")


def test_labels_are_sorted_as_numbers_if_they_are(path: Path) -> None:
    dataset = load(path, "label,a\n10,1\n9,2\n-1,3\n")
    assert dataset.label_names == ("-1", "9", "10")
    assert dataset.labels.tolist() == [2, 1, 0]


def test_an_empty_label(path: Path) -> None:
    with pytest.raises(DataError, match=r"no label for 1 example.*number 1"):
        load(path, "label,a\n1,1\n,2\n")


@pytest.mark.parametrize(
    ("cell", "dtype", "value_range"),
    [
        ("200", np.uint8, (0, 255)),
        ("4095", np.float32, (0, 4095)),
        ("7", np.uint8, (0, 1)),
        ("-1", np.float32, (0, 1)),
        ("0.5", np.float32, (0, 1)),
    ],
)
def test_types(path: Path, cell: str, dtype: type, value_range: tuple[float, float]) -> None:
    dataset = load(path, f"a,b\n1,2\n3,{cell}\n")
    assert dataset.images.dtype == dtype
    assert dataset.images[1, 1] == float(cell)
    assert dataset.value_range == value_range


def test_a_range_of_ones_own(path: Path) -> None:
    assert load(path, "a,b\n1,2\n3,300\n", range=(0, 300)).value_range == (0, 300)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3", r"line 3 has 1 cell\(s\) where the first line has 2"),
        ("3,4,5", r"line 3 has 3 cell\(s\) where the first line has 2"),
        ("3,", "line 3, column 'b': the cell is empty"),
        ("3,four", "line 3, column 'b': 'four' is not a number"),
        ("NA,4", "line 3, column 'a': 'NA' is not a number"),
        ("3,nan", "line 3, column 'b': 'nan' is not a finite number"),
        ("-inf,4", "line 3, column 'a': '-inf' is not a finite number"),
        ("3,1e300", "line 3, column 'b': '1e300' is not a finite number"),
        ("3,1_000", "cannot be read as a table.*1_000"),
        ('3,"4', "cannot be read as a table|line 3|line 4"),
        ("3,\0", "line 3"),
    ],
)
def test_the_first_mistake_is_named(path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(path, f"a,b\n1,2\n{line}\n5,6\n")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("header", ["", "a,b\n"])
def test_line_numbers_count_the_header(path: Path, header: str) -> None:
    with pytest.raises(
        DataError, match=f"line {2 + bool(header)}, column '{'b' if header else '1'}': 'x'"
    ):
        load(path, f"{header}1,2\n3,x\n5,6\n")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_nothing_at_all(path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="is empty"):
        load(path, content)


def test_a_header_and_nothing_else(path: Path) -> None:
    with pytest.raises(DataError, match="holds 0 example"):
        load(path, "a,b\n")


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4\n".encode("utf-16"),
        b"a,\xff\n1,2\n",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"PK\3\4\0\0\0",
    ],
)
def test_what_is_no_text(path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="not text in UTF-8"):
        load(path, content)


def test_columns_that_are_left_out_need_not_be_text(path: Path) -> None:
    dataset = load(path, b"pixel0,name\n1,Andr\xe9\n255,Zo\xeb\n")
    assert np.asarray(dataset.images).ravel().tolist() == [1, 255]
    assert [(part.kind, part.names) for part in dataset.left_out] == [("column", ("name",))]
    with pytest.raises(DataError, match="cannot be read as a table.*UTF8"):
        next(stream_data(path, (1, 1, 1), 10).chunks).metadata  # noqa: B018


def test_labels_that_are_no_text(path: Path) -> None:
    with pytest.raises(DataError, match=str(path)):
        load(path, b"label,a\n\xff,1\n\xfe,2\n")


def test_the_same_column_twice(path: Path) -> None:
    np.testing.assert_array_equal(load(path, "a,a\n1,2\n3,4\n").images, [[1, 2], [3, 4]])


@pytest.mark.parametrize("side", [1, 3, 4])
def test_narrow_images_are_no_channels(path: Path, side: int) -> None:
    names = [f"pixel{index}" for index in range(side**2)]
    rows = np.arange(2 * side**2).reshape(2, -1)
    np.testing.assert_array_equal(
        load(path, table(names, rows), range=(0, 255)).images, rows.reshape(2, 1, side, side)
    )


IRIS = b"5.1,3.5,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n6.3,3.3,6.0,2.5,virginica\n"


def test_the_label_stands_last_in_a_table_without_header(path: Path) -> None:
    dataset = load(path, IRIS, labels="-1")
    assert dataset.images.shape == (3, 4)
    assert dataset.label_names == ("setosa", "versicolor", "virginica")
    assert load(path, b"1,2,7\n3,4,8\n", labels="-1").label_names == ("7", "8")
    assert load(path, b"a,1,2\nb,3,4\n", labels="0").label_names == ("a", "b")
    assert load(path, b"x,y,kind\n1,2,a\n3,4,b\n", labels="-1").label_names == ("a", "b")


def test_a_first_line_with_one_text_is_not_taken_for_a_header(path: Path) -> None:
    with pytest.raises(DataError, match=r"If 'setosa' is the label .* '--labels -1'"):
        load(path, IRIS)
    with pytest.raises(DataError, match=r"'--labels 0'"):
        load(path, b"a,1.5,2\nb,3,4\n")
    assert len(load(path, b"label,0,1\na,3,4\nb,5,6\n")) == 2
    with pytest.raises(DataError, match="has no column '-9'"):
        load(path, b"x,y\n1,2\n3,4\n", labels="-9")


def test_a_cell_that_is_longer_than_any_name(path: Path) -> None:
    with pytest.raises(DataError, match="line 1: field larger than field limit"):
        load(path, b"x" * 200_000 + b",1\n")
