"""Tables of images as texts: FER2013 and others that have a column of pixels."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import load_dataset, stream_data


def load(path: Path, text: str, **settings: object) -> Dataset:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return load_dataset(DataConfig(source=str(path), **settings))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_spaces_in_the_header_and_other_columns(tmp_path: Path, name: str) -> None:
    """As in icml_face_data.csv; other columns are left out, and named."""
    text = "emotion, Usage, pixels, source\n0,Training,1 2 3 4,a\n6,PrivateTest,5 6 7 8,b\n"
    dataset = load(tmp_path / name, text)
    np.testing.assert_array_equal(dataset.images, np.arange(1, 9).reshape(2, 1, 2, 2))
    assert (dataset.label_names, dataset.n_official_train) == (("0", "6"), 1)
    reason = "neither the label nor called as the values are"
    assert dataset.left_out == (LeftOut("column", ("source",), 1, reason),)


def test_without_parts_and_labels(tmp_path: Path) -> None:
    dataset = load(tmp_path / "x.csv", "pixels\n0 10 20\n255 3 4\n")
    assert np.asarray(dataset.images).tolist() == [[0, 10, 20], [255, 3, 4]]
    assert (dataset.labels, dataset.n_official_train) == (None, None)


def test_another_column_is_the_label(tmp_path: Path) -> None:
    text = "age,gender,pixels\n20,1,0 1 2 3\n30,0,4 5 6 7\n"
    assert load(tmp_path / "x.csv", text, labels="age").label_names == ("20", "30")
    (chunk,) = stream_data(tmp_path / "x.csv", (1, 2, 2), 9, changes={"labels": "age"}).chunks
    assert chunk.metadata.to_pydict() == {"age": ["20", "30"], "gender": ["1", "0"]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1 2 3 4,Training\n1 2 3,Training\n", "have 4 and 3 pixels"),
        ("1 2 3 4,Training\n1 2 3 400,Training\n", "whole numbers from 0 to 255"),
        ("1 2 3 4,Training\n1 2 3 x,Training\n", "whole numbers from 0 to 255"),
        ("1 2 3 4,Training\n1 2 3 4,Other\n", "says 'Other' in its column of parts"),
        ("1 2 3 4,Training\n1 2 3 4\n", "as many cells in each line"),
    ],
)
def test_mistakes(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path / "x.csv", f"pixels,Usage\n{rows}")


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"label,pixels\ncaf\xe9,1 2 3 4\nb,1 2 3 4\n")
    with pytest.raises(DataError, match="UTF-?8"):
        load_dataset(DataConfig(source=str(path)))
