import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.parquet"


def load(path: Path, columns: dict[str, object], **settings: object) -> Dataset:
    parquet.write_table(pa.table(columns), path)
    return load_dataset(DataConfig(source=str(path), **settings))


def png(image: np.ndarray, encoding: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, encoding)
    return buffer.getvalue()


def test_a_column_per_pixel(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    columns = {f"pixel{index}": column for index, column in enumerate(images.reshape(30, 64).T)}
    dataset = load(path, {"label": labels, **columns})
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset.images.dtype == np.uint8


def test_features(path: Path) -> None:
    dataset = load(path, {"a": [1.5, 2.5], "b": [True, False], "kind": ["x", "y"]}, labels="kind")
    np.testing.assert_array_equal(dataset.images, np.array([[1.5, 1], [2.5, 0]], np.float32))
    assert dataset.label_names == ("x", "y")


@pytest.mark.parametrize("width", [-1, 64], ids=["any length", "fixed length"])
def test_a_column_of_lists(path: Path, images: np.ndarray, labels: np.ndarray, width: int) -> None:
    lists = pa.array(images.reshape(30, 64).tolist(), pa.list_(pa.uint8(), width))
    dataset = load(path, {"pixels": lists, "label": labels}, shape=(8, 8))
    np.testing.assert_array_equal(dataset.images[:, 0], images)


def test_a_column_of_nested_lists(path: Path, images: np.ndarray) -> None:
    dataset = load(path, {"image": pa.array(images.tolist(), pa.list_(pa.list_(pa.uint8())))})
    np.testing.assert_array_equal(dataset.images[:, 0], images)


@pytest.mark.parametrize("struct", [True, False], ids=["Hugging Face", "plain"])
def test_encoded_images(path: Path, images: np.ndarray, labels: np.ndarray, struct: bool) -> None:
    encoded: list[object] = [png(image) for image in images]
    column = [{"bytes": content, "path": None} for content in encoded] if struct else encoded
    dataset = load(path, {"image": column, "label": labels})
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    assert dataset.value_range == (0, 255)


def test_encoded_images_are_resized(path: Path, images: np.ndarray) -> None:
    column = [png(images[0]), png(images[1, :5])]
    assert load(path, {"image": column}, resize=(4, 6)).shape == (1, 4, 6)
    with pytest.raises(DataError, match="8x8 .* but .* row 1 is 5x8"):
        load(path, {"image": column})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, None], "b": [1, 2]}, r"column 'a' has 1 empty cell\(s\), the first in row 1"),
        ({"a": [1, 2], "b": ["x", "y"]}, "column 'b' is of type string.*--labels"),
        ({"a": [[1, 2], [3]]}, "lists in .* different lengths, 2 and 1"),
        ({"a": [[1, 2], [3, None]]}, "empty cell"),
        ({"a": [[1, 2], None]}, "empty cell"),
        ({"a": [["x"], ["y"]]}, "type string"),
        ({"a": [[1], [2]], "b": [[1], [2]]}, "columns a, b.*one column of images or lists"),
        ({"a": [b"no", b"image"]}, "column 'a', row 0 cannot be read as an image"),
        ({"a": [{"bytes": None, "path": "x.png"}, {"bytes": b"", "path": "y.png"}]}, "empty cell"),
        ({"a": [1.0, float("nan")]}, "NaN or infinite"),
        ({"label": [1, 2]}, "no columns of values"),
        ({"a": [1, 2], "label": [1, None]}, "no label for 1 example"),
        ({"a": [1]}, r"1 example\(s\)"),
        ({"a": pa.array([], pa.uint8())}, r"0 example\(s\)"),
        ({"a": pa.array([], pa.list_(pa.uint8()))}, r"0 example\(s\)|shape"),
        ({"a": pa.array([], pa.binary())}, r"0 example\(s\)|no images"),
    ],
)
def test_bad_tables(path: Path, columns: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(path, columns)


def test_a_missing_label_column(path: Path) -> None:
    with pytest.raises(DataError, match="no column 'digits'.*Did you mean 'digit'"):
        load(path, {"digit": [1, 2], "a": [1, 2]}, labels="digits")


def test_no_parquet_at_all(path: Path) -> None:
    path.write_bytes(b"PAR1 but not much more")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load_dataset(DataConfig(source=str(path)))


def test_arrow_opens_the_file_itself(
    path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of Arrow that reads through Python as that ends aborts the process."""
    opened = []

    def remember(file: object, **options: object) -> parquet.ParquetFile:
        opened.append(file)
        return whole(file, **options)

    whole = parquet.ParquetFile
    monkeypatch.setattr(parquet, "ParquetFile", remember)
    load(path, {"image": [image.tolist() for image in images]})
    assert opened
    assert all(isinstance(file, pa.OSFile) for file in opened)
