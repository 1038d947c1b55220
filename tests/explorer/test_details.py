"""Names, ids and further columns of a source reach the points that they belong to."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from latentscape.api.exploring import open_exploration
from latentscape.explorer.details import MAX_CATEGORIES, MAX_COLUMNS, Details
from latentscape.explorer.gathering import Wanted

HOSTILE = "<b>=1+1</b>"


def number_of(image):
    """What the pixels of an image of these tests say it is."""
    return round(float(image.ravel()[0]) * 255)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Images of 4 values whose first says their number, with ids and further columns."""
    file, numbers = tmp_path_factory.mktemp("table") / "examples.parquet", range(200)
    columns = {
        "id": [f"example {n}" for n in numbers],
        "weight": [n / 2 for n in numbers],
        "site": [HOSTILE if n % 3 else None for n in numbers],
        "label": [n % 2 for n in numbers],
        "pixels": [[n, 3 * n % 251, 255, 0] for n in numbers],
    }
    pq.write_table(pa.table(columns), file)
    return file


@pytest.mark.usefixtures("without_networks")
def test_a_run_on_a_folder_has_the_names_of_its_files(train, tmp_path):
    for n in range(120):
        folder = tmp_path / "photos" / ("cat" if n % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 6), n, np.uint8)).save(folder / f"{n}.png")
    run = train("simple-20", data=tmp_path / "photos", changes={"model.latent.dim": 2})
    exploration = open_exploration(run, Wanted(points=40, map="code"))
    names = exploration.manifest.names
    for point, name in enumerate(names):
        assert name.endswith(f"/{number_of(exploration.original(point))}.png")
        assert str(tmp_path) not in name


@pytest.mark.usefixtures("without_networks")
def test_columns_of_a_table(train, table):
    run = train("simple-20", data=table, changes={"model.latent.dim": 2, "data.labels": "label"})
    for wanted in (Wanted(map="code"), Wanted(map="code", data=table, points=50)):
        exploration = open_exploration(run, wanted)
        manifest, arrays = exploration.manifest, exploration.arrays
        columns = {column.name: column for column in manifest.columns}
        numbers = [number_of(exploration.original(point)) for point in range(manifest.count)]
        assert manifest.names == tuple(f"example {n}" for n in numbers)
        assert columns["weight"].kind == "number"
        assert np.allclose(arrays[f"column/{columns['weight'].key}"], np.array(numbers) / 2)
        site = columns["site"]
        assert site.values == (HOSTILE,)
        expected = [0 if n % 3 else -1 for n in numbers]
        assert arrays[f"column/{site.key}"].tolist() == expected
        assert manifest.arrays.keys() == arrays.keys()
        assert HOSTILE not in manifest.to_text()  # It is escaped.


@pytest.mark.usefixtures("without_networks")
def test_a_source_with_a_name_says_nothing(run):
    manifest = open_exploration(run, Wanted(points=30, map="code")).manifest
    assert manifest.names is None
    assert manifest.columns == ()


def test_columns_that_no_colours_can_show_are_left_out():
    many = [f"text {n}" for n in range(MAX_CATEGORIES + 1)]
    columns, arrays = Details({"many": many, "empty": [None] * len(many)}).described()
    assert columns == ()
    assert not arrays
    wide = Details({f"column {n}": [1, None] for n in range(MAX_COLUMNS + 5)})
    columns, arrays = wide.described()
    assert len(columns) == len(arrays) == MAX_COLUMNS
    assert np.array_equal(arrays["column/c0"], np.array([1, np.nan]), equal_nan=True)


def test_truth_values_are_categories():
    ((column,), arrays) = Details({"flag": [True, False, None]}).described()
    assert column.values == ("False", "True")
    assert arrays["column/c0"].tolist() == [1, 0, -1]
