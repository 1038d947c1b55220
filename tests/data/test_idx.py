import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset
from latentscape.data.formats.idx import parse_idx

Write = Callable[[Path, np.ndarray], Path]
Encode = Callable[[np.ndarray], bytes]


def load(path: Path) -> Dataset:
    return load_dataset(DataConfig(source=str(path)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-", "."])
def test_images_find_their_labels_by_name(
    tmp_path: Path,
    write_idx: Write,
    images: np.ndarray,
    labels: np.ndarray,
    suffix: str,
    joint: str,
) -> None:
    path = write_idx(tmp_path / f"train-images{joint}idx3-ubyte{suffix}", images)
    write_idx(tmp_path / f"train-labels{joint}idx1-ubyte{suffix}", labels.astype(np.uint8))
    dataset = load(path)
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset.n_official_train is None


def test_images_without_labels(tmp_path: Path, write_idx: Write, images: np.ndarray) -> None:
    assert load(write_idx(tmp_path / "images-idx3-ubyte", images)).labels is None


@pytest.mark.parametrize("test_part", ["t10k", "test"])
def test_a_folder_of_four_has_an_official_split(
    tmp_path: Path, write_idx: Write, images: np.ndarray, labels: np.ndarray, test_part: str
) -> None:
    for part, indices in (("train", slice(20)), (test_part, slice(20, 30))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images[indices])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", labels[indices].astype(np.uint8))
    write_idx(tmp_path / "train-images-idx3-ubyte", images[:20])  # unpacked beside the archive
    dataset = load(tmp_path)
    assert dataset.n_official_train == 20
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)


def test_a_folder_of_several_parts_is_ambiguous(
    tmp_path: Path, write_idx: Write, images: np.ndarray
) -> None:
    for part in ("letters", "balanced"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", images)
    with pytest.raises(DataError, match="balanced-images-idx3-ubyte, letters-images-idx3-ubyte"):
        load(tmp_path)


def test_parts_of_different_shapes(tmp_path: Path, write_idx: Write, images: np.ndarray) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", images[:, :7])
    with pytest.raises(DataError, match=r"\(8, 8\).*\(7, 8\)"):
        load(tmp_path)


def test_other_files_in_a_folder_are_counted(
    tmp_path: Path, write_idx: Write, images: np.ndarray, labels: np.ndarray
) -> None:
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        write_idx(tmp_path / name, images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels.astype(np.uint8))
    write_idx(tmp_path / "other-labels-idx1-ubyte", labels.astype(np.uint8))
    (tmp_path / "readme.txt").touch()
    (left_out,) = load(tmp_path).left_out
    assert left_out.names == ("other-labels-idx1-ubyte", "readme.txt")
    assert (left_out.kind, left_out.count) == ("file", 2)


def test_only_one_part_with_labels(
    tmp_path: Path, write_idx: Write, images: np.ndarray, labels: np.ndarray
) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels.astype(np.uint8))
    write_idx(tmp_path / "t10k-images-idx3-ubyte", images)
    with pytest.raises(DataError, match="only one of two parts has labels"):
        load(tmp_path)


def test_labels_of_another_count(
    tmp_path: Path, write_idx: Write, images: np.ndarray, labels: np.ndarray
) -> None:
    path = write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", labels[:-1].astype(np.uint8))
    with pytest.raises(DataError, match="30 images but .* 29 labels"):
        load(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "magic number 0x Expected|magic number 0x\\."),
        (lambda content: b"\0\0\x08", "magic number 0x000008"),
        (lambda content: b"\0\1" + content[2:], "magic number 0x00010803"),
        (lambda content: b"\0\0\x07" + content[3:], "magic number 0x00000703"),
        (lambda content: b"\0\0\x08\0" + content[4:], "magic number 0x00000800"),
        (lambda content: content[:9], "declares the sizes"),
        (lambda content: content[:-1], r"sizes \(30, 8, 8\) but is 1935 bytes long.*1936"),
        (lambda content: content + b"\0", "is 1937 bytes long"),
        (lambda content: content[:4] + b"\xff" * 12 + content[16:], "4294967295"),
    ],
)
def test_a_damaged_file(
    tmp_path: Path,
    idx_bytes: Encode,
    images: np.ndarray,
    damage: Callable[[bytes], bytes],
    message: str,
) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(damage(idx_bytes(images)))
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-4],
        lambda content: content[:3],
        lambda content: content[:40] + bytes(byte ^ 255 for byte in content[40:60]) + content[60:],
        lambda content: content[:-6] + b"\0\0" + content[-4:],
    ],
    ids=["half", "without length", "header only", "flipped bytes", "wrong checksum"],
)
def test_a_damaged_gzip(
    tmp_path: Path, idx_bytes: Encode, images: np.ndarray, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(gzip.compress(idx_bytes(images))))
    with pytest.raises(DataError, match=re.escape(f"{path} is a truncated or damaged gzip file")):
        load(path)


def test_a_truncated_copy_of_the_real_archive(tmp_path: Path, real_data: Path) -> None:
    content = (real_data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(content[:1_000_000])
    with pytest.raises(DataError, match="truncated or damaged gzip"):
        load(path)


@pytest.mark.parametrize(
    ("code", "dtype"), [(9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")]
)
def test_every_type_of_value(code: int, dtype: str) -> None:
    array = np.arange(6, dtype=dtype).reshape(3, 2)
    content = struct.pack(">HBB2I", 0, code, 2, 3, 2) + array.tobytes()
    np.testing.assert_array_equal(parse_idx(content, "numbers"), array)
