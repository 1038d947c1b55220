"""The formats that a model can be exported to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latentscape.core.errors import ConfigError, unknown
from latentscape.exports.halves import Half, Runner
from latentscape.exports.keras_file import open_keras, require_keras, write_keras
from latentscape.exports.onnx_file import open_onnx, require_onnx, write_onnx
from latentscape.exports.torch_file import open_torch, write_torch


@dataclass(frozen=True)
class Target:
    """A format.

    Attributes
    ----------
    suffix : str
        Of its files.
    require : callable
        Imports the packages it needs, or says how to install them.
    write : callable
        Writes half of a model and its metadata, a text, to a file.
    open : callable
        Loads such a file into the program it is meant for.
    channels_last : bool
        Whether its images are (B, H, W, C), and not (B, C, H, W) as in the model.
    integers : str
        The type of its labels.
    """

    suffix: str
    require: Callable[[], object]
    write: Callable[[Half, str, Path], None]
    open: Callable[[Path], Runner]
    channels_last: bool = False
    integers: str = "int64"


TARGETS = {
    "onnx": Target(".onnx", require_onnx, write_onnx, open_onnx),
    "keras": Target(".keras", require_keras, write_keras, open_keras, True, "int32"),
    "torch-export": Target(".pt2", lambda: None, write_torch, open_torch),
}


def choose_target(name: str) -> Target:
    """Look a format up, and import what it needs.

    Raises
    ------
    ConfigError
        If there is none of that name, or a package is not installed.
    """
    if name not in TARGETS:
        raise unknown("export target", name, TARGETS, ConfigError)
    target = TARGETS[name]
    target.require()
    return target
