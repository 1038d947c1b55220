"""Keras files: a model of stock layers, with the channels of images last."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from latentscape.core.extras import require
from latentscape.core.records import Array
from latentscape.exports.keras_model import keras_decoder, keras_encoder
from latentscape.exports.submodels import Runner, Submodel
from latentscape.exports.target import Target
from latentscape.runs import METADATA_KEY

METADATA_FILE = f"{METADATA_KEY}.json"
"""The entry of the archive, which a .keras file is, that holds the metadata."""


def require_keras() -> Any:
    """Import Keras, on PyTorch unless Keras was imported before or another backend is set."""
    has_backend = "keras" in sys.modules or "KERAS_BACKEND" in os.environ
    if not has_backend:
        os.environ["KERAS_BACKEND"] = "torch"
    try:
        return require("keras", "keras", "The export to Keras")
    finally:
        if not has_backend:
            del os.environ["KERAS_BACKEND"]


def write_keras(submodel: Submodel, metadata: str, file: Path) -> None:
    """Write a model of stock layers with the weights carried over.

    Raises
    ------
    ConfigError
        If no stock layer does what the model needs.
    """
    keras = require_keras()
    with _as_written(keras):
        if submodel.name == "encoder":
            dtype = str(submodel.inputs["images"].numpy().dtype)
            model = keras_encoder(keras, submodel.model, dtype)
        else:
            model = keras_decoder(keras, submodel.model)
        model.save(file)
    with ZipFile(file, "a") as archive:
        archive.writestr(METADATA_FILE, metadata)


def open_keras(file: Path) -> Runner:
    """Load a file into Keras, on the CPU."""
    keras = require_keras()
    with _as_written(keras):
        model = keras.saving.load_model(file)

    def run(inputs: Mapping[str, Array]) -> Array:
        arrays = [_move_channels(values, 1, -1) for values in inputs.values()]
        with _as_written(keras):
            outputs = model(arrays if len(arrays) > 1 else arrays[0], training=False)
            return _move_channels(keras.ops.convert_to_numpy(outputs), -1, 1)

    return run


def _move_channels(values: Array, source: int, target: int) -> Array:
    """Move the channels of images."""
    return np.moveaxis(values, source, target) if values.ndim == 4 else values


@contextmanager
def _as_written(keras: Any) -> Iterator[None]:
    """Compute on the CPU, with the channels last, whatever the user's own settings are."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        with keras.device("cpu"), warnings.catch_warnings():
            # NumPy's, of how Keras hands it variables.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            yield
    finally:
        keras.config.set_image_data_format(before)


KERAS = Target(
    "Keras",
    ".keras",
    require_keras,
    write_keras,
    open_keras,
    channels_last=True,
    integers="int32",
    only_stock_layers=True,
)
