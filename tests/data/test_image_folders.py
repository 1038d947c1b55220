import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, LeftOut
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


LOSSLESS = (".png", ".PNG", ".bmp", ".gif", ".pgm", ".PNM", ".tif", ".Tiff")


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".jpg", ".JPG", ".jpeg", ".Jpeg", ".webp"])
def test_suffixes(tmp_path: Path, images: np.ndarray, suffix: str) -> None:
    for index in range(2):
        save(tmp_path / f"{index}{suffix}", images[index] * 15)
    dataset = load(tmp_path)
    assert dataset.shape == ((3 if suffix == ".webp" else 1), 8, 8)
    difference = np.asarray(dataset.images)[:, :1].astype(int) - images[:2, np.newaxis] * 15
    assert abs(difference).mean() < (1 if suffix in LOSSLESS else 12)
    assert dataset.left_out == ()


def test_files_that_are_not_used_are_counted(tmp_path: Path, images: np.ndarray) -> None:
    for index in range(6):
        save(tmp_path / ("train" if index < 4 else "test") / f"{index}.png", images[index])
    save(tmp_path / "beside.png", images[7])
    for name in ("readme.txt", "train/notes.txt", "train/labels.csv", ".hidden.png"):
        (tmp_path / name).write_text("nothing")
    dataset = load(tmp_path)
    assert len(dataset) == 6
    left_out = {entry.names: (entry.kind, entry.count) for entry in dataset.left_out}
    assert left_out == {
        ("beside.png",): ("file", 1),
        ("readme.txt", "train/notes.txt"): ("file", 2),
        ("train/labels.csv",): ("file", 1),
    }
    assert any("--labels labels.csv" in entry.reason for entry in dataset.left_out)


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp"])
def test_the_first_of_several_images_in_a_file_is_read(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.full((8, 8), level, np.uint8)) for level in (0, 120, 240)]
    for name in "ab":
        file = tmp_path / f"{name}{suffix}"
        frames[0].save(file, save_all=True, append_images=frames[1:])
    dataset = load(tmp_path)
    assert not np.asarray(dataset.images).any()
    (entry,) = dataset.left_out
    assert (entry.kind, entry.count, entry.names) == ("example", 4, (f"a{suffix}", f"b{suffix}"))


@pytest.mark.parametrize(
    "table",
    [
        "file,label\n0.png,cat\n1.png,dog\n2.png,cat\n9.png,cow\n",
        "name\tlabel\tage\n0\tcat\t3\n1\tdog\t4\n2\tcat\t5\n9\tcow\t6\n",
        "what;id\ncat;0.png\ndog;1.png\ncat;2.png\ncow;9.png\n",
    ],
)
@pytest.mark.parametrize("where", ["inside", "beside"])
def test_a_table_of_labels(tmp_path: Path, images: np.ndarray, table: str, where: str) -> None:
    for index in range(3):
        save(tmp_path / "x" / f"{index}.png", images[index])
    (tmp_path / ("x" if where == "inside" else "") / "labels.csv").write_text(table)
    dataset = load(tmp_path / "x", labels="labels.csv")
    assert dataset.label_names == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 1, 0]
    kinds = {entry.kind for entry in dataset.left_out}
    assert kinds == ({"label", "column"} if "age" in table else {"label"})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "no table labels.csv"),
        ("", "is empty"),
        ("file,label\n0.png,cat\n", "no label for 1 of 2 images, the first of them 1.png"),
        ("file,label\n7.png,cat\n", "No column .* holds names of the images"),
        ("file,a,b\n0.png,1,2\n1.png,1,2\n", "columns a, b beside the names of files"),
        ("file,label\n0.png\n", "row 1 .* has 1 cell"),
    ],
)
def test_tables_of_labels_that_do_not_fit(
    tmp_path: Path, images: np.ndarray, table: str | None, message: str
) -> None:
    for index in range(2):
        save(tmp_path / f"{index}.png", images[index])
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(DataError, match=message):
        load(tmp_path, labels="labels.csv")


