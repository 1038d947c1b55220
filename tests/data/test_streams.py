"""The law of streams: put together, their chunks are what `load_dataset` reads whole."""

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset, stream_data


def pixel_table(images, labels):
    columns = {f"pixel{index}": column for index, column in enumerate(images.reshape(30, 64).T)}
    return pd.DataFrame({"label": labels, "photo": [f"p{i}" for i in range(30)], **columns})


def write_npy(folder, images, labels):
    np.save(folder / "x.npy", images)
    np.save(folder / "y.npy", labels)
    return folder / "x.npy", {"labels": "y.npy"}


def write_wide_npy(folder, images, labels):
    np.save(folder / "x.npy", images.astype(np.int64).reshape(30, 64))
    return folder / "x.npy", {"shape": (8, 8)}


def write_float_npy(folder, images, labels):
    np.save(folder / "x.npy", images[:, :, :, np.newaxis] / 255.0)
    return folder / "x.npy", {}


def write_csv(folder, images, labels):
    pixel_table(images, labels).to_csv(folder / "x.csv", index=False)
    return folder / "x.csv", {"shape": (8, 8)}


def write_gzipped_tsv(folder, images, labels):
    text = pixel_table(images, labels).to_csv(sep="\t", index=False)
    (folder / "x.tsv.gz").write_bytes(gzip.compress(text.encode()))
    return folder / "x.tsv.gz", {"shape": (8, 8)}


def write_parquet(folder, images, labels):
    pixel_table(images, labels).to_parquet(folder / "x.parquet", row_group_size=9)
    return folder / "x.parquet", {"shape": (8, 8)}


def write_lists(folder, images, labels):
    table = pa.table({"pixels": images.tolist(), "label": labels})
    parquet.write_table(table, folder / "x.parquet")
    return folder / "x.parquet", {}


def write_encoded(folder, images, labels):
    def png(image):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": "some.png"}

    table = pa.table({"image": [png(image) for image in images], "label": labels})
    parquet.write_table(table, folder / "x.parquet")
    return folder / "x.parquet", {"resize": (10, 10)}


def write_folder(folder, images, labels):
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        file = folder / "x" / str(label) / f"{index:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return folder / "x", {}


def write_npz(folder, images, labels):
    np.savez(folder / "x.npz", X=images, y=labels)
    return folder / "x.npz", {}


def write_idx(folder, images, labels):
    header = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
    (folder / "x-idx3-ubyte").write_bytes(header + images.tobytes())
    return folder / "x-idx3-ubyte", {}


WRITERS = [
    write_npy,
    write_wide_npy,
    write_float_npy,
    write_csv,
    write_gzipped_tsv,
    write_parquet,
    write_lists,
    write_encoded,
    write_folder,
    write_npz,
    write_idx,
]


@pytest.fixture(params=WRITERS, ids=lambda write: write.__name__.removeprefix("write_"))
def source(request, tmp_path, images, labels):
    """Return the path of the same digits in some format, and the settings that it needs."""
    return request.param(tmp_path, images, labels)


def whole(path: Path, settings: dict) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


def scaled(chunk) -> np.ndarray:
    low, high = chunk.value_range
    return (chunk.images.astype(np.float32) - low) / (high - low)


@pytest.mark.parametrize("size", [1, 7, 30, 1000])
def test_the_chunks_are_the_whole(source, size):
    path, settings = source
    dataset = whole(path, settings)
    stream = stream_data(path, dataset.shape, size, changes=settings)
    chunks = list(stream.chunks)
    assert all(1 <= len(chunk.images) <= size for chunk in chunks)
    assert stream.count in (None, 30)
    images = np.concatenate([chunk.images for chunk in chunks])
    np.testing.assert_array_equal(images, dataset.images)
    assert {chunk.value_range for chunk in chunks} == {dataset.value_range}
    if dataset.labels is not None:
        names = np.array(dataset.label_names)[dataset.labels]
        streamed = np.concatenate([chunk.labels for chunk in chunks]).astype(str)
        np.testing.assert_array_equal(streamed, names)


def test_the_metadata_of_files(tmp_path, images, labels):
    path, settings = write_folder(tmp_path, images, labels)
    tables = [chunk.metadata for chunk in stream_data(path, (1, 8, 8), 7, changes=settings).chunks]
    metadata = pa.concat_tables(tables).to_pydict()
    files = sorted(path.rglob("*.png"))
    assert metadata["id"] == [file.relative_to(path).as_posix() for file in files]
    assert metadata["label"] == [file.parent.name for file in files]


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_columns_become_metadata(write, tmp_path, images, labels):
    path, settings = write(tmp_path, images, labels)
    tables = [chunk.metadata for chunk in stream_data(path, (1, 8, 8), 7, changes=settings).chunks]
    metadata = pa.concat_tables(tables).to_pydict()
    assert metadata["photo"] == [f"p{index}" for index in range(30)]
    assert list(map(str, metadata["label"])) == list(map(str, labels))


