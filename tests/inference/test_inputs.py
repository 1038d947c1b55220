"""Examples of others: their shape, their range and their labels become those of a model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override
from latentscape.core import scratch
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import split_dataset
from latentscape.inference.inputs import conversions, read_inputs
from latentscape.model import Network


def network(images, value_range, likelihood="bernoulli"):
    """Make an untrained model for images (N, C, H, W)."""
    split = split_dataset(Dataset("x", images, value_range=value_range), DataConfig())
    settings = {"model.encoder.widths": [8], "model.likelihood": likelihood}
    recipe = prepare(override(load_recipe("simple-20"), settings), split)
    return Network(recipe.model, recipe.objective).eval()


@pytest.fixture(scope="module")
def bytes_(digits):
    return digits.images[::100]


@pytest.fixture(scope="module")
def of_bytes(bytes_):
    return network(bytes_, (0.0, 255.0))


@pytest.fixture(scope="module")
def of_shares(bytes_):
    return network((bytes_ / 255).astype(np.float32), (0.0, 1.0))


def saved(folder, array):
    np.save(folder / "x.npy", array)
    return folder / "x.npy"


def test_one_image_is_enough(of_bytes, bytes_, tmp_path):
    data = read_inputs(of_bytes, saved(tmp_path, bytes_[:1]))
    assert np.array_equal(data.images, bytes_[:1])
    with pytest.raises(DataError, match="no examples|holds 0"):
        read_inputs(of_bytes, saved(tmp_path, bytes_[:0]))


def test_a_table_without_labels_is_laid_out(of_bytes, bytes_, tmp_path):
    """As the test.csv of Kaggle's digits is: pixels alone."""
    head = ",".join(f"pixel{place}" for place in range(784))
    rows = [",".join(map(str, image.reshape(-1))) for image in bytes_]
    (tmp_path / "test.csv").write_text("\n".join([head, *rows]))
    data = read_inputs(of_bytes, tmp_path / "test.csv", "0123456789")
    assert np.array_equal(data.images, bytes_)
    assert data.labels is None


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_values_of_the_same_scale_are_taken_as_they_are(of_bytes, bytes_, dtype, tmp_path):
    data = read_inputs(of_bytes, saved(tmp_path, bytes_.astype(dtype)))
    assert np.array_equal(data.images, bytes_)


def test_shares_and_bytes_become_each_other(of_bytes, of_shares, bytes_, tmp_path):
    shares = (bytes_ / 255).astype(np.float32)
    data = read_inputs(of_bytes, saved(tmp_path, shares))
    np.testing.assert_allclose(data.images, bytes_, atol=1e-3)
    assert data.value_range == (0, 255)
    data = read_inputs(of_shares, saved(tmp_path, bytes_))
    np.testing.assert_allclose(data.images, shares, atol=1e-6)


def test_integers_of_fewer_bits_are_those_that_a_model_was_trained_on(bytes_, tmp_path):
    levels = bytes_ // 16
    model = network(levels, (0.0, 16.0))
    assert np.array_equal(read_inputs(model, saved(tmp_path, levels)).images, levels)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_values_that_a_model_was_not_trained_on_are_refused(bytes_, tmp_path, likelihood):
    model = network((bytes_ / 255).astype(np.float32), (0.0, 1.0), likelihood)
    floats = bytes_.astype(np.float32)
    with pytest.raises(DataError, match=r"values of x go from 0 to 255.*--range 0,255"):
        read_inputs(model, saved(tmp_path, floats))
    data = read_inputs(model, saved(tmp_path, floats), changes={"range": [0, 255]})
    np.testing.assert_allclose(data.images, floats / 255, atol=1e-6)
    with pytest.raises(DataError, match="values of the images go from 0 to 255"):
        model.encode(torch.from_numpy(floats))
    with pytest.raises(DataError, match="values of the images go from nan to nan"):
        model.encode(torch.full((1, *model.input_shape), torch.nan))


