"""HDF5, AnnData, MATLAB, PyTorch, safetensors and Zarr: what is read, and what is refused."""

import json
import os
import pickle
import struct
import sys
from pathlib import Path

import h5py
import numcodecs
import numpy as np
import pytest
import torch
import zarr
from safetensors.torch import save_file
from scipy.io import savemat

from data.format_samples import h5ad
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import load_dataset, stream_data


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


class Evil:
    """What a pickle may hold."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch evil",)


def test_arrays_that_are_not_used_are_named(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["imgs"] = images
        file["latents/values"] = np.ones((30, 6))
        file["about"] = "dSprites"
    dataset = load(path)
    assert dataset.labels is None
    reason = "not among the arrays that were looked for"
    assert dataset.left_out == (LeftOut("array", ("about", "latents/values"), 2, reason),)


def test_several_arrays_are_refused_with_their_list(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["left/images"], file["right/images"] = images, images[:20]
    message = r"left/images \(30, 8, 8\), right/images \(20, 8, 8\)"
    with pytest.raises(DataError, match=message):
        load(path)


def test_a_named_array_of_labels(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"], file["fine"] = images, labels // 5, labels
    assert len(load(path, labels="fine").label_names) == 10
    assert len(load(path).label_names) == 2
    assert load(path, labels="none").labels is None
    with pytest.raises(DataError, match="Did you mean 'fine'"):
        load(path, labels="fines")


def test_hdf5_reads_no_other_file(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "secret").write_bytes(bytes(64 * 30))
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        place = [(str(tmp_path / "secret"), 0, 64 * 30)]
        file.create_dataset("images", (30, 8, 8), "u1", external=place)
        file["codes"] = images
        file["link"] = h5py.ExternalLink("other.h5", "/images")
    dataset = load(path)
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    assert dataset.left_out[-1] == LeftOut(
        "array", ("images",), 1, "its values are in another file"
    )


def test_a_damaged_heap_of_texts_ends(tmp_path: Path, images: np.ndarray) -> None:
    """HDF5 itself looks for the end of free space without size for ever."""
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["images"], file["labels"] = images, [f"class {index % 3}" for index in range(30)]
    content = path.read_bytes()
    assert load(path).label_names == ("class 0", "class 1", "class 2")
    start = content.index(b"GCOL") + 16
    path.write_bytes(content[:start] + bytes(16) + content[start + 16 :])
    with pytest.raises(DataError, match="a heap of texts is damaged"):
        load(path)


@pytest.mark.parametrize("kind", ["hdf5", "zarr"])
def test_arrays_without_values_are_bombs(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks that were never written take no place in the file, and all that they declare here."""
    path = tmp_path / f"x.{kind}"
    if kind == "hdf5":
        with h5py.File(path, "w") as file:
            file.create_dataset("images", (10**9, 100, 100), "f4", chunks=(1, 100, 100))
    else:
        group = zarr.create_group(path)
        group.create_array("images", shape=(10**9, 100, 100), dtype="f4", chunks=(1, 100, 100))
    with pytest.raises(DataError, match=r"examples of images .* would take 40 TB of memory"):
        load(path)
    stream = stream_data(path, (1, 100, 100), 2, changes={"range": (0, 1)})
    assert next(iter(stream.chunks)).images.shape == (2, 1, 100, 100)


@pytest.mark.parametrize("damage", [slice(3, 8), slice(8, 12), slice(12, 16), slice(100, None)])
def test_damaged_chunks_of_blosc_do_not_end_the_process(
    tmp_path: Path, images: np.ndarray, damage: slice
) -> None:
    """Blosc believes the header of a chunk, and reads where there is nothing."""
    group = zarr.create_group(tmp_path / "x.zarr", zarr_format=2)
    group.create_array("images", data=images, compressors=numcodecs.Blosc())
    path = tmp_path / "x.zarr"
    np.testing.assert_array_equal(load(path).images[:, 0], images)
    (chunk,) = (path / "images").glob("0*")
    content = bytearray(chunk.read_bytes())
    content[damage] = b"" if damage.stop is None else b"\x7f" * (damage.stop - damage.start)
    chunk.write_bytes(bytes(content))
    with pytest.raises(DataError, match=str(path)):
        load(path)


@pytest.mark.parametrize(
    ("package", "name", "extra"), [("h5py", "x.h5", "hdf5"), ("zarr", "x.zarr", "zarr")]
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, package: str, name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=rf"{package}, which is not .*latentscape\[{extra}\]"):
        load(tmp_path / name)


