"""Folders of files: their names tell the parts, and what is of no part is left out and named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import load_dataset


def load(folder: Path) -> Dataset:
    return load_dataset(DataConfig(source=str(folder)))


def write(folder: Path, **rows: int) -> Path:
    """Write tables of so many rows, whose values count on."""
    start = 0
    for name, count in rows.items():
        path = folder / f"{name.replace('__', '/')}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.arange(start, start + count)
        parquet.write_table(pa.table({"a": values, "b": values, "label": values % 2}), path)
        start += count
    return folder


def test_files_without_names_of_parts_are_one_data_set(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, part_0=3, part_1=4))
    assert np.asarray(dataset.images)[:, 0].tolist() == list(range(7))
    assert (dataset.n_official_train, dataset.left_out) == (None, ())


def test_folders_may_name_the_parts(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, train__0=3, train__1=2, test__0=4))
    assert dataset.n_official_train == 5


README = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: [a*.parquet, b.parquet]}
  - {split: validation, path: c.parquet}
  - {split: test, path: d/*}
- config_name: other
  data_files: []
---
A data set.
"""


def test_the_page_of_a_hub_may_declare_the_parts(tmp_path: Path) -> None:
    write(tmp_path, a1=2, a2=2, b=2, c=3, d__x=4)
    (tmp_path / "README.md").write_text(README)
    dataset = load(tmp_path)
    assert (dataset.n_official_train, dataset.n_official_validation) == (6, 3)
    assert np.asarray(dataset.images)[:, 0].tolist() == list(range(13))


@pytest.mark.parametrize(
    "text",
    [
        "no front",
        "---\n[",
        "---\nconfigs: 3\n---",
        "---\n- a\n---",
        README[:150] + "---",
        "[" * 9999,
    ],
)
def test_other_pages_declare_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, train=3, test=2)
    (tmp_path / "README.md").write_text(text)
    assert load(tmp_path).n_official_train == 3


def test_files_of_no_part_are_left_out(tmp_path: Path) -> None:
    dataset = load(write(tmp_path, train=3, extra=4, test=2))
    assert (len(dataset), dataset.n_official_train) == (5, 3)
    reason = "no part of training, validation or test by its name"
    assert dataset.left_out == (LeftOut("file", ("extra.parquet",), 1, reason),)


def test_a_training_part_alone_is_split(tmp_path: Path) -> None:
    assert load(write(tmp_path, train_0=3, train_1=3)).n_official_train is None


def test_several_data_sets_are_refused(tmp_path: Path) -> None:
    write(tmp_path, coarse__train=3, coarse__test=2, fine__train=3, fine__test=2)
    with pytest.raises(DataError, match="same part in coarse and fine.*path of one of these"):
        load(tmp_path)


def test_a_shard_with_other_columns(tmp_path: Path) -> None:
    write(tmp_path, part_0=3)
    parquet.write_table(pa.table({"a": [1.0], "label": [0]}), tmp_path / "part_1.parquet")
    with pytest.raises(DataError, match="examples have the shape"):
        load(tmp_path)


def test_a_shard_without_labels(tmp_path: Path) -> None:
    write(tmp_path, part_0=3)
    parquet.write_table(pa.table({"a": [1, 2], "b": [3, 4]}), tmp_path / "part_1.parquet")
    with pytest.raises(DataError, match="5 examples but 3 labels"):
        load(tmp_path)