def test_images_of_more_bits_are_refused(of_bytes, bytes_, tmp_path):
    with pytest.raises(DataError, match=r"go from 0 to 4080.*--range LOW,HIGH"):
        read_inputs(of_bytes, saved(tmp_path, bytes_.astype(np.uint16) * 16))


def test_rounding_is_no_reason_to_refuse(of_shares):
    images = torch.full((2, 1, 28, 28), 1 + 1e-6)
    assert of_shares.encode(images).shape == (2, 20)


def test_values_may_leave_a_range_that_was_not_meant_to_hold_them():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 1, 4, 4)).astype(np.float32)
    model = network(images, (0.0, 1.0), "gaussian")
    assert model.encode(torch.from_numpy(images * 1.5)).shape == (60, 20)
    with pytest.raises(DataError, match="go from"):
        model.encode(torch.from_numpy(images * 100))


def test_a_model_of_an_earlier_version_refuses_what_its_likelihood_has_no_value_for(bytes_):
    model = network(bytes_, (0.0, 255.0))
    input_ = model.config.input.model_copy(update={"limits": None})
    model.config = model.config.model_copy(update={"input": input_})
    with pytest.raises(DataError, match="go from"):
        model.encode(torch.from_numpy(bytes_.astype(np.float32) * 2))


def test_colours_become_grey_when_asked(of_bytes, bytes_, tmp_path):
    colours = np.concatenate([bytes_, bytes_, bytes_ // 2], 1)
    path = saved(tmp_path, colours)
    with pytest.raises(DataError, match=r"Have them converted: --grey\."):
        read_inputs(of_bytes, path)
    assert read_inputs(of_bytes, path, changes={"grey": True}).shape == (1, 28, 28)
    path = saved(tmp_path, np.pad(colours, [(0, 0), (0, 0), (1, 1), (1, 1)]))
    with pytest.raises(DataError, match=r"converted: --resize 28x28 --grey\."):
        read_inputs(of_bytes, path)
    changes = {"grey": True, "resize": [28, 28]}
    assert read_inputs(of_bytes, path, changes=changes).shape == (1, 28, 28)


def test_grey_images_in_three_channels_are_grey(of_bytes, bytes_, tmp_path):
    data = read_inputs(of_bytes, saved(tmp_path, np.repeat(bytes_, 3, 1)))
    assert np.array_equal(data.images, bytes_)


def test_no_conversion_is_offered_that_there_is_not(of_bytes, tmp_path):
    with pytest.raises(DataError) as caught:
        read_inputs(of_bytes, saved(tmp_path, np.zeros((3, 100), np.uint8)))
    assert "--" not in str(caught.value)


def test_labels_have_the_numbers_of_the_model(of_bytes, digits):
    few = replace(
        digits, images=digits.images[-2:], labels=digits.labels[-2:] * 0, label_names=("7",)
    )
    data = read_inputs(of_bytes, few, digits.label_names)
    assert data.labels.tolist() == [7, 7]
    assert data.label_names == digits.label_names
    other = replace(few, label_names=("cat",))
    assert read_inputs(of_bytes, other, digits.label_names).label_names == ("cat",)


def test_images_are_converted_as_those_of_the_training_were(of_bytes, tmp_path):
    recipe = override(load_recipe("simple-20"), {"data.resize": [28, 28], "data.grey": True})
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    data = read_inputs(of_bytes, tmp_path, changes=conversions(recipe, None))
    assert data.shape == (1, 28, 28)
    assert conversions(recipe, {"resize": [4, 4]}) == {"resize": [4, 4], "grey": True}


def test_many_examples_are_kept_on_disk(of_bytes, bytes_, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(scratch, "MAX_RESIDENT", 1000)
    monkeypatch.setattr("latentscape.inference.inputs.WHOLE", 7)  # So that there are many chunks.
    data = read_inputs(of_bytes, saved(tmp_path, bytes_))
    assert np.array_equal(data.images, bytes_)
    assert (tmp_path / "cache").is_dir()
    assert not list((tmp_path / "cache").iterdir())  # The file has no name.