def test_a_column_of_cells_is_the_label(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    path = tmp_path / "x.h5ad"
    h5ad(path, images, labels)
    with h5py.File(path, "a") as file:
        file["obs/batch"] = [f"b{index % 2}" for index in range(30)]
        file["obsm/X_pca"] = np.ones((30, 2))
    dataset = load(path, labels="batch")
    assert dataset.label_names == ("b0", "b1")
    assert [(unused.kind, unused.names) for unused in dataset.left_out] == [
        ("column", ("label",)),
        ("array", ("obsm/X_pca",)),
    ]
    assert load(path, labels="none").labels is None
    with pytest.raises(DataError, match="Did you mean 'batch'"):
        load(path, labels="batches")


def test_cells_without_a_category(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    path = tmp_path / "x.h5ad"
    h5ad(path, images, np.where(labels == 3, -1, labels))
    with pytest.raises(DataError, match="no label for 3 example"):
        load(path)


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix"])
def test_sparse_indices_outside_of_the_matrix(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, kind: str
) -> None:
    path = tmp_path / "x.h5ad"
    h5ad(path, images, labels, kind)
    with h5py.File(path, "a") as file:
        file["X/indices"][5] = 2**30
    with pytest.raises(DataError, match="cannot be read as HDF5"):
        load(path)


def test_colour_of_svhn(tmp_path: Path) -> None:
    """Examples are counted by the last axis, with labels and without."""
    images = np.arange(30 * 4 * 5 * 3, dtype=np.uint16).reshape(30, 4, 5, 3).astype(np.uint8)
    stored = {"X": np.moveaxis(images, 0, -1)}
    for more in ({}, {"y": np.arange(30)[:, None] % 10 + 1}):
        savemat(tmp_path / "x.mat", stored | more)
        dataset = load(tmp_path / "x.mat")
        np.testing.assert_array_equal(np.moveaxis(dataset.images, 1, -1), images)
    assert dataset.label_names == tuple(map(str, range(1, 11)))


def test_a_matrix_of_columns(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    savemat(tmp_path / "x.mat", {"data": images.reshape(30, 64).T, "labels": labels})
    np.testing.assert_array_equal(load(tmp_path / "x.mat").images, images.reshape(30, 64))


def test_cells_and_structs_of_matlab_are_ignored(tmp_path: Path, images: np.ndarray) -> None:
    cells = np.empty(2, object)
    cells[:] = [np.ones(2), "text"]
    savemat(tmp_path / "x.mat", {"X": images, "cells": cells, "info": {"a": 1}})
    np.testing.assert_array_equal(load(tmp_path / "x.mat").images[:, 0], images)
    savemat(tmp_path / "x.mat", {"cells": cells})
    with pytest.raises(DataError, match=r"holds the arrays \(none\)"):
        load(tmp_path / "x.mat")


def test_a_file_that_is_none_of_matlab(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(b"nothing" * 100)
    with pytest.raises(DataError, match=r"cannot be read as a file of MATLAB.*This line lists"):
        load(tmp_path / "x.mat")


def test_a_bomb_of_matlab(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    savemat(tmp_path / "x.mat", {"X": np.zeros((60, 1000, 1000), "u1")}, do_compression=True)
    monkeypatch.setattr("latentscape.data.limits.available_memory", lambda: 10_000_000)
    with pytest.raises(DataError, match="would take 60 MB of memory"):
        load(tmp_path / "x.mat")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".npy", ".npz", ".zarr"])
def test_pickles_are_never_loaded(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"x{suffix}"
    objects = np.array([Evil(), Evil()], object)
    if suffix == ".zarr":
        path.mkdir()
        codec = {"id": "pickle", "protocol": 5}
        array = {"zarr_format": 2, "shape": [2], "chunks": [2], "dtype": "|O", "order": "C"}
        array |= {"compressor": None, "fill_value": None, "filters": [codec]}
        (path / ".zarray").write_text(json.dumps(array))
        (path / "0").write_bytes(pickle.dumps(objects))
    elif suffix.startswith(".np"):
        save = np.save if suffix == ".npy" else np.savez
        save(path, objects, allow_pickle=True)
    else:
        torch.save({"images": torch.ones(2, 4), "more": Evil()}, path)
    with pytest.raises(DataError, match=str(path)):
        load(path)
    assert not (tmp_path / "evil").exists()


def test_tensors_of_any_number_type(tmp_path: Path) -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.float64, torch.int16, torch.bool):
        values = torch.tensor([[0, 1, 1], [1, 0, 1]]).to(dtype)
        torch.save(values, tmp_path / "x.pt")
        save_file({"data": values}, tmp_path / "x.safetensors")
        for name in ("x.pt", "x.safetensors"):
            np.testing.assert_array_equal(load(tmp_path / name).images, values.float())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a text", "holds a str"),
        ({"epoch": 3}, "holds a dict"),
        (torch.eye(3).to_sparse(), "layout torch.sparse_coo"),
        (torch.ones(3, 4, dtype=torch.complex64), "type torch.complex64"),
        ({"a.weight": torch.ones(2, 2), "b.weight": torch.ones(2, 2)}, "a.weight .2, 2., b.weight"),
        (torch.ones(1).expand(10**9, 10**6), "would take 4 PB"),
    ],
)
def test_what_is_no_examples(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(DataError, match=message):
        load(tmp_path / "x.pt")


def test_a_header_of_safetensors_that_declares_much(tmp_path: Path) -> None:
    for header in (
        b'{"images":{"dtype":"F32","shape":[1000000000,1000000],"data_offsets":[0,64]}}',
        b'{"images":{"dtype":"F32","shape":[-1,4],"data_offsets":[0,64]}}',
    ):
        content = struct.pack("<Q", len(header)) + header + bytes(64)
        (tmp_path / "x.safetensors").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read as safetensors"):
            load(tmp_path / "x.safetensors")