def test_the_files_of_encoded_images_are_metadata(tmp_path, images, labels):
    path, settings = write_encoded(tmp_path, images, labels)
    (chunk,) = stream_data(path, (1, 10, 10), 99, changes=settings).chunks
    assert chunk.metadata.to_pydict() == {"label": list(labels), "image.path": ["some.png"] * 30}


def test_one_fraction_at_the_end_of_a_table_changes_the_range_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr("latentscape.data.formats.csv_tables._BLOCK", 64)
    (tmp_path / "x.csv").write_text("a,b\n" + "1,0\n" * 50 + "0.5,1\n")
    chunks = list(stream_data(tmp_path / "x.csv", (2,), 10).chunks)
    assert {chunk.value_range for chunk in chunks} == {(0.0, 1.0)}
    streamed = np.concatenate([chunk.images for chunk in chunks])
    np.testing.assert_array_equal(streamed, whole(tmp_path / "x.csv", {}).images)


@pytest.mark.parametrize("block", [16, 1 << 20])
def test_a_bad_line_of_a_table_is_named(block, tmp_path, monkeypatch):
    monkeypatch.setattr("latentscape.data.formats.csv_tables._BLOCK", block)
    (tmp_path / "x.csv").write_text("a,b\n" + "1,0\n" * 50 + "1,none\n" + "1,0\n" * 50)
    with pytest.raises(DataError, match="line 52, column 'b': 'none' is not a number"):
        list(stream_data(tmp_path / "x.csv", (2,), 10).chunks)


def test_a_truncated_gzip_file(tmp_path):
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000)))
    (tmp_path / "x.csv.gz").write_bytes(packed[:-500])
    with pytest.raises(DataError, match="truncated or damaged gzip"):
        list(stream_data(tmp_path / "x.csv.gz", (2,), 10).chunks)


def test_the_type_of_integers_changes_nothing(tmp_path, images):
    """Whether integers fit into eight bits depends on the chunk; their meaning does not."""
    values = images.astype(np.int64)
    values[20] *= 250  # The other chunks stay 8-bit.
    np.save(tmp_path / "x.npy", values)
    stream = stream_data(tmp_path / "x.npy", (1, 8, 8), 10)
    chunks = list(stream.chunks)
    assert [chunk.images.dtype.kind for chunk in chunks] == ["u", "u", "f"]
    together = np.concatenate([scaled(chunk) for chunk in chunks])
    np.testing.assert_allclose(together[:, 0], values / 4095, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 8, 8), (64,)])
def test_flat_examples_and_images_are_laid_out_as_wanted(shape, tmp_path, images):
    for name, values in (("flat", images.reshape(30, 64)), ("square", images)):
        np.save(tmp_path / f"{name}.npy", values)
        (chunk,) = stream_data(tmp_path / f"{name}.npy", shape, 99).chunks
        np.testing.assert_array_equal(chunk.images.reshape(30, 64), images.reshape(30, 64))
        assert chunk.images.shape == (30, *shape)


def test_grey_becomes_colour(tmp_path, images):
    np.save(tmp_path / "x.npy", images)
    (chunk,) = stream_data(tmp_path / "x.npy", (3, 8, 8), 99).chunks
    np.testing.assert_array_equal(chunk.images, np.repeat(images[:, None], 3, 1))


def test_another_shape_is_refused(tmp_path, images):
    np.save(tmp_path / "x.npy", images[:, :7] * 15)
    with pytest.raises(DataError, match=r"examples have the shape \(1, 7, 8\)"):
        list(stream_data(tmp_path / "x.npy", (1, 8, 8), 99).chunks)


def test_values_that_are_no_numbers_are_named_by_their_place(tmp_path, images):
    values = images / 255.0
    values[23, 2, 5] = np.nan
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(DataError, match=r"example 23 at \(2, 5\)"):
        list(stream_data(tmp_path / "x.npy", (1, 8, 8), 10).chunks)


def test_an_empty_cell_is_named_by_its_row(tmp_path, images, labels):
    table = pixel_table(images, labels).astype({"pixel5": "Int64"})
    table.loc[17, "pixel5"] = None
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="row 17"):
        list(stream_data(tmp_path / "x.parquet", (64,), 10).chunks)


def test_a_damaged_image_is_named(tmp_path, images, labels):
    path, _ = write_folder(tmp_path, images, labels)
    victim = sorted(path.rglob("*.png"))[12]
    victim.write_bytes(victim.read_bytes()[:40])
    with pytest.raises(DataError, match=victim.name):
        list(stream_data(path, (1, 8, 8), 5).chunks)


def test_labels_of_another_count(tmp_path, images, labels):
    path, _ = write_npy(tmp_path, images, labels[1:])
    with pytest.raises(DataError, match="a label for each of the 30"):
        stream_data(path, (1, 8, 8), 5, changes={"labels": "y.npy"})


def test_a_truncated_array(tmp_path, images):
    np.save(tmp_path / "x.npy", images)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-100])
    with pytest.raises(DataError, match=r"x\.npy"):
        list(stream_data(tmp_path / "x.npy", (1, 8, 8), 5).chunks)
