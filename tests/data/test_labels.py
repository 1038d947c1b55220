import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe
from latentscape.core.errors import DataError
from latentscape.data import load_data, split_dataset, stream_data
from latentscape.data.labels import encode_labels, index_labels


@pytest.mark.parametrize(
    ("values", "indices", "names"),
    [
        (np.array([3, 1, 3]), [1, 0, 1], ("1", "3")),
        (np.array([[3], [1], [3]], np.uint8), [1, 0, 1], ("1", "3")),
        (np.array([10.0, 9.0]), [1, 0], ("9", "10")),
        (np.array([0.5, 0.25]), [1, 0], ("0.25", "0.5")),
        (np.array(["10", "9", "10"]), [1, 0, 1], ("9", "10")),
        (np.array(["10", "9", "x"]), [0, 1, 2], ("10", "9", "x")),
        (np.array([b"dog", b"cat"]), [1, 0], ("cat", "dog")),
        (np.array([b"caf\xe9", b"caf\xe8"]), [1, 0], ("caf\\xe8", "caf\\xe9")),
        (np.array(["\ud800", "\udce9"]), [1, 0], ("\\xe9", "\\xed\\xa0\\x80")),
        (np.array(["dog", "cat"], object), [1, 0], ("cat", "dog")),
        (np.array([True, False]), [1, 0], ("False", "True")),
    ],
)
def test_classes_are_numbered_in_order(
    values: np.ndarray, indices: list[int], names: tuple[str, ...]
) -> None:
    encoded, class_names = encode_labels(values, "here")
    assert encoded.dtype == np.int64
    assert encoded.tolist() == indices
    assert class_names == names


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan]),
        np.array(["a", ""]),
        np.array(["a", None], object),
        np.array([b"a", b""]),
    ],
)
def test_missing_labels(values: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"no label for 1 example.*number 1"):
        encode_labels(values, "here")


@pytest.mark.parametrize(
    "values", [np.eye(3), np.array(1), np.zeros(3, complex), np.zeros(3, "M8[s]")]
)
def test_what_is_no_list_of_classes(values: np.ndarray) -> None:
    with pytest.raises(DataError, match="one number or text for each example"):
        encode_labels(values, "here")


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.eye(4)[np.arange(40) % 4], r"one-hot.*argmax"),
        (
            np.arange(160).reshape(40, 4) % 2,
            "4 answers of yes and no for each example .multi-label",
        ),
        (RNG.random((40, 3)), "3 values for each example"),
        (np.zeros((40, 8, 8), np.uint8), "8 x 8 values for each example"),
        (RNG.random(40), "40 different numbers that are not whole"),
        (np.array([f"photo{n}" for n in range(40)]), "40 different labels of 40 examples"),
        (np.array(["2020-01-01"] * 40, "datetime64[D]"), "type datetime64"),
    ],
)
def test_labels_that_name_no_classes_are_left_out(values: np.ndarray, reason: str) -> None:
    indices, names, (left_out,) = index_labels(values, 40, (), "here")
    assert (indices, names, left_out.kind) == (None, (), "label")
    assert re.search(reason, left_out.reason)


@pytest.mark.parametrize(
    "values", [np.arange(40) % 20, np.arange(40)[:, None] % 7 / 2, np.array(["a", "b"] * 20)]
)
def test_labels_that_name_classes_are_not_left_out(values: np.ndarray) -> None:
    indices, names, left_out = index_labels(values, 40, (), "here")
    assert len(indices) == 40
    assert len(names) == len(np.unique(values))
    assert not left_out


def test_archives_with_labels_of_other_kinds_train_all_the_same(tmp_path: Path) -> None:
    """ChestMNIST has fourteen answers for each image."""
    images = RNG.integers(0, 256, (40, 28, 28), np.uint8)
    answers = RNG.integers(0, 2, (40, 14))
    np.savez(tmp_path / "chest.npz", images=images, labels=answers)
    split = split_dataset(load_data(tmp_path / "chest.npz"), DataConfig())
    assert split.dataset.labels is None
    assert prepare(load_recipe("simple-20"), split).model.input.shape == (1, 28, 28)
    with pytest.raises(DataError, match=r"chest has no labels \(14 answers.*multi-label\)"):
        prepare(load_recipe("cond-vae"), split)
    with pytest.raises(DataError, match=r"chest has no labels \(14 answers"):
        split_dataset(split.dataset, DataConfig(train_labels=("1",)))
    (chunk,) = stream_data(tmp_path / "chest.npz", (1, 28, 28), 99).chunks
    np.testing.assert_array_equal(chunk.metadata.column("label13"), answers[:, 13])


def test_labels_may_be_left_out_on_purpose(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (40, 8, 8), np.uint8)
    classes = np.arange(40) % 3
    np.save(tmp_path / "x.npy", images)
    np.savez(tmp_path / "x.npz", images=images, labels=np.full(40, np.nan))
    table = pd.DataFrame(images.reshape(40, 64)).rename(columns=str)
    table = table.assign(target=classes, label=classes)
    table.to_csv(tmp_path / "x.csv", index=False)
    table.to_parquet(tmp_path / "x.parquet")
    for index, image in enumerate(images):
        file = tmp_path / "folder" / str(classes[index]) / f"{index:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    for source in ("x.npy", "x.npz", "x.csv", "x.parquet", "folder"):
        dataset = load_data(tmp_path / source, changes={"labels": "none"})
        assert (dataset.labels, dataset.label_names) == (None, ()), source
        assert len(np.asarray(dataset.images).reshape(40, -1)[0]) == 64, source
    (left_out,) = load_data(tmp_path / "x.csv", changes={"labels": "none"}).left_out
    assert (left_out.names, left_out.reason) == (("target", "label"), "labels are not asked for")
    assert load_data("digits", changes={"labels": "none"}).labels is None
    with pytest.raises(DataError, match="no label for 40 example.*--labels none"):
        load_data(tmp_path / "x.npz")