def test_folders_of_classes_need_no_table(tmp_path: Path, images: np.ndarray) -> None:
    for index in range(2):
        save(tmp_path / "class" / f"{index}.png", images[index])
    (tmp_path / "labels.csv").write_text("file,label\n0.png,a\n1.png,b\n")
    with pytest.raises(DataError, match="labels from one of both"):
        load(tmp_path, labels="labels.csv")


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("RGB", 3), ("RGBA", 3), ("P", 3)]
)
def test_modes(tmp_path: Path, mode: str, channels: int) -> None:
    pixels = np.kron(np.array([[0, 255], [255, 0]], np.uint8), np.ones((4, 4), np.uint8))
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels, mode)
    dataset = load(tmp_path)
    np.testing.assert_array_equal(dataset.images, np.broadcast_to(pixels, (2, channels, 8, 8)))


def test_an_image_that_takes_more_memory_than_there_is(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Image.Image) -> None:
        raise MemoryError

    save(tmp_path / "a.png", images[0])
    save(tmp_path / "b.png", images[1])
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(DataError, match="a.png cannot be read as an image"):
        load(tmp_path)


def test_what_is_no_file_is_left_out_and_named(tmp_path: Path, images: np.ndarray) -> None:
    for index in range(2):
        save(tmp_path / f"{index}.png", images[index])
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    reason = "a broken link, a pipe or a device, not a file"
    assert load(tmp_path).left_out == (LeftOut("file", ("gone.png", "pipe.png"), 2, reason),)


def test_a_folder_of_tables_says_what_it_holds(tmp_path: Path) -> None:
    for name in ("test.csv", "train.csv"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"2 other file.* \(test.csv, train.csv\).*path of one"):
        load(tmp_path)


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


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bits_keep_their_depth(tmp_path: Path, suffix: str) -> None:
    pixels = np.array([[0, 257], [256 * 128, 65535]], np.uint16)
    for name in "ab":
        save(tmp_path / f"{name}{suffix}", pixels)
    images = load(tmp_path).images[:]
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[1, 0], pixels)


def test_sixteen_bits_are_resized(tmp_path: Path) -> None:
    pixels = np.kron(np.array([[0, 60000], [40000, 500]], np.uint16), np.ones((16, 16), np.uint16))
    for name in "ab":
        save(tmp_path / f"{name}.png", pixels)
    small = load(tmp_path, resize=(8, 8)).images[:]
    assert small.shape == (2, 1, 8, 8)
    assert abs(small.mean() - pixels.mean()) < 500
    assert 0 <= small.min() <= small.max() <= 65535


def test_grey_levels_of_a_tiff_may_be_floats(tmp_path: Path) -> None:
    pixels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    for name in "ab":
        save(tmp_path / f"{name}.tif", pixels)
    np.testing.assert_array_equal(load(tmp_path).images[0, 0], pixels)


def test_images_of_two_depths(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "a.png", images[0])
    save(tmp_path / "b.png", images[1].astype(np.uint16) * 300)
    with pytest.raises(DataError, match=r"a\.png .* uint8 but .*b\.png of type uint16"):
        load(tmp_path)


def sixteen_bit_png(pixels: np.ndarray) -> bytes:
    """Encode colours (H, W, 3) of uint16, which Pillow cannot write."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def test_colour_of_sixteen_bits_is_refused(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), 4095, np.uint16)
    header = b"P6\n8 8\n4095\n"
    (tmp_path / "png").mkdir()
    (tmp_path / "ppm").mkdir()
    for name in "ab":
        (tmp_path / "png" / f"{name}.png").write_bytes(sixteen_bit_png(pixels))
        (tmp_path / "ppm" / f"{name}.ppm").write_bytes(header + pixels.astype(">u2").tobytes())
    for folder in ("png", "ppm"):
        with pytest.raises(DataError, match="colour with more than 8 bits"):
            load(tmp_path / folder)


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
    small = load(tmp_path, resize=(8, 8)).images[:]
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
