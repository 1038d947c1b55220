"""IDX, the format of MNIST: magic number, sizes, values; big-endian; often gzipped.

http://yann.lecun.com/exdb/mnist/ describes it.
"""

import math
import re
import struct
from pathlib import Path

import numpy as np

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.payload import read_payload, unreadable
from latentscape.data.raw import Raw, join_parts

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IMAGES = re.compile(r"(?P<part>.*)images(?P<joint>[-.])idx[234]-ubyte(\.gz)?", re.IGNORECASE)
_NAME = re.compile(r".*(idx\d(-ubyte)?|\.ubyte|\.idx)(\.gz)?", re.IGNORECASE)


def is_idx(path: Path) -> bool:
    """Tell an IDX file, or a folder of them, by its name."""
    if path.is_dir():
        return bool(_image_files(path))
    return _NAME.fullmatch(path.name) is not None


def parse_idx(payload: bytes, origin: str) -> Array:
    """Read the content of an IDX file.

    Parameters
    ----------
    payload : bytes
        The decompressed content.
    origin : str
        Where it came from, for the message.

    Returns
    -------
    ndarray
        With the axes and the type that the file declares; read-only, since it is not copied.

    Raises
    ------
    DataError
        If the magic number is none of IDX or the sizes disagree with the length.
    """
    zeros, kind, n_axes = struct.unpack(">HBB", payload[:4]) if len(payload) >= 4 else (1, 0, 0)
    if zeros or kind not in _TYPES or not n_axes:
        raise DataError(
            f"{origin} begins with the magic number 0x{payload[:4].hex()}",
            expected="that of an IDX file: 0x00000803 for images, 0x00000801 for labels",
        )
    dtype, start = np.dtype(_TYPES[kind]), 4 + 4 * n_axes
    shape = struct.unpack(f">{n_axes}I", payload[4:start]) if len(payload) >= start else ()
    expected = start + math.prod(shape) * dtype.itemsize
    if len(payload) != expected or not shape:
        raise DataError(
            f"{origin} declares the sizes {shape} but is {len(payload)} bytes long",
            expected=f"{expected} bytes",
            fix="The file is truncated or not an IDX file; copy or download it again.",
        )
    return np.frombuffer(payload, dtype, offset=start).reshape(shape)


def read_idx(path: Path) -> Raw:
    """Read one IDX file of images, with its labels where they stand beside it.

    Parameters
    ----------
    path : Path
        As in ``train-images-idx3-ubyte.gz``, beside ``train-labels-idx1-ubyte.gz``.

    Raises
    ------
    DataError
        If a file is damaged or there are not as many labels as images.
    """
    values = parse_idx(read_payload(path), str(path))
    file = _label_file(path)
    if file is None:
        return Raw(values)
    labels = parse_idx(read_payload(file), str(file))
    if len(labels) != len(values):
        raise DataError(
            f"{path} holds {len(values)} images but {file.name} {len(labels)} labels",
            expected="a label for each image",
        )
    return Raw(values, labels)


def read_idx_folder(path: Path) -> Raw:
    """Read a folder of IDX files: a training part, and a ``t10k`` or ``test`` part if there is one.

    Raises
    ------
    DataError
        If the parts cannot be told from each other or do not fit together.
    """
    files = _image_files(path)
    if len(files) == 1:
        return read_idx(files[0])
    tests = [file for file in files if re.match(r".*(t10k|test)", file.name, re.IGNORECASE)]
    trains = [file for file in files if file not in tests]
    if len(trains) != 1 or len(tests) != 1:
        raise DataError(
            f"{path} holds the IDX image files {', '.join(file.name for file in files)}",
            expected="one train and one t10k (or test) file of images",
            fix="Give the path of one of them.",
        )
    return join_parts(read_idx(trains[0]), read_idx(tests[0]), str(path))


def _image_files(folder: Path) -> list[Path]:
    """List image files, a file and its gzipped copy once."""
    try:
        files = sorted(file for file in folder.iterdir() if _IMAGES.fullmatch(file.name))
    except OSError as error:
        raise unreadable(folder, error) from error
    return list({file.name.removesuffix(".gz"): file for file in reversed(files)}.values())[::-1]


def _label_file(images: Path) -> Path | None:
    match = _IMAGES.fullmatch(images.name)
    if match is None:
        return None
    name = f"{match['part']}labels{match['joint']}idx1-ubyte"
    candidates = (images.with_name(name), images.with_name(name + ".gz"))
    return next((file for file in candidates if file.is_file()), None)
