"""A format that is registered from outside of the package is read like those inside."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import latentscape
from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import (
    FORMATS,
    Contents,
    Examples,
    Format,
    has_suffix,
    load_dataset,
    show_data,
    stream_data,
)
from latentscape.data.formats import registry


def read_frames(path: Path, config: DataConfig, size: int) -> Contents:
    """Read frames of 8x8 bytes, one after the other, as a camera may write them."""
    frames = np.memmap(path, np.uint8, "r").reshape(-1, 8, 8)

    def batches() -> Iterator[Examples]:
        for start in range(0, len(frames), size):
            batch = frames[start : start + size]
            numbers = pa.table({"frame": np.arange(start, start + len(batch))})
            yield Examples(batch, metadata=lambda table=numbers: table)

    return Contents(batches(), len(frames))


FRAMES = Format(".frames", has_suffix(".frames"), read_frames)


@pytest.fixture
def path(tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file in a format that is registered for this test."""
    monkeypatch.setattr(registry, "FORMATS", [*FORMATS, FRAMES])
    file = tmp_path / "camera.frames"
    file.write_bytes(images.tobytes())
    return file


def test_it_is_loaded_and_summarized(path: Path, images: np.ndarray) -> None:
    dataset = load_dataset(DataConfig(source=str(path)))
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    assert (dataset.name, dataset.origin) == ("camera", str(path))
    assert show_data(path).n == 30


def test_it_is_streamed(path: Path, images: np.ndarray) -> None:
    stream = stream_data(path, (1, 8, 8), 7)
    chunks = list(stream.chunks)
    assert stream.count == 30
    assert [len(chunk.images) for chunk in chunks] == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate([c.images for c in chunks])[:, 0], images)
    assert chunks[1].metadata.to_pydict() == {"frame": list(range(7, 14))}


def test_it_is_trained_on_and_embedded(path: Path, tmp_path: Path) -> None:
    run = latentscape.train(
        "simple-20", data=path, changes={"train.epochs": 1}, folder=tmp_path / "runs", quiet=True
    )
    embedded = latentscape.embed(run, path, tmp_path / "codes.parquet")
    table = parquet.read_table(embedded.file)
    assert table.column("frame").to_pylist() == list(range(30))
    assert table.num_columns == 22  # id, frame, and 20 numbers of a code


def test_it_is_among_the_formats_that_an_error_names(path: Path) -> None:
    other = path.with_suffix(".unknown")
    other.touch()
    with pytest.raises(DataError, match=r"Expected a file called \.csv.* or \.frames"):
        load_dataset(DataConfig(source=str(other)))


def test_labels_that_its_reader_ignores_are_refused(path: Path) -> None:
    with pytest.raises(DataError, match="data.labels means nothing to"):
        load_dataset(DataConfig(source=str(path), labels="y"))


def test_a_reader_that_returns_another_count_than_it_declares(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_too_few(path: Path, config: DataConfig, size: int) -> Contents:
        return replace(read_frames(path, config, size), count=31)

    monkeypatch.setattr(registry, "FORMATS", [replace(FRAMES, read=read_too_few)])
    with pytest.raises(DataError, match="holds 30 examples.*the 31 it declares"):
        load_dataset(DataConfig(source=str(path)))


@pytest.mark.parametrize("count", [30, None], ids=["count known", "count unknown"])
def test_batches_of_any_size_and_type_become_one_dataset(
    path: Path, images: np.ndarray, count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grey and colour, integers and floats: what one batch needs, all of them get."""
    colour = np.repeat(images[:, np.newaxis], 3, axis=1)
    parts = [images[:5, np.newaxis], colour[5:20].astype(np.int64), images[20:, np.newaxis] / 2]

    def read_parts(path: Path, config: DataConfig, size: int) -> Contents:
        return Contents(iter(map(Examples, parts)), count, channels_first=True)

    monkeypatch.setattr(registry, "FORMATS", [replace(FRAMES, read=read_parts)])
    dataset = load_dataset(DataConfig(source=str(path)))
    assert (dataset.images.dtype, dataset.value_range) == (np.float32, (0.0, 1.0))
    np.testing.assert_array_equal(dataset.images[:20], colour[:20])
    np.testing.assert_array_equal(dataset.images[20:], colour[20:] / 2)


def test_batches_of_different_sizes_of_image(
    path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_parts(path: Path, config: DataConfig, size: int) -> Contents:
        return Contents(iter([Examples(images), Examples(images[:, :7])]), 60)

    monkeypatch.setattr(registry, "FORMATS", [replace(FRAMES, read=read_parts)])
    with pytest.raises(DataError, match=r"From example 30 .*\(1, 7, 8\).*before, \(1, 8, 8\)"):
        load_dataset(DataConfig(source=str(path)))
