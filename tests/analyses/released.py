"""A run of version 0.1.0, small and quick: a VAE of the four pixels in the middle of each digit."""

import shutil
from pathlib import Path

import numpy as np

from latentscape.config import DataConfig
from latentscape.core.records import Dataset
from latentscape.data import load_dataset
from latentscape.runs import OpenRun

RUN = Path(__file__).parents[1] / "fixtures" / "models" / "0.1.0" / "run"


def middles() -> Dataset:
    """Return what it was trained on."""
    digits = load_dataset(DataConfig(source="digits"))
    pixels = np.ascontiguousarray(np.asarray(digits.images)[:, :, 3:5, 3:5])
    return Dataset("middles", pixels, digits.labels, digits.label_names, digits.value_range)


def open_released(folder: Path) -> OpenRun:
    """Open a copy of the run in a folder."""
    return OpenRun(shutil.copytree(RUN, folder / "run"), data=middles())
