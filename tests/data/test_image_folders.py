import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset
from latentscape.data import load_dataset, stream_data


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)


def test_a_flat_folder_in_sorted_order(tmp_path: Path, images: np.ndarray) -> None:
    for index in reversed(range(30)):
        save(tmp_path / f"{index:02}.png", images[index])
    (tmp_path / "readme.txt").write_text("left alone")
    (tmp_path / ".hidden.png").write_text("left alone")
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.images[:, 0], images)
    assert dataset.labels is None
    assert (dataset.name, dataset.value_range) == (tmp_path.name, (0, 255))


def test_a_folder_per_class(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    for index, label in enumerate(labels + 5):  # 5..14, so that 10 must come after 9
        save(tmp_path / str(label) / f"{index}.png", images[index])
    (tmp_path / "empty").mkdir()
    dataset = load(tmp_path)
    assert dataset.label_names == tuple(map(str, range(5, 15)))
    for image, label in zip(dataset.images, dataset.labels, strict=True):
        assert any((image[0] == known).all() for known in images[labels == label])


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("names", [("train", "test"), ("Train", "TEST")])
def test_train_and_test_are_an_official_split(
    tmp_path: Path, images: np.ndarray, classes: bool, names: tuple[str, str]
) -> None:
    for part, indices in zip(names, (range(20), range(20, 30)), strict=True):
        for index in indices:
            folder = tmp_path / part / (f"c{index % 2}" if classes else "")
            save(folder / f"{index:02}.png", images[index])
    dataset = load(tmp_path)
    assert dataset.n_official_train == 20
    assert dataset.label_names == (("c0", "c1") if classes else ())
    assert sorted(image.tobytes() for image in dataset.images[:20]) == sorted(
        x.tobytes() for x in images[:20]
    )


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "holds no images"),
        (["a/"], "holds no images"),
        (["train/", "test/"], "holds no images"),
        (["a.png", "x/b.png"], "images .a.png. beside folders of images .x."),
    ],
)
def test_layouts_that_say_nothing(
    tmp_path: Path, images: np.ndarray, files: list[str], message: str
) -> None:
    for file in files:
        if file.endswith("/"):
            (tmp_path / file).mkdir()
        else:
            save(tmp_path / file, images[0])
    with pytest.raises(DataError, match=message):
        load(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".Jpeg"])
def test_suffixes(tmp_path: Path, images: np.ndarray, suffix: str) -> None:
    for index in range(2):
        save(tmp_path / f"{index}{suffix}", images[index] * 15)
    dataset = load(tmp_path)
    assert dataset.shape == (1, 8, 8)
    difference = dataset.images[:, 0].astype(int) - images[:2] * 15
    assert abs(difference).mean() < (1 if suffix.lower() == ".png" else 12)


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3)]
)
def test_modes(tmp_path: Path, mode: str, channels: int) -> None:
    pixels = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((4, 4), np.uint8))
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels, mode)
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.images, np.broadcast_to(pixels, (2, channels, 8, 8)))


def test_links_that_lead_in_circles(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "cat" / "a.png", images[0])
    save(tmp_path / "dog" / "b.png", images[1])
    (tmp_path / "dog" / "up").symlink_to(tmp_path)
    assert len(load(tmp_path)) == 2


def test_names_that_are_not_utf8_are_kept(tmp_path: Path, images: np.ndarray) -> None:
    folders = [os.fsdecode(name) for name in (b"caf\xe9", b"caf\xe8")]
    for index, folder in enumerate(folders):
        save(tmp_path / folder / f"{folder}.png", images[index])
    assert load(tmp_path).label_names == ("caf\\xe8", "caf\\xe9")
    (chunk,) = stream_data(tmp_path, (1, 8, 8), 9).chunks
    assert chunk.metadata.column("id").to_pylist() == [
        "caf\\xe8/caf\\xe8.png",
        "caf\\xe9/caf\\xe9.png",
    ]


def test_one_image_in_colour_makes_all_rgb(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "a.png", images[0])
    colour = np.zeros((8, 8, 3), np.uint8)
    colour[..., 1] = 200
    save(tmp_path / "b.png", colour)
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.images[0], [images[0]] * 3)
    np.testing.assert_array_equal(dataset.images[1], np.moveaxis(colour, -1, 0))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    pixels = np.array([[0, 257], [256 * 128, 65535]], np.uint16)
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels)
    np.testing.assert_array_equal(load(tmp_path).images[0, 0], [[0, 1], [127, 255]])


def test_what_is_transparent_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, 3] = 255
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels)
    np.testing.assert_array_equal(load(tmp_path).images[0, 0], [[0, 0], [255, 255]])


def test_photographs_are_turned_as_the_camera_says(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((4, 6), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    for name in "ab":
        image.save(tmp_path / f"{name}.jpg", exif=exif)
    assert load(tmp_path).shape == (1, 6, 4)


def test_different_sizes(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "a.png", images[0])
    save(tmp_path / "b.png", images[1, :5])
    with pytest.raises(DataError, match=r"a\.png is 8x8 .* but .*b\.png is 5x8.*--resize 8x8"):
        load(tmp_path)
    assert load(tmp_path, resize=(4, 6)).shape == (1, 4, 6)


def test_resizing_keeps_the_mean(tmp_path: Path) -> None:
    pixels = np.kron(np.array([[0, 200], [100, 0]], np.uint8), np.ones((16, 16), np.uint8))
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels)
    small = load(tmp_path, resize=(8, 8)).images
    assert small.shape == (2, 1, 8, 8)
    assert abs(small.mean() - pixels.mean()) < 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"GIF89a",
        lambda content: content[:-30],
        lambda content: content[:20],
    ],
    ids=["empty", "another format", "truncated", "header only"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_damaged_image_is_named(
    tmp_path: Path, images: np.ndarray, suffix: str, damage: object
) -> None:
    save(tmp_path / f"a{suffix}", images[0])
    save(tmp_path / f"b{suffix}", images[1])
    path = tmp_path / f"b{suffix}"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=rf"b\{suffix} cannot be read as an image"):
        load(tmp_path)


def test_four_pixels_of_width_are_no_channels(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 4)
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels)
    np.testing.assert_array_equal(load(tmp_path).images[0, 0], pixels)
    np.testing.assert_array_equal(load(tmp_path, shape=(24,)).images[0], np.arange(24))
