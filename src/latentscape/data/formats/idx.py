"""IDX, the format of MNIST: magic number, sizes, values; big-endian; often gzipped.

http://yann.lecun.com/exdb/mnist/ describes it.
"""

import gzip
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array, LeftOut
from latentscape.data.compression import (
    GZIP_DAMAGE,
    damaged_gzip,
    open_decompressed,
    unreadable,
)
from latentscape.data.contents import Contents, Examples, from_arrays
from latentscape.data.limits import check_data_memory, read_within_memory
from latentscape.data.regions import Region
from latentscape.data.streamed import Streamed

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_LONGEST_HEADER = 4 + 4 * 255
_MAX_RATIO = 1100
"""So many bytes a byte of a gzipped file can become, at most."""

_IMAGES = re.compile(r"(?P<part>.*)images(?P<joint>[-.])idx[234]-ubyte(\.gz)?", re.IGNORECASE)
_NAME = re.compile(r".*(idx\d(-ubyte)?|\.ubyte|\.idx)(\.gz)?", re.IGNORECASE)


def is_idx_file(path: Path) -> bool:
    """Tell an IDX file by its name."""
    return path.is_file() and _NAME.fullmatch(path.name) is not None


def is_idx_folder(path: Path) -> bool:
    """Tell a folder that holds IDX files of images."""
    return path.is_dir() and bool(_image_files(path))


def read_idx(path: Path, config: DataConfig, size: int) -> Contents:
    """Read one IDX file of images, with the file of labels beside it if there is one.

    As in ``train-images-idx3-ubyte.gz``, beside ``train-labels-idx1-ubyte.gz``. See `Reader`.
    """
    return _contents([path], str(path), size)


