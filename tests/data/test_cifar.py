from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), np.uint8)


def records(pixels: np.ndarray, *labels: np.ndarray) -> bytes:
    columns = [np.asarray(column, np.uint8)[:, None] for column in labels]
    return np.concatenate([*columns, pixels.reshape(len(pixels), -1)], axis=1).tobytes()


def test_cifar_100_has_two_levels_of_classes(tmp_path: Path, pixels: np.ndarray) -> None:
    coarse, fine = np.arange(8) // 4, np.arange(8)
    (tmp_path / "train.bin").write_bytes(records(pixels[:6], coarse[:6], fine[:6]))
    (tmp_path / "test.bin").write_bytes(records(pixels[6:], coarse[6:], fine[6:]))
    (tmp_path / "coarse_label_names.txt").write_text("animals\nplants\n")
    (tmp_path / "fine_label_names.txt").write_text("\n".join("abcdefgh"))
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.images, pixels)
    assert dataset.n_official_train == 6
    assert dataset.label_names == tuple("abcdefgh")
    assert load(tmp_path, labels="coarse").label_names == ("animals", "plants")
    with pytest.raises(DataError, match="read as CIFAR-100. Expected coarse or fine"):
        load(tmp_path, labels="medium")


@pytest.mark.parametrize("levels", [1, 2])
def test_a_file_by_itself_has_numbers_for_labels(
    tmp_path: Path, pixels: np.ndarray, levels: int
) -> None:
    path = tmp_path / "test_batch.bin"
    path.write_bytes(records(pixels, *[np.arange(8) + level for level in range(levels)]))
    dataset = load(path)
    assert dataset.n_official_train is None
    assert dataset.label_names == tuple(str(n + levels - 1) for n in range(8))


def test_a_file_of_another_length(tmp_path: Path, pixels: np.ndarray) -> None:
    path = tmp_path / "x.bin"
    for content in (b"", records(pixels, np.arange(8))[:-1]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"is {len(content)} bytes long. Expected a multiple"):
            load(path)


def test_a_label_without_a_name(tmp_path: Path, pixels: np.ndarray) -> None:
    (tmp_path / "x.bin").write_bytes(records(pixels, np.arange(8)))
    (tmp_path / "batches.meta.txt").write_text("a\nb\n")
    with pytest.raises(DataError, match="holds the label 7. Expected one of 0 to 1"):
        load(tmp_path / "x.bin")
