import io
import json

import numpy as np
import pytest

from latentscape.analyses.maps.files import load_map, save_map
from latentscape.analyses.maps.projections import Map, draw_map, place, start_places
from latentscape.core.errors import ConfigError, RunError


@pytest.fixture(scope="module")
def projection():
    codes = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    return draw_map("codes of mine", codes, "tsne", start_places(codes))


@pytest.fixture
def file(projection, tmp_path):
    save_map(tmp_path / "map.npz", projection)
    return tmp_path / "map.npz"


def parts(file):
    with np.load(file) as content:
        return dict(content)


def test_a_map_comes_back_and_places_the_same(projection, file):
    loaded = load_map(str(file))
    assert (loaded.name, loaded.method) == ("codes of mine", "tsne")
    assert loaded.settings == projection.settings == {"perplexity": 13.0}
    np.testing.assert_array_equal(loaded.codes, projection.codes)
    np.testing.assert_array_equal(loaded.places, projection.places)
    new = projection.codes[:5] + np.float32(0.1)
    np.testing.assert_array_equal(place(loaded, new), place(projection, new))


def test_no_map(tmp_path):
    with pytest.raises(RunError, match="There is no map at"):
        load_map(tmp_path / "map.npz")


def test_a_name_of_another_kind(projection, tmp_path):
    with pytest.raises(ConfigError, match=r"map\.json.*ending in \.npz"):
        save_map(tmp_path / "map.json", projection)


def test_a_file_that_cannot_be_written_leaves_what_was_there(projection, file):
    with pytest.raises(RunError, match="could not be written"):
        save_map(file / "map.npz", projection)
    load_map(file)


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_a_file_that_was_cut_off(file, keep):
    content = file.read_bytes()
    file.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(RunError, match="damaged or no map"):
        load_map(file)


def test_bytes_that_changed(tmp_path):
    """Wherever it is: the file is refused, or what it says is the same."""
    codes = np.arange(12, dtype=np.float32).reshape(6, 2)
    file = tmp_path / "map.npz"
    save_map(file, Map("codes", "pca", codes, codes, {}))
    content = file.read_bytes()
    refused = 0
    for where in range(0, len(content), 3):
        file.write_bytes(content[:where] + bytes([content[where] ^ 0xFF]) + content[where + 1 :])
        try:
            loaded = load_map(file)
        except RunError:
            refused += 1
        else:
            np.testing.assert_array_equal(loaded.codes, codes)
            np.testing.assert_array_equal(loaded.places, codes)
    assert refused > len(content) / 6


@pytest.mark.parametrize("content", [np.zeros(3), np.array([{"a": 1}], dtype=object)])
def test_a_file_of_another_kind(content, tmp_path):
    buffer = io.BytesIO()
    np.save(buffer, content, allow_pickle=True)
    (tmp_path / "map.npz").write_bytes(buffer.getvalue())
    with pytest.raises(RunError, match="damaged or no map"):
        load_map(tmp_path / "map.npz")


def test_a_folder(tmp_path):
    with pytest.raises(RunError, match="damaged or no map"):
        load_map(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "version 2.*Expected version 1"),
        ({"method": "magic"}, "no method 'magic'"),
        ({"settings": {}}, "not those of t-SNE"),
        ({"settings": {"perplexity": "much"}}, "not those of t-SNE"),
        ({"settings": None}, "damaged"),
    ],
)
def test_facts_that_do_not_fit(file, changes, message):
    loaded = parts(file)
    about = json.loads(str(loaded["about"])) | changes
    np.savez(file, **{**loaded, "about": np.array(json.dumps(about))})
    with pytest.raises(RunError, match=message):
        load_map(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"places": np.zeros((40, 3), np.float32)}, r"shape \(40, 5\) with .* \(40, 3\)"),
        ({"places": np.full((40, 2), np.nan, np.float32)}, "not finite"),
        ({"codes": np.zeros((40, 5), int)}, "float32"),
        ({"about": np.array("[")}, "damaged"),
        ({"about": np.array("[1]")}, "damaged"),
        ({"codes": np.array([None])}, "damaged"),
    ],
)
def test_arrays_that_do_not_fit(file, changes, message):
    np.savez(file, **{**parts(file), **changes})
    with pytest.raises(RunError, match=message):
        load_map(file)


def test_a_part_that_is_missing(file):
    loaded = parts(file)
    del loaded["places"]
    np.savez(file, **loaded)
    with pytest.raises(RunError, match="damaged or no map"):
        load_map(file)
