import pickle
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset, split_dataset


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.npy"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((10, 12), (12,)),
        ((10, 6, 5), (1, 6, 5)),
        ((10, 1, 6, 5), (1, 6, 5)),
        ((10, 3, 6, 5), (3, 6, 5)),
        ((10, 6, 5, 1), (1, 6, 5)),
        ((10, 6, 5, 3), (3, 6, 5)),
        ((10, 6, 5, 4), (4, 6, 5)),
        ((10, 3, 6, 3), (3, 3, 6)),  # ambiguous: the last axis wins
    ],
)
def test_axes(path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.save(path, array)
    dataset = load(path)
    assert dataset.shape == expected
    moved = (
        array.reshape(10, *expected) if shape[-1] not in (1, 3, 4) else np.moveaxis(array, -1, 1)
    )
    np.testing.assert_array_equal(dataset.images, moved)
    assert np.asarray(dataset.images).flags["C_CONTIGUOUS"]
    assert np.asarray(dataset.images).flags["WRITEABLE"]


def test_shape_settles_what_is_ambiguous(path: Path) -> None:
    array = np.arange(10 * 3 * 6 * 3, dtype=np.float32).reshape(10, 3, 6, 3)
    np.save(path, array)
    np.testing.assert_array_equal(load(path, shape=(3, 6, 3)).images, array)


@pytest.mark.parametrize(("shape", "moved"), [((2, 6, 5), False), ((5, 2, 6), True)])
def test_shape_says_where_unusual_channels_are(
    path: Path, shape: tuple[int, ...], moved: bool
) -> None:
    array = np.arange(10 * 60, dtype=np.float32).reshape(10, 2, 6, 5)
    np.save(path, array)
    expected = np.moveaxis(array, -1, 1) if moved else array
    np.testing.assert_array_equal(load(path, shape=shape).images, expected)


def test_unusual_channels_need_a_shape(path: Path) -> None:
    np.save(path, np.zeros((10, 6, 5, 2), np.uint8))
    with pytest.raises(DataError, match=r"no axis looks like channels.*data\.shape"):
        load(path)


def test_images_are_not_rearranged_into_other_images(path: Path) -> None:
    np.save(path, np.zeros((10, 6, 5), np.uint8))
    with pytest.raises(
        DataError, match=r"cannot take the shape \(1, 5, 6\).*\(1, 6, 5\) or \(30,\)"
    ):
        load(path, shape=(5, 6))


@pytest.mark.parametrize("shape", [(), (10,), (10, 2, 2, 2, 2), (10, 0), (10, 0, 5)])
def test_other_axes(path: Path, shape: tuple[int, ...]) -> None:
    np.save(path, np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match=r"array of shape.*Expected images \(N, H, W\)"):
        load(path)


@pytest.mark.parametrize(
    ("array", "dtype", "value_range"),
    [
        (np.array([[0, 255], [1, 2]], np.int64), np.uint8, (0, 255)),
        (np.array([[0, 255], [1, 2]], ">u2"), np.uint8, (0, 255)),
        (np.array([[0, 4095], [1, 2]], np.int32), np.float32, (0, 4095)),
        (np.array([[0, 1], [1, 1]], np.uint8), np.uint8, (0, 1)),
        (np.array([[0, -1], [1, 2]], np.int8), np.float32, (0, 1)),
        (np.array([[True, False], [False, False]]), np.uint8, (0, 1)),
        (np.array([[0.5, 1], [1, 2]], np.float64), np.float32, (0, 1)),
        (np.array([[0.5, 1], [1, 2]], ">f4"), np.float32, (0, 1)),
        (np.array([[0.5, 1], [1, 2]], np.float16), np.float32, (0, 1)),
    ],
)
def test_types(
    path: Path, array: np.ndarray, dtype: type, value_range: tuple[float, float]
) -> None:
    np.save(path, array)
    dataset = load(path)
    assert dataset.images.dtype == dtype
    assert dataset.value_range == value_range
    np.testing.assert_array_equal(dataset.images, array)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_finite_is_counted_and_located(path: Path, bad: float) -> None:
    array = np.zeros((10, 4, 5))
    array[3, 1, 2] = array[7, 0, 0] = bad
    np.save(path, array)
    with pytest.raises(DataError, match=r"2 value\(s\).*example 3 at \(1, 2\)"):
        load(path)


@pytest.mark.parametrize("dtype", ["complex64", "U3", "datetime64[s]", "i4,i4"])
def test_what_is_no_number(path: Path, dtype: str) -> None:
    np.save(path, np.zeros((3, 2), dtype))
    with pytest.raises(DataError, match="values of type.*Expected real numbers"):
        load(path)


def test_objects_are_never_unpickled(path: Path) -> None:
    np.save(path, np.array([{"a": 1}, None]), allow_pickle=True)
    with pytest.raises(DataError, match=r"pickled objects.*np\.save"):
        load(path)


def test_a_pickle_by_another_name_does_not_run(path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (path.with_name("ran"),)

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="pickled objects"):
        load(path)
    assert not path.with_name("ran").exists()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_the_other_format_under_this_name(tmp_path: Path, images: np.ndarray, suffix: str) -> None:
    with (tmp_path / f"x{suffix}").open("wb") as file:
        np.savez(file, images) if suffix == ".npy" else np.save(file, images)
    with pytest.raises(DataError, match="not what its name says"):
        load(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("place", ["here", "beside", "absolute"])
def test_labels_in_a_file(path: Path, images: np.ndarray, labels: np.ndarray, place: str) -> None:
    np.save(path, images)
    file = Path("y.npy") if place == "here" else path.with_name("y.npy")
    np.save(file, labels)
    dataset = load(path, labels=str(file) if place == "absolute" else "y.npy")
    np.testing.assert_array_equal(dataset.labels, labels)


def test_labels_of_another_count(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.save(path, images)
    np.save(path.with_name("y.npy"), labels[1:])
    with pytest.raises(DataError, match="30 examples but 29 labels"):
        load(path, labels="y.npy")


def test_labels_that_are_nowhere(path: Path, images: np.ndarray) -> None:
    np.save(path, images)
    with pytest.raises(DataError, match=r"no file y\.npy, here or beside"):
        load(path, labels="y.npy")


@pytest.mark.parametrize(
    "names",
    [("images", "labels"), ("X", "y"), ("x", "y"), ("data", "target"), ("x_train", "y_train")],
)
def test_archives_of_examples_and_labels(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, str]
) -> None:
    np.savez(
        tmp_path / "x.npz", **dict(zip(names, (images, labels), strict=True)), other=np.ones(3)
    )
    dataset = load(tmp_path / "x.npz")
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset.n_official_train is None


@pytest.mark.parametrize("x", ["x", "X"])
def test_an_archive_with_an_official_split(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, x: str
) -> None:
    parts = {
        f"{x}_train": images[:20],
        "y_train": labels[:20],
        f"{x}_test": images[20:],
        "y_test": labels[20:],
    }
    np.savez_compressed(tmp_path / "x.npz", **parts)
    dataset = load(tmp_path / "x.npz")
    assert dataset.n_official_train == 20
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)


@pytest.mark.parametrize("names", ["{}_images {}_labels", "x_{} y_{}", "X_{} y_{}"])
@pytest.mark.parametrize("validation", ["val", "valid"])
def test_an_archive_with_a_validation_part(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, names: str, validation: str
) -> None:
    """The archives of MedMNIST are such, with labels (N, 1)."""
    ends = {"train": slice(18), "test": slice(24, 30), validation: slice(18, 24)}
    arrays = {
        name.format(part): values[rows]
        for part, rows in ends.items()
        for name, values in zip(names.split(), (images, labels[:, None]), strict=True)
    }
    np.savez(tmp_path / "x.npz", **arrays, weights=np.ones(30))
    dataset = load(tmp_path / "x.npz")
    assert (dataset.n_official_train, dataset.n_official_validation) == (18, 6)
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    np.testing.assert_array_equal(dataset.labels, labels)
    split = split_dataset(dataset, DataConfig())
    np.testing.assert_array_equal(split.validation, np.arange(18, 24))
    assert [(entry.kind, entry.names) for entry in dataset.left_out] == [("array", ("weights",))]


def test_an_archive_of_one_array(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", images)
    assert load(tmp_path / "x.npz").labels is None


def test_labels_named_in_an_archive(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", images=images, fine=labels, labels=labels // 5)
    assert len(load(tmp_path / "x.npz", labels="fine").label_names) == 10
    assert len(load(tmp_path / "x.npz").label_names) == 2
    with pytest.raises(DataError, match="Did you mean 'fine'"):
        load(tmp_path / "x.npz", labels="fines")


def test_an_archive_of_unknown_names(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", codes=images, names=images)
    with pytest.raises(DataError, match="the arrays codes .30, 8, 8., names .*Expected x_train"):
        load(tmp_path / "x.npz")


def test_an_archive_of_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"\(none\)"):
        load(tmp_path / "x.npz")
