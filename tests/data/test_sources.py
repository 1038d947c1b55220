import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.data import SOURCES, load_dataset, source_names, split_dataset
from latentscape.data.loading import as_dataset
from latentscape.runs.facts import DataFacts


def test_sources_are_named_and_described() -> None:
    assert source_names() == ["digits", "fashion-mnist", "mnist", "mnist-5k"]
    assert all(source.about for source in SOURCES.values())


def test_importing_data_imports_no_heavy_library() -> None:
    heavy = {"torch", "pyarrow", "PIL", "pooch", "sklearn"}
    code = f"import sys, latentscape.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_nearly_right_gets_a_suggestion() -> None:
    with pytest.raises(DataError, match=r"data source called 'minst'.*Did you mean 'mnist'\?"):
        load_dataset(DataConfig(source="minst"))


@pytest.mark.parametrize(
    "source", ["trian.csv", "./train", "nowhere/train.npy", "x" * 5000 + ".csv"]
)
def test_a_path_that_does_not_exist(source: str) -> None:
    with pytest.raises(DataError, match="There is no file or folder"):
        load_dataset(DataConfig(source=source))


def test_a_misspelt_path_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match=r"Did you mean .*train\.csv"):
        load_dataset(DataConfig(source=str(tmp_path / "trian.csv")))


@pytest.mark.parametrize("name", ["images.xyz", "archive"])
def test_an_unknown_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"whatever")
    with pytest.raises(DataError, match=r"no known format.*Expected a file called \.csv"):
        load_dataset(DataConfig(source=str(tmp_path / name)))


def test_what_is_neither_file_nor_folder() -> None:
    with pytest.raises(DataError, match="is a device"):
        load_dataset(DataConfig(source="/dev/null"))


@pytest.mark.parametrize(
    "suffix", [".csv", ".tsv", ".csv.gz", ".parquet", ".npy", ".npz", "-idx3-ubyte"]
)
def test_an_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"train-images{suffix}"
    path.touch()
    with pytest.raises(DataError, match=re.escape(str(path))):
        load_dataset(DataConfig(source=str(path)))


def test_a_setting_that_would_be_ignored_is_refused() -> None:
    with pytest.raises(DataError, match="data.labels means nothing to digits"):
        load_dataset(DataConfig(source="digits", labels="y"))


def test_images_of_any_source_are_resized_and_made_grey(tmp_path: Path) -> None:
    assert load_dataset(DataConfig(source="digits", resize=(4, 6))).shape == (1, 4, 6)
    colours = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", colours)
    config = DataConfig(source=str(tmp_path / "x.npy"), grey=True, resize=(4, 4))
    assert load_dataset(config).shape == (1, 4, 4)


def test_vectors_have_no_size_and_no_colours(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 12)))
    with pytest.raises(DataError, match=r"vectors, which have no size.*--shape HxW"):
        load_dataset(DataConfig(source=str(tmp_path / "x.npy"), resize=(2, 2)))
    laid_out = DataConfig(source=str(tmp_path / "x.npy"), shape=(3, 4), resize=(2, 2))
    assert load_dataset(laid_out).shape == (1, 2, 2)


def test_a_registered_name_wins_over_a_file(images: np.ndarray) -> None:
    np.save("digits.npy", images)
    Path("digits.npy").rename("digits")
    assert len(load_dataset(DataConfig(source="digits"))) == 1797


def test_name_and_origin_of_a_file(images: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", images)
    dataset = load_dataset(DataConfig(source=str(tmp_path / "mine.npy")))
    assert (dataset.name, dataset.origin) == ("mine", str(tmp_path / "mine.npy"))


def test_home_is_expanded(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "mine.npy", images)
    assert len(load_dataset(DataConfig(source="~/mine.npy"))) == 30


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_examples(images: np.ndarray, tmp_path: Path, n: int) -> None:
    np.save(tmp_path / "few.npy", images[:n])
    with pytest.raises(DataError, match=f"holds {n} example.*two or more"):
        load_dataset(DataConfig(source=str(tmp_path / "few.npy")))


def test_settings_change_what_is_loaded(digits: object) -> None:
    flat = load_dataset(DataConfig(source="digits", shape=(64,), range=(0, 20)))
    assert flat.shape == (64,)
    assert flat.value_range == (0, 20)


@pytest.mark.parametrize("bad", [(1.0, 1.0), (16.0, 0.0)])
def test_a_range_that_is_none(bad: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="is none"):
        load_dataset(DataConfig(source="digits", range=bad))


@pytest.mark.parametrize("source", ["mnist-5k", "digits"])
def test_every_embedded_source_loads_and_splits(source: str) -> None:
    config = DataConfig(source=source)
    dataset = load_dataset(config)
    split = split_dataset(dataset, config)
    assert dataset.images.dtype == np.uint8
    assert dataset.label_names == tuple("0123456789")
    assert all(split.sizes.values())


@pytest.mark.parametrize("others", [("val",), ("val", "test"), ("test",)])
def test_every_format_says_that_its_validation_part_is_the_test_part(
    tmp_path: Path, others: tuple[str, ...]
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5), np.uint8)
    parts = ("train", *others)
    np.savez(tmp_path / "arrays.npz", **{f"x_{part}": images for part in parts})
    (tmp_path / "shards").mkdir()
    for part in parts:
        table = pa.table({f"pixel{n}": images[:, n // 5, n % 5] for n in range(25)})
        parquet.write_table(table, tmp_path / "shards" / f"{part}.parquet")
    rows = [f"{part},{' '.join(map(str, image.flat))}" for part in parts for image in images]
    (tmp_path / "pixels.csv").write_text("\n".join(["Usage,pixels", *rows]))
    for name in ("arrays.npz", "shards", "pixels.csv"):
        config = DataConfig(source=str(tmp_path / name))
        dataset = load_dataset(config)
        assert dataset.tests_on_validation == (others == ("val",)), name
        assert as_dataset(dataset, DataConfig()).tests_on_validation == (others == ("val",))
        facts = DataFacts.of(split_dataset(dataset, config))
        assert facts.tests_on_validation == (others == ("val",))
