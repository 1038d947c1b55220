"""The same images in every format, each written as the programs of its field write it."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

Write = Callable[[Path, np.ndarray, np.ndarray], None]
"""Writes images (30, 8, 8) of bytes and their labels 0..9 to a path."""


@dataclass(frozen=True)
class Sample:
    """A format: how a path of it is written, and what it keeps of the images.

    Attributes
    ----------
    name : str
        Of the file or folder.
    write : Write
        Writes it.
    labelled : bool
        It holds labels.
    parts : tuple of int
        Sizes of its official parts: training, perhaps validation, test; empty without.
    """

    name: str
    write: Write
    labelled: bool = True
    parts: tuple[int, ...] = ()


def encode(image: np.ndarray, kind: str = "PNG") -> bytes:
    """Encode a grey image."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def idx(array: np.ndarray) -> bytes:
    """Encode unsigned bytes as IDX."""
    array = array.astype(np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Write a table as Kaggle's Digit Recognizer has it."""
    rows = ["label," + ",".join(f"pixel{index}" for index in range(64))]
    for image, label in zip(images, labels, strict=True):
        rows.append(",".join(map(str, [label, *image.ravel()])))
    return "\n".join(rows).encode()


def zip_of(files: dict[str, bytes], path: Path) -> None:
    """Write a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def tar_of(files: dict[str, bytes], path: Path, mode: str = "w") -> None:
    """Write a tar file."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def parts_of_classes(images: np.ndarray, labels: np.ndarray) -> dict[str, bytes]:
    """Lay encoded images out in parts of 20, 4 and 6, with a folder per class."""
    ends = {"train": 20, "val": 24, "test": 30}
    return {
        f"{next(part for part, end in ends.items() if index < end)}/{label}/{index:02}.png": encode(
            image
        )
        for index, (image, label) in enumerate(zip(images, labels, strict=True))
    }


def webdataset(images: np.ndarray, labels: np.ndarray, ending: str) -> Iterator[tuple[str, bytes]]:
    """Lay encoded images out as WebDataset does."""
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        yield f"{index:06}.png", encode(image)
        text = str(label) if ending == "cls" else json.dumps({"label": int(label), "file": "x"})
        yield f"{index:06}.{ending}", text.encode()


def write_files(files: dict[str, bytes], folder: Path) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _table(images: np.ndarray, labels: np.ndarray) -> pa.Table:
    cells = [{"bytes": encode(image), "path": None} for image in images]
    return pa.table({"image": cells, "label": labels})


SAMPLES = {
    "csv": Sample("x.csv", lambda path, x, y: path.write_bytes(csv(x, y))),
    "csv, gzipped": Sample(
        "x.csv.gz", lambda path, x, y: path.write_bytes(gzip.compress(csv(x, y)))
    ),
    "npy": Sample("x.npy", lambda path, x, y: np.save(path, x), labelled=False),
    "npz": Sample("x.npz", lambda path, x, y: np.savez_compressed(path, images=x, labels=y)),
    "MedMNIST": Sample(
        "x.npz",
        lambda path, x, y: np.savez(
            path,
            train_images=x[:20],
            train_labels=y[:20, None],
            val_images=x[20:24],
            val_labels=y[20:24, None],
            test_images=x[24:],
            test_labels=y[24:, None],
        ),
        parts=(20, 4, 6),
    ),
    "parquet": Sample("x.parquet", lambda path, x, y: parquet.write_table(_table(x, y), path)),
    "idx": Sample("x-idx3-ubyte", lambda path, x, y: path.write_bytes(idx(x)), labelled=False),
    "idx, gzipped": Sample(
        "x-idx3-ubyte.gz",
        lambda path, x, y: path.write_bytes(gzip.compress(idx(x))),
        labelled=False,
    ),
    "folder of idx": Sample(
        "x",
        lambda path, x, y: write_files(
            {
                "train-images-idx3-ubyte": idx(x[:20]),
                "train-labels-idx1-ubyte": idx(y[:20]),
                "t10k-images-idx3-ubyte": idx(x[20:]),
                "t10k-labels-idx1-ubyte": idx(y[20:]),
            },
            path,
        ),
        parts=(20, 10),
    ),
    "zip": Sample(
        "x.zip", lambda path, x, y: zip_of(parts_of_classes(x, y), path), parts=(20, 4, 6)
    ),
    "tar": Sample(
        "x.tar", lambda path, x, y: tar_of(parts_of_classes(x, y), path), parts=(20, 4, 6)
    ),
    "tar, gzipped": Sample(
        "x.tar.gz", lambda path, x, y: tar_of(dict(webdataset(x, y, "json")), path, "w:gz")
    ),
    "tar, bzipped": Sample(
        "x.tar.bz2", lambda path, x, y: tar_of(dict(webdataset(x, y, "cls")), path, "w:bz2")
    ),
    "tar, xz": Sample(
        "x.tar.xz", lambda path, x, y: tar_of(dict(webdataset(x, y, "cls")), path, "w:xz")
    ),
    "WebDataset": Sample("x.tar", lambda path, x, y: tar_of(dict(webdataset(x, y, "cls")), path)),
    "folder": Sample(
        "x", lambda path, x, y: write_files(parts_of_classes(x, y), path), parts=(20, 4, 6)
    ),
}
"""Every format of the registry at least once, by what it is called in tests."""
