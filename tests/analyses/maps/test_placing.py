"""New points on maps that were drawn before, of runs and in files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from analyses.released import middles, open_released
from latentscape.analyses.comparison import compare_codes
from latentscape.analyses.maps import ANALYSIS
from latentscape.analyses.maps.placing import place
from latentscape.analyses.maps.result import Maps, MapSettings
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.records import Dataset
from latentscape.runs import save_parts

PCA = MapSettings(methods=["pca"], points=30)


@pytest.fixture
def opened(tmp_path):
    return open_released(tmp_path)


@pytest.fixture(scope="module")
def labelled():
    """Random codes that say something of their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10
    return np.eye(10)[labels] + 0.2 * rng.standard_normal((200, 10)), labels


def draw(comparison, settings=PCA) -> Maps:
    return ANALYSIS.measure(comparison, settings, ANALYSIS.inputs())


def own_places(maps, method="pca"):
    (layout,) = [
        layout
        for item in maps.methods
        for layout in item.layouts
        if item.method == method and layout.kind in ("model", "other")
    ]
    return layout.places


def test_new_points_find_their_place_on_the_map_of_a_run(opened):
    comparison = compare_codes(opened)
    maps = draw(comparison)
    save_parts(opened.run, maps)
    data = middles()
    images = data.images[maps.points]
    new = Dataset("new", images, value_range=data.value_range)
    places = place(comparison, data=new, method="pca")
    assert np.allclose(places, own_places(maps), atol=1e-3)
    codes = opened.model.encode(torch.from_numpy(images)).detach().numpy()
    assert np.allclose(place(opened, codes=codes, method="pca"), places, atol=1e-5)


def test_images_in_another_range_are_brought_to_that_of_the_run(opened):
    comparison = compare_codes(opened)
    save_parts(opened.run, draw(comparison))
    data = middles()
    images = data.images[:7]
    as_stored = Dataset("stored", images, value_range=data.value_range)
    as_shares = Dataset("shares", images / np.float32(16), value_range=(0.0, 1.0))
    places = [place(comparison, data=source, method="pca") for source in (as_stored, as_shares)]
    assert np.allclose(*places, atol=1e-4)


def test_a_map_of_foreign_codes_goes_into_a_file(tmp_path, labelled):
    comparison = compare_codes(codes={"z": labelled[0]}, labels=labelled[1])
    maps = draw(comparison)
    file = tmp_path / "map.npz"
    ANALYSIS.write(maps, comparison, file)
    codes = comparison.split.dataset.images[maps.points]
    assert np.allclose(place(file, codes=codes), own_places(maps), atol=1e-4)
    with pytest.raises(ConfigError, match="no model"):
        place(file, data="mnist-5k")
    with pytest.raises(ConfigError, match=r"ending in \.npz"):
        ANALYSIS.write(maps, comparison, tmp_path / "map.csv")


def test_the_map_of_the_model_goes_into_a_file(opened, tmp_path):
    comparison = compare_codes(opened)
    maps = draw(comparison)
    ANALYSIS.write(maps, comparison, tmp_path / "map.npz")
    codes = comparison.rows[0].test[np.searchsorted(comparison.split.test, maps.points)]
    assert np.allclose(place(tmp_path / "map.npz", codes=codes), own_places(maps), atol=1e-4)


def test_what_goes_into_no_file_is_refused_before_anything_is_drawn():
    with pytest.raises(ConfigError, match="3 maps do not go into one file.*--method tsne"):
        ANALYSIS.check_file(MapSettings(), Path("map.npz"))
    with pytest.raises(ConfigError, match=r"map\.csv.*ending in \.npz"):
        ANALYSIS.check_file(PCA, Path("map.csv"))
    ANALYSIS.check_file(PCA, Path("map.npz"))


def test_a_map_that_could_not_be_drawn_is_not_written(tmp_path):
    comparison = compare_codes(codes={"z": np.ones((20, 3))})
    with pytest.raises(ConfigError, match="no map of z called 'pca'"):
        ANALYSIS.write(draw(comparison), comparison, tmp_path / "map.npz")


def test_a_place_is_only_found_where_there_is_a_map(opened, labelled):
    data = middles()
    with pytest.raises(RunError, match="No map.*latentscape project"):
        place(opened, data=data)
    comparison = compare_codes(opened)
    save_parts(opened.run, draw(comparison))
    with pytest.raises(ConfigError, match="pca"):
        place(comparison, data=data, method="umap")
    with pytest.raises(ConfigError, match="images or codes"):
        place(comparison)
    with pytest.raises(DataError, match=r"\(1, 2, 2\)"):
        place(comparison, data=Dataset("large", np.ones((4, 1, 5, 5))), method="pca")
    with pytest.raises(ConfigError, match="kept"):
        place(compare_codes(codes={"z": labelled[0]}), codes=labelled[0])


def test_one_image_is_placed_and_strange_values_are_refused(opened):
    comparison = compare_codes(opened)
    save_parts(opened.run, draw(comparison))
    data = middles()
    one = Dataset("one", data.images[:1], value_range=data.value_range)
    assert place(comparison, data=one, method="pca").shape == (1, 2)
    strange = Dataset("strange", data.images[:2] * np.float32(100), value_range=data.value_range)
    with pytest.raises(DataError, match="values of strange go from"):
        place(comparison, data=strange, method="pca")
