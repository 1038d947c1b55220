"""Tensors of PyTorch (.pt, .pth) and of safetensors; no code in them is ever run."""

import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.core.scratch import MAX_RESIDENT
from latentscape.data.contents import Contents
from latentscape.data.formats.named_arrays import Stored, contents_of_arrays
from latentscape.data.limits import check_data_memory

if TYPE_CHECKING:
    from torch import Tensor

_NEWER = "Save it with torch.save of today, of which parts are read: older files are read whole."

# All that PyTorch's loader raises over damaged files.
_DAMAGE = (
    OSError,
    RuntimeError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, eq=False)
class _Slices:
    """A tensor in a safetensors file, of which slices are read."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype = np.dtype(np.float64)  # the widest, to reckon with

    def __getitem__(self, rows: slice) -> Array:
        from safetensors import safe_open

        with _whole(self.path, "safetensors"), safe_open(self.path, "pt") as file:
            return _to_numpy(file.get_slice(self.name)[rows], self.path)


def read_safetensors(path: Path, config: DataConfig, size: int) -> Contents:
    """Read the tensors of a safetensors file, as `contents_of_arrays` finds them; see `Reader`."""
    from safetensors import safe_open

    with _whole(path, "safetensors"), safe_open(path, "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    arrays: dict[str, Stored] = {name: _Slices(path, name, shapes[name]) for name in sorted(shapes)}
    return contents_of_arrays(arrays, path, config, size)


def read_torch(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a tensor, a dictionary of tensors, or a pair of examples and labels; see `Reader`.

    The file is loaded with ``weights_only``, which builds tensors and nothing else. What is large
    is mapped, of which parts are read.
    """
    import torch

    size_on_disk = path.stat().st_size
    is_mapped = size_on_disk > MAX_RESIDENT and zipfile.is_zipfile(path)
    if not is_mapped:
        check_data_memory(f"What {path} holds", size_on_disk, _NEWER)
    with _whole(path, "tensors of PyTorch"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged files, which are refused below
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_mapped)
        tensors = _by_name(content)
        if tensors is None:
            raise DataError(
                f"{path} holds a {type(content).__name__}",
                expected="a tensor, a dictionary of tensors, or a pair of examples and labels",
                fix="Save it again so: torch.save({'images': x, 'labels': y}, path).",
            )
        arrays: dict[str, Stored] = {
            name: _to_numpy(tensor, path) for name, tensor in tensors.items()
        }
        return contents_of_arrays(arrays, path, config, size)


def _by_name(content: Any) -> Mapping[str, "Tensor"] | None:
    """Return the tensors in what was loaded; None if that is something else."""
    import torch

    if isinstance(content, torch.Tensor):
        return {"": content}
    if isinstance(content, list | tuple) and len(content) == 2:
        content = dict(zip(("images", "labels"), content, strict=True))
    if not isinstance(content, dict):
        return None
    tensors: dict[str, Tensor] = {}
    for name, value in content.items():
        inner = _by_name(value)
        if inner is None:
            continue  # A number or a text beside the tensors.
        tensors |= {"/".join(filter(None, (str(name), key))): inner[key] for key in inner}
    return tensors or None


def _to_numpy(tensor: "Tensor", path: Path) -> Array:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
        raise DataError(
            f"{path} holds a tensor of layout {tensor.layout} and type {tensor.dtype}",
            expected="dense tensors of real numbers",
        )
    tensor = tensor.detach()
    narrow = tensor.is_floating_point() and tensor.dtype.itemsize < 4
    return np.asarray((tensor.float() if narrow else tensor).numpy())


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except DataError:  # a ValueError too, but already in words
        raise
    except (*_DAMAGE, SafetensorError) as error:
        raise DataError(
            f"{path} cannot be read as {kind}: {_first_sentence(error)}",
            expected="a whole file that holds tensors and no other objects",
        ) from error


def _first_sentence(error: Exception) -> str:
    """Shorten PyTorch's advice, which is to load the file in a way that runs what is in it."""
    return str(error).strip().partition("\n")[0].partition(". ")[0] or type(error).__name__
