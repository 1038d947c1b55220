"""Whatever a damaged file provokes in a library, a `DataError` or readable data come out."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import load_dataset


def _encoded(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


@pytest.fixture
def samples(
    images: np.ndarray, labels: np.ndarray, idx_bytes: Callable[[np.ndarray], bytes]
) -> dict[str, bytes]:
    """Return a whole small file of each format, by file name."""
    table = pa.table({"label": labels, "pixels": images.reshape(30, 64).tolist()})
    picture = Image.fromarray(images[0])
    return {
        "x.csv": "\n".join(["a,b", *("1,2" for _ in range(20))]).encode(),
        "x.npy": _encoded(lambda file: np.save(file, images)),
        "x.npz": _encoded(lambda file: np.savez_compressed(file, images=images, labels=labels)),
        "x.parquet": _encoded(lambda file: parquet.write_table(table, file)),
        "images-idx3-ubyte": idx_bytes(images),
        "images-idx3-ubyte.gz": gzip.compress(idx_bytes(images)),
        "folder/x.png": _encoded(lambda file: picture.save(file, "PNG")),
        "folder/x.jpg": _encoded(lambda file: picture.save(file, "JPEG")),
    }


@pytest.mark.parametrize("seed", range(60))
def test_random_damage(tmp_path: Path, samples: dict[str, bytes], seed: int) -> None:
    generator = np.random.default_rng(seed)
    for name, content in samples.items():
        damaged = np.frombuffer(content, np.uint8).copy()
        # Half of the time in the beginning, where a format says what it is.
        reach = min(len(damaged), 60) if seed % 2 else len(damaged)
        places = generator.integers(0, reach, 1 + seed % 4)
        damaged[places] = generator.integers(0, 256, len(places))
        length = generator.integers(len(damaged)) if seed % 3 == 0 else len(damaged)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged[:length].tobytes())
        source = path.parent if name.startswith("folder/") else path
        message = _outcome(str(source))
        assert not message or str(source) in message
        path.unlink()


def _outcome(source: str) -> str:
    """Return the message of a refusal, or nothing where the data could be read."""
    try:
        dataset = load_dataset(DataConfig(source=source))
    except DataError as error:
        return str(error)
    assert np.isfinite(dataset.images).all()
    return ""
