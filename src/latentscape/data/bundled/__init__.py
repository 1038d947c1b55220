"""Images that come with Latentscape: folders of IDX files. README.md says where they come from."""

import sys
from dataclasses import replace
from pathlib import Path

from latentscape.config import DataConfig
from latentscape.data.contents import Contents
from latentscape.data.formats.idx import read_idx_folder

_FOLDER = Path(__file__).parent


def load_mnist_5k() -> Contents:
    """Return 5,000 real MNIST images, 500 of each digit.

    Returns
    -------
    Contents
        Images (5000, 28, 28) of uint8: 4,000 for training, then 1,000 for testing, stratified.
    """
    return _load("mnist-5k", highest=255.0)


def load_digits() -> Contents:
    """Return the 1,797 digits of 8x8 pixels that scikit-learn has too.

    Returns
    -------
    Contents
        Images (1797, 8, 8) of uint8 within 0..16.
    """
    return _load("digits", highest=16.0)


def _load(name: str, highest: float) -> Contents:
    contents = read_idx_folder(_FOLDER / name, DataConfig(source=name), sys.maxsize)
    return replace(contents, value_range=(0.0, highest), origin="Latentscape")
