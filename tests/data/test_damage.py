"""Whatever a damaged file provokes in a library, a `DataError` or readable data come out."""

from pathlib import Path

import numpy as np
import pytest

from data.format_samples import SAMPLES
from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import load_dataset

_TURNS = 8
"""Each seed takes one of so many formats, so that the seeds together take all of them often."""


@pytest.mark.parametrize("seed", range(60))
def test_random_damage(tmp_path: Path, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for number in range(seed % _TURNS, len(SAMPLES), _TURNS):
        sample = list(SAMPLES.values())[number]
        path = tmp_path / str(number) / sample.name
        path.parent.mkdir()
        sample.write(path, images, labels)
        files = [file for file in sorted([path, *path.rglob("*")]) if file.is_file()]
        file = files[generator.integers(len(files))]
        file.write_bytes(_damaged(file.read_bytes(), generator, seed))
        message = _outcome(str(path))
        assert not message or str(path) in message


def _damaged(content: bytes, generator: np.random.Generator, seed: int) -> bytes:
    damaged = np.frombuffer(content, np.uint8).copy()
    # Half of the time in the beginning, where a format says what it is.
    reach = min(len(damaged), 60) if seed % 2 else len(damaged)
    places = generator.integers(0, reach, 1 + seed % 4)
    damaged[places] = generator.integers(0, 256, len(places))
    length = generator.integers(len(damaged)) if seed % 3 == 0 else len(damaged)
    return damaged[:length].tobytes()


def _outcome(source: str) -> str:
    """Return the message of a refusal, or nothing where the data could be read."""
    try:
        dataset = load_dataset(DataConfig(source=source))
    except DataError as error:
        return str(error)
    assert np.isfinite(dataset.images).all()
    return ""
