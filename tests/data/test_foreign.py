"""Formats that are not read are refused with one line that converts them, and which works."""

import pickle
import shlex
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset
from latentscape.data.formats.foreign import FOREIGN


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


def message_of(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load(path)
    return str(caught.value)


def run_line(message: str) -> None:
    """Run the Python program that a message ends with."""
    words = shlex.split(message.partition(": ")[2].removesuffix("."))
    assert words[:2] == ["python", "-c"]
    exec(compile(words[2], "the line", "exec"), {})


@pytest.mark.parametrize("suffix", FOREIGN)
def test_every_foreign_format_is_refused_with_a_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "evil").encode() + b"'\ntR.")
    message = message_of(path)
    assert message.startswith(f"{path} is ")
    assert "This line converts it" in message
    assert str(path) in message.partition("converts it")[2]
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("suffix", [".pkl", ".joblib"])
def test_the_line_for_pickles(tmp_path: Path, images: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(images))
    else:
        joblib.dump(images, path)
    message = message_of(path)
    assert "never loaded" in message
    assert "if you trust who wrote it" in message
    run_line(message)
    np.testing.assert_array_equal(load(path.with_suffix(".npy")).images[:, 0], images)


def test_the_lines_for_tables(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})
    frame.to_json(tmp_path / "x.json")
    frame.to_json(tmp_path / "y.jsonl", orient="records", lines=True)
    frame.to_feather(tmp_path / "z.feather")
    header = "@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n"
    (tmp_path / "w.arff").write_text(header + "1,4\n2,5\n3,6\n")
    for name, target in {"x.json": "x.csv", "y.jsonl": "y.csv", "z.feather": "z.parquet"}.items():
        run_line(message_of(tmp_path / name))
        np.testing.assert_array_equal(load(tmp_path / target).images, frame)
    run_line(message_of(tmp_path / "w.arff"))
    np.testing.assert_array_equal(load(tmp_path / "w.csv").images, frame)


def test_one_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert f"Give the path of its folder, {tmp_path}." in message_of(tmp_path / "a.png")


@pytest.mark.parametrize("names", [["data_batch_1", "batches.meta"], ["train", "meta"]])
def test_cifar_as_pickles(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert "never loaded. Expected its binary version" in message_of(tmp_path)