def read_idx_folder(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a folder of IDX files: a training part, and a ``t10k`` or ``test`` part if there is one.

    See `Reader`. Parts that cannot be told from each other, or do not fit together, are an error.
    """
    files = _image_files(path)
    if len(files) == 1:
        contents = read_idx(files[0], config, size)
        return replace(contents, left_out=_left_out(path, files))
    test = [file for file in files if re.match(r".*(t10k|test)", file.name, re.IGNORECASE)]
    train = [file for file in files if file not in test]
    if len(train) != 1 or len(test) != 1:
        raise DataError(
            f"{path} holds the IDX image files {', '.join(file.name for file in files)}",
            expected="one train and one t10k (or test) file of images",
            fix="Give the path of one of them.",
        )
    contents = _contents([train[0], test[0]], str(path), size)
    return replace(contents, left_out=_left_out(path, files))


def _contents(files: Sequence[Path], origin: str, size: int) -> Contents:
    contents = from_arrays([_read_part(file) for file in files], origin, size)
    # Those that are not there, too: labels that come later change what the files hold.
    return replace(contents, beside=tuple(chain.from_iterable(map(_label_files, files))))


def _left_out(folder: Path, images: list[Path]) -> tuple[LeftOut, ...]:
    """Name the other files in a folder, but for gzipped copies of those that are read."""
    used = [*images, *filter(None, map(_label_file, images))]
    known = {file.name.removesuffix(".gz") for file in used}
    others = sorted(
        file.name
        for file in folder.iterdir()
        if file.name.removesuffix(".gz") not in known and not file.name.startswith(".")
    )
    return LeftOut.of("file", others, "neither IDX images nor their labels")


def _read_array(path: Path) -> Array:
    """Read no more of a file than its header declares, and a little that shows that it is wrong."""
    with open_decompressed(path) as file:
        header = file.read(_LONGEST_HEADER)
        expected = _parse_header(header, str(path))[2]
        if expected <= _MAX_RATIO * path.stat().st_size:  # else it is damaged, as its end will show
            check_data_memory(f"The array that {path} declares", expected)
        rest = read_within_memory(file, str(path), max(expected - len(header), 0) + 1)
    return parse_idx(header + rest, str(path))


def parse_idx(content: bytes, origin: str) -> Array:
    """Read the content of an IDX file.

    Parameters
    ----------
    content : bytes
        The decompressed content.
    origin : str
        Where it came from, for the message.

    Returns
    -------
    ndarray
        With the axes and the type that the file declares. It is read-only: a view of `content`.

    Raises
    ------
    DataError
        If the magic number is not one of IDX or the sizes disagree with the length.
    """
    dtype, shape, expected = _parse_header(content, origin)
    if len(content) != expected or not shape:
        raise DataError(
            f"{origin} declares the sizes {shape} but is {len(content)} bytes long",
            expected=f"{expected} bytes",
            fix="The file is truncated or not an IDX file; copy or download it again.",
        )
    return np.frombuffer(content, dtype, offset=4 + 4 * len(shape)).reshape(shape)


def _parse_header(content: bytes, origin: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Return the type, the sizes of the axes, and how many bytes the whole file has."""
    zeros, code, n_axes = struct.unpack(">HBB", content[:4]) if len(content) >= 4 else (1, 0, 0)
    if zeros or code not in _TYPES or not n_axes:
        raise DataError(
            f"{origin} begins with the magic number 0x{content[:4].hex()}",
            expected="that of an IDX file: 0x00000803 for images, 0x00000801 for labels",
        )
    dtype, start = np.dtype(_TYPES[code]), 4 + 4 * n_axes
    shape = struct.unpack(f">{n_axes}I", content[4:start]) if len(content) >= start else ()
    return dtype, shape, start + math.prod(shape) * dtype.itemsize


def _read_part(path: Path) -> Examples:
    images = _region(path) or _streamed(path) or _read_array(path)
    file = _label_file(path)
    if file is None:
        return Examples(cast(Array, images))
    labels = _read_array(file)
    if len(labels) != len(images):
        raise DataError(
            f"{path} holds {len(images)} images but {file.name} {len(labels)} labels",
            expected="a label for each image",
        )
    return Examples(cast(Array, images), labels)


def _region(path: Path) -> Region | None:
    """Return where the array of a whole file stands that is not compressed; None of others."""
    dtype, shape, expected, is_compressed = _header_of(path)
    if is_compressed or len(shape) < 2 or path.stat().st_size != expected:
        return None
    return Region(path, _start(shape), shape, dtype)


def _streamed(path: Path) -> Streamed | None:
    """Return the array of a file that is compressed, and holds what it declares; None of others."""
    dtype, shape, expected, is_compressed = _header_of(path)
    if not is_compressed or len(shape) < 2 or expected > _MAX_RATIO * path.stat().st_size:
        return None
    begin = partial(_begin, path, _start(shape))
    refuse = partial(damaged_gzip, str(path))
    return Streamed(begin, shape, dtype, str(path), (*GZIP_DAMAGE, OSError), refuse)


def _begin(path: Path, start: int) -> BinaryIO:
    """Open a compressed file at its first value."""
    file = gzip.open(path)
    file.read(start)
    return cast(BinaryIO, file)


def _header_of(path: Path) -> tuple[np.dtype[Any], tuple[int, ...], int, bool]:
    """Return what `_parse_header` does, and whether the file is compressed."""
    with open_decompressed(path) as file:
        header = file.read(_LONGEST_HEADER)
        is_compressed = isinstance(getattr(file, "raw", None), gzip.GzipFile)
    return *_parse_header(header, str(path)), is_compressed


def _start(shape: tuple[int, ...]) -> int:
    """Return where values begin."""
    return 4 + 4 * len(shape)


def _image_files(folder: Path) -> list[Path]:
    """List image files, a file and its gzipped copy once."""
    try:
        files = sorted(file for file in folder.iterdir() if _IMAGES.fullmatch(file.name))
    except OSError as error:
        raise unreadable(folder, error) from error
    return list({file.name.removesuffix(".gz"): file for file in reversed(files)}.values())[::-1]


def _label_file(images: Path) -> Path | None:
    return next((file for file in _label_files(images) if file.is_file()), None)


def _label_files(images: Path) -> tuple[Path, ...]:
    """Return the files that may hold the labels of images; the first one that is there does."""
    match = _IMAGES.fullmatch(images.name)
    if match is None:
        return ()
    name = f"{match['part']}labels{match['joint']}idx1-ubyte"
    return images.with_name(name), images.with_name(name + ".gz")
