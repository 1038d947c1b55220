"""The same images in every format, each written as the programs of its field write it."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import torch
import zarr
from PIL import Image
from pyarrow import parquet
from safetensors.torch import save_file
from scipy.io import savemat
from scipy.sparse import csc_array, csr_array

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
    flat : bool
        It holds vectors, not images.
    wide : bool
        It holds the images in the first corner of larger ones in colour.
    """

    name: str
    write: Write
    labelled: bool = True
    parts: tuple[int, ...] = ()
    flat: bool = False
    wide: bool = False


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


def hdf5(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write HDF5 with a group per part, compressed, and labels as texts."""
    with h5py.File(path, "w") as file:
        for part, rows in {"train": slice(20), "val": slice(20, 24), "test": slice(24, 30)}.items():
            group = file.create_group(part)
            group.create_dataset("images", data=images[rows], compression="gzip", chunks=(3, 8, 8))
            group.create_dataset("labels", data=[str(label) for label in labels[rows]])


def h5ad(path: Path, images: np.ndarray, labels: np.ndarray, kind: str = "csr_matrix") -> None:
    """Write a matrix as AnnData does, sparse or dense, with a column of categories."""
    flat = images.reshape(len(images), -1)
    with h5py.File(path, "w") as file:
        if kind == "array":
            file.create_dataset("X", data=flat)
        else:
            matrix = (csr_array if kind == "csr_matrix" else csc_array)(flat)
            group = file.create_group("X")
            group.attrs.update({"encoding-type": kind, "shape": flat.shape})
            for name in ("data", "indices", "indptr"):
                group.create_dataset(name, data=getattr(matrix, name))
        obs = file.create_group("obs")
        obs.attrs["_index"] = "cell"
        obs.create_dataset("cell", data=[f"cell{index}" for index in range(len(images))])
        column = obs.create_group("label")
        column.create_dataset("categories", data=[str(label) for label in range(10)])
        column.create_dataset("codes", data=labels.astype(np.int8))


def mat73(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write what MATLAB saves with -v7.3: HDF5 behind a text, axes in reverse order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("X", data=np.moveaxis(images[..., None], 0, -1).T)
        file.create_dataset("y", data=labels[None].astype(np.uint8))
    with path.open("r+b") as block:
        block.write(b"MATLAB 7.3 MAT-file".ljust(512))


def svhn(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write a file like those of SVHN: (H, W, C, N), compressed."""
    arrays = {"X": np.moveaxis(images[..., None], 0, -1), "y": labels[:, None].astype(np.uint8)}
    savemat(path, arrays, do_compression=True)


def zarr_group(path: Path, images: np.ndarray, labels: np.ndarray, version: int = 3) -> None:
    """Write a group of Zarr, in chunks."""
    store = zarr.storage.ZipStore(path, mode="w") if path.suffix == ".zip" else path
    group = zarr.create_group(store, zarr_format=version)
    group.create_array("images", data=images, chunks=(7, 8, 8))
    group.create_array("labels", data=labels, chunks=(30,))
    if path.suffix == ".zip":
        store.close()


def cifar(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write the images in the first corner of those of CIFAR-10, in six batches."""
    wide = np.zeros((30, 3, 32, 32), np.uint8)
    wide[:, :, :8, :8] = images[:, None]
    records = np.concatenate([labels[:, None].astype(np.uint8), wide.reshape(30, -1)], axis=1)
    files = {f"data_batch_{n}.bin": records[4 * n - 4 : 4 * n].tobytes() for n in range(1, 6)}
    files["test_batch.bin"] = records[20:].tobytes()
    files["batches.meta.txt"] = "\n".join([*map(str, range(10)), ""]).encode()
    write_files(files, path)


def shards(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write Parquet files as hubs store them."""
    (path / "data").mkdir(parents=True)
    for name, rows in {
        "train-00000-of-00002": slice(12),
        "train-00001-of-00002": slice(12, 20),
        "validation-00000-of-00001": slice(20, 24),
        "test-00000-of-00001": slice(24, 30),
    }.items():
        parquet.write_table(_table(images[rows], labels[rows]), path / "data" / f"{name}.parquet")
    (path / "README.md").write_text("A data set.")


def files_of_parts(path: Path, write: Write, suffix: str, *more: np.ndarray) -> None:
    """Write a file of training examples, and one of test examples."""
    path.mkdir()
    for name, rows in {"train": slice(20), "test": slice(20, 30)}.items():
        write(path / f"{name}_8x8{suffix}", *(array[rows] for array in more))


def fer2013(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Write a table as FER2013 has it, its parts in any order."""
    parts = ["PrivateTest", *["Training"] * 10, "PublicTest", *["Training"] * 10]
    parts = [*parts, *["PublicTest"] * 3, *["PrivateTest"] * 5]
    order = np.argsort([["Training", "PublicTest", "PrivateTest"].index(part) for part in parts])
    rows = [""] * 30
    for place, index in enumerate(np.argsort(order, kind="stable")):
        pixels = " ".join(map(str, images[index].ravel()))
        rows[place] = f'{labels[index]},"{pixels}",{parts[place]}'
    return "\n".join(["emotion,pixels,Usage", *rows, ""]).encode()


SAMPLES = {
    "csv": Sample("x.csv", lambda path, x, y: path.write_bytes(csv(x, y))),
    "csv, gzipped": Sample(
        "x.csv.gz", lambda path, x, y: path.write_bytes(gzip.compress(csv(x, y)))
    ),
    "FER2013": Sample(
        "x.csv", lambda path, x, y: path.write_bytes(fer2013(x, y)), parts=(20, 4, 6)
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
    "hdf5": Sample("x.h5", hdf5, parts=(20, 4, 6)),
    "h5ad, sparse": Sample("x.h5ad", h5ad, flat=True),
    "h5ad, dense": Sample("x.h5ad", partial(h5ad, kind="array"), flat=True),
    "h5ad, by column": Sample("x.h5ad", partial(h5ad, kind="csc_matrix"), flat=True),
    "SVHN": Sample("x.mat", svhn),
    "MATLAB 7.3": Sample("x.mat", mat73),
    "tensors": Sample(
        "x.pt",
        lambda path, x, y: torch.save(
            {"train": {"images": torch.tensor(x[:20]), "labels": torch.tensor(y[:20])}}
            | {"test": (torch.tensor(x[20:]), torch.tensor(y[20:]))},
            path,
        ),
        parts=(20, 10),
    ),
    "a pair of tensors": Sample(
        "x.pth", lambda path, x, y: torch.save((torch.tensor(x), torch.tensor(y)), path)
    ),
    "safetensors": Sample(
        "x.safetensors",
        lambda path, x, y: save_file({"images": torch.tensor(x), "labels": torch.tensor(y)}, path),
    ),
    "zarr": Sample("x.zarr", zarr_group),
    "zarr, version 2": Sample("x", partial(zarr_group, version=2)),
    "zarr, zipped": Sample("x.zarr.zip", zarr_group),
    "CIFAR-10": Sample("x", cifar, parts=(20, 10), wide=True),
    "shards of Parquet": Sample("x", shards, parts=(20, 4, 6)),
    "folder of SVHN": Sample(
        "x", lambda path, x, y: files_of_parts(path, svhn, ".mat", x, y), parts=(20, 10)
    ),
    "shards of WebDataset": Sample(
        "x",
        lambda path, x, y: files_of_parts(
            path, lambda file, a, b: tar_of(dict(webdataset(a, b, "cls")), file), ".tar", x, y
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
