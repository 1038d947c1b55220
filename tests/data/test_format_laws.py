"""What holds for every format: shape, type, labels, parts, streams, and what damage does."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from data.format_samples import SAMPLES, Sample
from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import FORMATS, load_dataset, stream_data
from latentscape.data.formats.registry import find_format
from memory import peak_memory


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Return each sample in turn."""
    return SAMPLES[request.param]


@pytest.fixture
def path(tmp_path: Path, sample: Sample, images: np.ndarray, labels: np.ndarray) -> Path:
    """Return a path that was written in the format of the sample."""
    sample.write(tmp_path / sample.name, images, labels)
    return tmp_path / sample.name


def sorted_by_bytes(images: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for image in images)


def test_images_labels_and_parts_are_those_that_were_written(
    path: Path, sample: Sample, images: np.ndarray, labels: np.ndarray
) -> None:
    dataset = load_dataset(DataConfig(source=str(path)))
    shape = (64,) if sample.flat else (3, 32, 32) if sample.wide else (1, 8, 8)
    assert dataset.images.shape == (30, *shape)
    assert dataset.images.dtype == np.uint8
    values = np.asarray(dataset.images)[:, 0, :8, :8] if sample.wide else np.asarray(dataset.images)
    # Folders of classes come one after the other, so the order is not that of writing.
    ends = np.cumsum((0, *(sample.parts or (30,))))
    for start, end in zip(ends, ends[1:], strict=False):
        assert sorted_by_bytes(values[start:end]) == sorted_by_bytes(images[start:end])
    assert dataset.n_official_train == (sample.parts[0] if sample.parts else None)
    assert dataset.n_official_validation == (sample.parts[1] if len(sample.parts) > 2 else 0)
    assert not dataset.left_out
    if not sample.labelled:
        assert dataset.labels is None
        return
    assert dataset.label_names == tuple("0123456789")
    by_image = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert [by_image[image.tobytes()] for image in values] == dataset.labels.tolist()


def test_a_stream_is_the_whole_in_pieces(path: Path, sample: Sample) -> None:
    dataset = load_dataset(DataConfig(source=str(path)))
    stream = stream_data(path, dataset.shape, 7)
    chunks = list(stream.chunks)
    assert stream.count in (30, None)
    assert max(len(chunk.images) for chunk in chunks) <= 7
    np.testing.assert_array_equal(np.concatenate([c.images for c in chunks]), dataset.images)
    if sample.labelled:
        texts = [str(label) for chunk in chunks for label in np.ravel(chunk.labels)]
        assert texts == [dataset.label_names[label] for label in dataset.labels]


def test_a_truncated_file_is_refused_or_read(path: Path) -> None:
    file = _some_file(path)
    content = file.read_bytes()
    for share in (0.0, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99):
        file.write_bytes(content[: int(share * len(content))])
        _refused_or_read(path)


def test_sizes_that_are_huge_or_negative_are_refused_within_a_bound(path: Path) -> None:
    """Put numbers that are larger than all memory, or below zero, anywhere into the beginning."""
    generator = np.random.default_rng(0)
    file = _some_file(path)
    numbers = [b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xff" * 7 + b"\x7f", b"-9999999"]
    whole = file.read_bytes()
    for _ in range(10):
        content = bytearray(whole)
        for start in generator.integers(0, min(len(content), 400), 3):
            new = numbers[generator.integers(len(numbers))]
            content[start : start + len(new)] = new
        file.write_bytes(bytes(content))
        _refused_or_read(path)


def test_every_format_has_a_sample(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    names = set()
    for key, sample in SAMPLES.items():
        folder = tmp_path / key
        folder.mkdir()
        sample.write(folder / sample.name, images, labels)
        names.add(find_format(folder / sample.name).name)
        shutil.rmtree(folder)
    assert names == {data_format.name for data_format in FORMATS}


def test_every_format_is_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "data.md").read_text()
    assert [f.name for f in FORMATS if f"| {f.name} |" not in page] == []


def _some_file(path: Path) -> Path:
    """Return the path, or the first file in the folder that it is."""
    return next(file for file in [path, *sorted(path.rglob("*"))] if file.is_file())


def _refused_or_read(path: Path) -> None:
    """Read a damaged path: one message that names it, or finite data; never much memory."""
    message, peak = peak_memory(_read, path)
    assert peak < 200_000_000
    assert not message or str(path) in message


def _read(path: Path) -> str:
    """Return the message of a refusal, or nothing where the data could be read."""
    try:
        dataset = load_dataset(DataConfig(source=str(path)))
    except DataError as error:
        return str(error)
    assert np.isfinite(dataset.images).all()
    return ""
