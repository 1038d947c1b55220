"""The formats that can be read, and how a path tells which one it has."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentscape.core.errors import DataError
from latentscape.data.contents import Reader
from latentscape.data.formats.archives import is_archive, read_image_archive
from latentscape.data.formats.cifar import is_cifar, read_cifar
from latentscape.data.formats.csv_tables import read_csv
from latentscape.data.formats.foreign import refuse_foreign
from latentscape.data.formats.h5ad import read_h5ad
from latentscape.data.formats.hdf5 import read_hdf5
from latentscape.data.formats.idx import is_idx_file, is_idx_folder, read_idx, read_idx_folder
from latentscape.data.formats.image_folders import read_image_folder
from latentscape.data.formats.matlab import read_mat
from latentscape.data.formats.npy import read_npy
from latentscape.data.formats.npz import read_npz
from latentscape.data.formats.parquet_tables import read_parquet
from latentscape.data.formats.pixel_strings import is_pixel_table, read_pixel_table
from latentscape.data.formats.shards import is_folder_of, read_shards
from latentscape.data.formats.tensors import read_safetensors, read_torch
from latentscape.data.formats.zarr_arrays import is_zarr, read_zarr


@dataclass(frozen=True)
class Format:
    """A kind of file or folder that holds examples.

    Attributes
    ----------
    name : str
        What such files are called, for messages.
    matches : callable
        Tells whether a path that exists has this format.
    read : Reader
        Opens such a path.
    settings : tuple of str
        ``labels`` where the reader takes that setting of `DataConfig`.
    """

    name: str
    matches: Callable[[Path], bool]
    read: Reader
    settings: tuple[str, ...] = ()


def has_suffix(*suffixes: str) -> Callable[[Path], bool]:
    """Return a function that recognises files by the end of their name, before a ``.gz``."""

    def matches(path: Path) -> bool:
        name = re.sub(r"\.gz$", "", path.name.lower())
        return path.is_file() and Path(name).suffix in suffixes

    return matches


FORMATS: list[Format] = [
    Format(".csv of pixel strings", is_pixel_table, read_pixel_table, ("labels",)),
    Format(".csv, .tsv", has_suffix(".csv", ".tsv"), read_csv, ("labels",)),
    Format(".parquet", has_suffix(".parquet"), read_parquet, ("labels",)),
    Format(".npy", has_suffix(".npy"), read_npy, ("labels",)),
    Format(".npz", has_suffix(".npz"), read_npz, ("labels",)),
    Format(".h5, .hdf5", has_suffix(".h5", ".hdf5", ".hdf", ".he5"), read_hdf5, ("labels",)),
    Format(".h5ad", has_suffix(".h5ad"), read_h5ad, ("labels",)),
    Format(".mat", has_suffix(".mat"), read_mat, ("labels",)),
    Format(".pt, .pth", has_suffix(".pt", ".pth"), read_torch, ("labels",)),
    Format(".safetensors", has_suffix(".safetensors"), read_safetensors, ("labels",)),
    Format(".zarr", is_zarr, read_zarr, ("labels",)),
    Format(".zip, .tar, .tar.gz", is_archive, read_image_archive, ("labels",)),
    Format("...-idx3-ubyte", is_idx_file, read_idx),
    Format("a folder of IDX files", is_idx_folder, read_idx_folder),
    Format("CIFAR's .bin", is_cifar, read_cifar, ("labels",)),
    Format(
        "a folder of .parquet",
        is_folder_of(".parquet"),
        read_shards(read_parquet, ".parquet"),
        ("labels",),
    ),
    Format("a folder of .mat", is_folder_of(".mat"), read_shards(read_mat, ".mat"), ("labels",)),
    Format(
        "a folder of .tar",
        is_folder_of(".tar"),
        read_shards(read_image_archive, ".tar"),
        ("labels",),
    ),
    Format("a folder of images", Path.is_dir, read_image_folder, ("labels",)),
]
"""The first format that matches a path reads it."""


def find_format(path: Path) -> Format:
    """Return the format of a path that exists.

    Raises
    ------
    DataError
        If no format matches, or it is neither a file nor a folder.
    """
    _refuse_special(path)
    refuse_foreign(path)
    for data_format in FORMATS:
        if data_format.matches(path):
            return data_format
    names = [data_format.name for data_format in FORMATS]
    raise DataError(
        f"{path} is of no known format",
        expected=f"a file called {', '.join(names[:-1])} or {names[-1]}",
    )


def _refuse_special(path: Path) -> None:
    """Refuse pipes and devices, which may wait for ever or have no end."""
    kinds = {
        "a pipe": path.is_fifo(),
        "a device": path.is_char_device() or path.is_block_device(),
        "a socket": path.is_socket(),
    }
    for kind, is_this in kinds.items():
        if is_this:
            raise DataError(
                f"{path} is {kind}",
                expected="a file or a folder",
                fix="Write what it yields to a file first.",
            )
