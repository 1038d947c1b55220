"""Data in memory, of any kind, go through the same checks and give the same as a file."""

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

import latentscape
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Dataset
from latentscape.data import load_data, stream_data

NAMES = tuple("0123456789")


class Items(torch.utils.data.Dataset):
    """A map-style data set, as torchvision has them."""

    def __init__(self, items, classes=None):
        self.items = items
        if classes is not None:
            self.classes = classes

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


def frame(images, labels):
    table = pd.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    return table.assign(label=labels, id=range(len(images)))


def pictures(images):
    return [Image.fromarray(image) for image in images]


KINDS = {
    "array": lambda x, y: (x, y),
    "flat numbers": lambda x, y: (x.astype(np.int64).tolist(), list(map(int, y))),
    "floats": lambda x, y: (x.astype(np.float32), y.astype(float)),
    "channels last": lambda x, y: (x[..., None], y[:, None]),
    "text labels": lambda x, y: (x, list(map(str, y))),
    "tensors": lambda x, y: (torch.from_numpy(x.copy()), torch.from_numpy(y)),
    "list of arrays": lambda x, y: (list(x), y),
    "list of tensors": lambda x, y: ([torch.from_numpy(i.copy())[None] for i in x], y),
    "mapping": lambda x, y: {"images": x, "labels": y},
    "pandas": frame,
    "pandas apart": lambda x, y: (frame(x, y).drop(columns=["label", "id"]), pd.Series(y)),
    "arrow": lambda x, y: pa.Table.from_pandas(frame(x, y), preserve_index=False),
    "polars": lambda x, y: polars.DataFrame(frame(x, y).to_dict("list")),
    "frame of lists": lambda x, y: pd.DataFrame({"image": [i.tolist() for i in x], "label": y}),
    "pairs": lambda x, y: list(zip(x, y, strict=True)),
    "tensor data set": lambda x, y: TensorDataset(torch.from_numpy(x.copy()), torch.from_numpy(y)),
    "items": lambda x, y: Items(
        [(torch.from_numpy(i.copy())[None], int(j)) for i, j in zip(x, y, strict=True)], NAMES
    ),
    "part of items": lambda x, y: Subset(
        Items(list(zip(x, map(int, y), strict=True)), NAMES), range(len(x))
    ),
    "named items": lambda x, y: Items(
        [{"image": i, "label": j} for i, j in zip(x, y, strict=True)]
    ),
    "dataset": lambda x, y: Dataset("mine", x, y),
    "dataset of tensors": lambda x, y: Dataset("mine", torch.from_numpy(x.copy()), list(y)),
    "dataset, channels last": lambda x, y: Dataset("mine", x[..., None], y[:, None], NAMES),
    "dataset of floats": lambda x, y: Dataset("mine", x.astype(float), y.astype(str), NAMES),
}


@pytest.fixture
def bright(images):
    """Return 30 digits (30, 8, 8) of uint8, whose range is clear."""
    return (images * 15).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_dataset(kind, bright, labels, tmp_path):
    np.savez(tmp_path / "x.npz", images=bright, labels=labels)
    expected = load_data(tmp_path / "x.npz")
    dataset = load_data(KINDS[kind](bright, labels))
    np.testing.assert_array_equal(dataset.images, expected.images)
    assert (dataset.shape, dataset.value_range) == ((1, 8, 8), (0, 255))
    assert dataset.range_reason == "content"
    np.testing.assert_array_equal(dataset.labels, labels)
    assert dataset.label_names == NAMES
    assert dataset.origin == ""


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_every_kind_may_be_left_out(kind, bright, labels):
    dataset = load_data(KINDS[kind](bright, labels), changes={"labels": "none"})
    assert (dataset.labels, dataset.label_names, len(dataset)) == (None, (), 30)


def test_how_data_are_read_is_told_by_keyword(tmp_path):
    table = tmp_path / "x.csv"
    rows = [f"{','.join(str(i % 17) for i in range(16))},{'ab'[n % 2]}" for n in range(30)]
    table.write_text("\n".join([",".join([*map(str, range(16)), "kind"]), *rows]))
    dataset = load_data(table, labels="kind", shape=(4, 4), resize=(2, 2), value_range=(0, 16))
    changes = {"labels": "kind", "shape": (4, 4), "resize": (2, 2), "range": (0, 16)}
    assert dataset.fingerprint == load_data(table, changes=changes).fingerprint
    assert (dataset.shape, dataset.label_names) == ((1, 2, 2), ("a", "b"))
    colours = np.random.default_rng(0).integers(0, 256, (20, 8, 9, 3), np.uint8)
    assert load_data(colours, grey=True).shape == (1, 8, 9)
    with pytest.raises(ConfigError, match="data.labels is changed twice"):
        load_data(table, labels="kind", changes={"labels": "0"})


def test_images_of_pillow_have_the_levels_of_files(images, labels):
    for data in (
        pictures(images),
        tuple(pictures(images)),
        (pictures(images), labels),
        Items(list(zip(pictures(images), map(int, labels), strict=True)), NAMES),
    ):
        dataset = load_data(data)
        np.testing.assert_array_equal(dataset.images[:, 0], images)
        assert (dataset.value_range, dataset.range_reason) == ((0, 255), "format")
    small = load_data(pictures(images), changes={"resize": (4, 4)})
    assert small.shape == (1, 4, 4)
    (chunk,) = stream_data(pictures(images)[0], (1, 8, 8), 9).chunks
    np.testing.assert_array_equal(chunk.images[0, 0], images[0])


def test_colours_of_all_axes():
    colours = np.random.default_rng(0).integers(0, 256, (20, 8, 9, 3), np.uint8)
    first = np.moveaxis(colours, -1, 1)
    for data in (
        colours,
        first,
        Dataset("mine", colours),
        Dataset("mine", first),
        [Image.fromarray(image) for image in colours],
        Items([(torch.from_numpy(image.copy()), 0) for image in first]),
    ):
        np.testing.assert_array_equal(load_data(data).images, first)


def test_data_sets_of_scikit_learn():
    digits = load_digits()
    dataset = load_data(digits)
    assert (dataset.shape, dataset.value_range) == ((1, 8, 8), (0, 16))
    np.testing.assert_array_equal(dataset.labels, digits.target)
    assert load_data(load_digits(as_frame=True)).label_names == NAMES
    flowers = load_data(load_iris())
    assert flowers.label_names == ("setosa", "versicolor", "virginica")
    assert (flowers.shape, flowers.range_reason) == ((4,), "unbounded")
    assert load_data(load_iris(as_frame=True)).label_names == flowers.label_names


def test_arrays_by_name_may_have_parts(bright, labels):
    dataset = load_data({"x_train": bright[:20], "y_train": labels[:20], "x_test": bright[20:],
                         "y_test": labels[20:], "notes": ["a", "b"]})  # fmt: skip
    assert dataset.n_official_train == 20
    assert [entry.names for entry in dataset.left_out] == [("notes",)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (7, "The data are a int.*Expected a name, a path, an array"),
        (iter([1]), "Collect the examples in a list"),
        ([], "an array of shape|holds no examples|0 example"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], r"number 0 .* is \(2, 3\), number 1 \(2, 4\)"),
        ([[1, 2], [3]], "different shapes"),
        (np.array(["a", "b"]), "values of type <U1"),
        (np.zeros((9, 4)) * np.nan, "NaN or infinite"),
        (np.ma.masked_array(np.zeros((9, 4)), np.eye(9, 4)), r"4 masked value.*filled"),
        ((np.zeros((9, 4)), np.zeros(8)), "holds 9 examples but 8 labels"),
        (Dataset("m", np.zeros((9, 4)), [5] * 9, ("a", "b")), "labels of m go from 5 to 5"),
        (Dataset("m", np.zeros((9, 4)), ["c"] * 9, ("a", "b")), "has the label 'c'"),
        (pd.DataFrame({"a": [1, None], "b": [1, 2]}), "empty cell"),
        (pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), "column 'a' is of type"),
        (pd.DataFrame({"a": [object(), 3]}), "neither numbers, texts"),
        (DataLoader(TensorDataset(torch.zeros(4, 3))), "loader.dataset"),
        (np.full((9, 5, 5), 37), "--range 0,37"),
    ],
)
def test_what_is_no_data_gets_the_message_of_a_file(data, message):
    with pytest.raises(DataError, match=message):
        load_data(data)


def test_data_that_can_be_gone_through_only_once():
    class Once(IterableDataset):
        def __iter__(self):
            yield from range(3)

    with pytest.raises(DataError, match="The data are a Once.*Collect the examples"):
        load_data(Once())


def test_labels_that_name_no_classes_are_left_out(bright):
    dataset = load_data((bright, np.random.default_rng(0).random(30)))
    assert dataset.labels is None
    assert dataset.left_out[0].kind == "label"


def test_a_dataset_of_one_kind_is_not_copied():
    images = np.zeros((9, 1, 8, 8), np.uint8)
    assert np.shares_memory(load_data(Dataset("mine", images)).images, images)


def test_every_function_takes_data_in_memory(bright, labels, tmp_path):
    """Training just works, and so does all that needs the data of the run again."""
    pair = (torch.from_numpy(bright), labels)
    changes = {"train.epochs": 1, "model.encoder.widths": [8]}
    run = latentscape.train("simple-20", data=pair, changes=changes, folder=tmp_path, quiet=True)
    assert run.path.name == "simple-20-data-0"
    assert run.data.range == (0, 255)
    assert latentscape.evaluate(run, data=pair).data.label_names == NAMES
    with pytest.raises(DataError, match="trained on data in memory.*data=..."):
        latentscape.evaluate(run)
    codes = latentscape.embed(run, pictures(bright), tmp_path / "z.npy")
    again = latentscape.embed(run, frame(bright, labels), tmp_path / "again.npy")
    np.testing.assert_array_equal(np.load(codes.file), np.load(again.file))
    scores = latentscape.anomalies(run, data=bright[:3].astype(np.float32), dataset=pair)
    assert len(scores.index) == 3
    study = latentscape.Study(name="one", entries=({"recipe": "simple-20"},), set=changes)
    assert latentscape.compare(study, data=pair, folder=tmp_path, quiet=True, jobs=1).rows
