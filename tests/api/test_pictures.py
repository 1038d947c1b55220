"""Pictures made from runs: what is written, and every mistake that can be made."""

import numpy as np
import pytest
import torch
from PIL import Image

import latentscape
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.records import Dataset
from latentscape.reporting import grids
from latentscape.reporting.grids import ABOVE, LINE
from latentscape.runs import load_run_split

FAST = {"train.epochs": 1, "data.train": 300, "data.test": 40, "model.encoder.widths": [32]}
NEEDED = {"denoise": {"noise": "masking"}}
SIZES = {  # Rows and columns of each picture, and the gap between them.
    "sample": (8, 8, 2),
    "interpolate": (8, 10, 2),
    "traverse": (2, 9, 2),
    "manifold": (20, 20, 0),
    "reconstruct": (2, 16, 2),
    "denoise": (3, 10, 2),
}
LABELS = {  # Whether rows have names; above how many of them texts stand, and how many lines each.
    "sample": (False, 8, 1),
    "interpolate": (False, 8, 2),
    "traverse": (True, 1, 1),
    "manifold": (True, 1, 1),
    "reconstruct": (True, 1, 2),
    "denoise": (True, 1, 2),
}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    def train(recipe, data="mnist-5k", **changes):
        given = {**FAST, **{path.replace("__", "."): value for path, value in changes.items()}}
        folder = tmp_path_factory.mktemp(recipe)
        return latentscape.train(recipe, data=data, changes=given, folder=folder, quiet=True)

    return train


@pytest.fixture(scope="module")
def vae(train):
    return train("vae-20", model__latent__dim=2)


@pytest.fixture(scope="module")
def conditional(train):
    return train("cond-vae")


@pytest.fixture(scope="module")
def noisy(train):
    return train("denoising")


@pytest.fixture(scope="module")
def colours():
    """Images in colour, 8 high and 6 wide, of values from 0 to 1 and without labels."""
    images = np.random.default_rng(0).random((60, 3, 8, 6)).astype(np.float32)
    return Dataset("colours", images, value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def coloured(train, colours):
    return train("vae-20", colours)


@pytest.fixture(scope="module")
def flat(train, vectors):
    return train("vae-20", vectors.dataset)


@pytest.fixture
def files(tmp_path, digits):
    """Two test images as grey PNG files, a 0 and a 7."""
    paths = [tmp_path / "zero.png", tmp_path / "seven.png"]
    for path, label in zip(paths, (0, 7), strict=True):
        place = np.flatnonzero(digits.labels == label)[0]
        Image.fromarray(digits.images[place, 0]).save(path)
    return paths


@pytest.mark.parametrize("name", SIZES)
def test_each_picture_is_a_png_in_the_run_with_its_numbers_beside_it(vae, name):
    sheet = getattr(latentscape, name)(vae, array=True, **NEEDED.get(name, {}))
    rows, columns, gap = SIZES[name]
    assert sheet.picture == vae.path / f"{name}.png"
    with Image.open(sheet.picture) as picture:
        assert picture.format == "PNG"
        left, texts, lines = LABELS[name]
        above = texts * (lines * LINE + ABOVE)
        size = (columns * (56 + gap) - gap, rows * (56 + gap) - gap + above)
        assert (picture.width > size[0]) == left
        assert picture.height == size[1]
    assert sheet.array == vae.path / f"{name}.npy"
    assert np.array_equal(np.load(sheet.array), sheet.images)
    assert sheet.images.dtype == np.float32
    assert sheet.images.size == rows * columns * 784
    assert sheet.about.endswith(".")


@pytest.mark.parametrize("name", SIZES)
def test_again_it_is_the_same_to_the_bit(vae, name, tmp_path):
    make = getattr(latentscape, name)
    files = [make(vae, out=tmp_path / f"{i}.png", **NEEDED.get(name, {})).picture for i in (0, 1)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"0.png", "1.png"}


@pytest.mark.parametrize(("name", "walks"), [("interpolate", 8), ("traverse", 2)])
def test_walks_move_there_and_back(vae, tmp_path, name, walks):
    sheet = getattr(latentscape, name)(vae, steps=4, out=tmp_path / "walk.webp")
    assert sheet.images.shape == (walks, 4, 1, 28, 28)
    assert sheet.png is None
    assert "row" not in sheet.about
    with Image.open(sheet.picture) as film:
        assert film.n_frames == 6
        # Names of dimensions stand above the two images of a traversal.
        assert film.size == (
            (4 * 114 - 2, 2 * 114 - 2) if walks == 8 else (226, 112 + LINE + ABOVE)
        )
        frames = []
        for place in range(6):
            film.seek(place)
            frames.append(np.asarray(film.convert("L")) / 255)
    # The first walk stands at the upper left; lossy as it is, it can be told from the others.
    top = 0 if walks == 8 else LINE + ABOVE
    inside = [frame[top : top + 112, :112].reshape(28, 4, 28, 4).mean((1, 3)) for frame in frames]
    for step, place in enumerate([0, 1, 2, 3, 2, 1]):
        errors = np.abs(sheet.images[0, :, 0] - inside[step]).mean((1, 2))
        assert errors.argmin() == place or np.isclose(errors[place], errors.min(), atol=0.01)
    assert getattr(latentscape, name)(vae, out=tmp_path / "walk.gif").images.shape[1] == 25
    assert "data:image/webp" in sheet._repr_html_()


def test_samples_of_another_seed_are_others(vae, tmp_path):
    first, other = (
        latentscape.sample(vae, seed=seed, out=tmp_path / "s.png").images for seed in (0, 1)
    )
    assert not np.array_equal(first, other)


def test_labels_stand_in_columns(conditional):
    sheet = latentscape.sample(conditional, count=20)
    with Image.open(sheet.picture) as picture:
        assert picture.size == (10 * 58 - 2, 2 * (58 + 2 * LINE + ABOVE) - 2)
    seven = latentscape.sample(conditional, count=9, label="7")
    with Image.open(seven.picture) as picture:
        assert picture.size == (3 * 58 - 2, 3 * (58 + 2 * LINE + ABOVE) - 2)
    assert "label 7" in seven.about


def test_chosen_test_examples(vae):
    sheet = latentscape.interpolate(vae, between=(3, 17), path="linear", steps=4)
    assert sheet.images.shape == (1, 4, 1, 28, 28)
    assert sheet.about.startswith("Test examples 3 and 17. ")
    split = load_run_split(vae)
    images = torch.from_numpy(split.dataset.images[split.test[[3, 17]]])
    with torch.inference_mode():
        expected = latentscape.load(vae.path).reconstruct(images)
    assert np.allclose(sheet.images[0, [0, -1]], expected, atol=1e-5)
    assert latentscape.traverse(vae, example=5, steps=3).about.startswith("Test example 5. ")


def test_the_clean_row_is_untouched(noisy):
    sheet = latentscape.denoise(noisy)
    split = load_run_split(noisy)
    images = split.dataset.images[split.examples(10)]
    assert np.array_equal(sheet.images[0], images / np.float32(255))
    assert "25 % of the values set to 0" in sheet.about
    more = latentscape.denoise(noisy, amount=0.5)
    assert "50 % of the values" in more.about
    block = latentscape.denoise(noisy, noise="block")
    assert "30 % of the height" in block.about
    assert "other noise" in block.about


@pytest.mark.parametrize("name", ["interpolate", "reconstruct", "denoise"])
def test_files_of_ones_own(noisy, files, name):
    sheet = getattr(latentscape, name)(noisy, files=files)
    assert "zero.png, seven.png" in sheet.about
    own = latentscape.reconstruct(noisy, files=files).images
    first = {"interpolate": own[1, 0], "reconstruct": own[0, 0], "denoise": own[0, 0]}[name]
    assert np.allclose(sheet.images[0, 0], first, atol=1e-5)


def test_a_file_is_read_as_the_data_are(noisy, files, digits):
    sheet = latentscape.reconstruct(noisy, files=files[:1])
    place = np.flatnonzero(digits.labels == 0)[0]
    assert np.array_equal(sheet.images[0, 0], digits.images[place] / np.float32(255))
    with Image.open(files[0]) as grey:
        grey.convert("RGB").save(files[1])
    in_colour = latentscape.reconstruct(noisy, files=files[1:])
    assert np.array_equal(in_colour.images, sheet.images)


def test_a_grey_file_becomes_colour_and_takes_the_range_of_the_data(coloured, colours, tmp_path):
    pixels = np.arange(48, dtype=np.uint8).reshape(8, 6) * 5
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    sheet = latentscape.reconstruct(coloured, files=[tmp_path / "grey.png"], data=colours)
    assert sheet.images.shape == (2, 1, 3, 8, 6)
    assert np.allclose(sheet.images[0, 0], pixels / 255, atol=1e-6)
    with Image.open(sheet.picture) as picture:
        assert picture.mode == "RGB"


def test_files_are_resized_as_the_data_were(train, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(20):
        Image.fromarray(rng.integers(0, 256, (12, 10), np.uint8)).save(folder / f"{number}.png")
    run = train("vae-20", folder, data__resize=[6, 5])
    sheet = latentscape.reconstruct(run, files=[folder / "3.png"])
    split = load_run_split(run)
    assert any(np.array_equal(sheet.images[0, 0] * 255, image) for image in split.dataset.images)


def test_files_for_a_conditional_model_need_their_label(conditional, files):
    with pytest.raises(ConfigError, match="image files carry none.*--label NAME"):
        latentscape.reconstruct(conditional, files=files)
    found = [latentscape.reconstruct(conditional, files=files, label=label) for label in "07"]
    assert np.array_equal(found[0].images[0], found[1].images[0])
    assert not np.allclose(found[0].images[1], found[1].images[1])
    with pytest.raises(ConfigError, match="--label with --files or --data alone"):
        latentscape.reconstruct(conditional, label="0")


def test_vectors_cannot_be_drawn_but_their_numbers_kept(flat, vectors):
    with pytest.raises(ConfigError, match="vectors of 9 numbers, which cannot be drawn.*--array"):
        latentscape.sample(flat, data=vectors.dataset)
    sheet = latentscape.sample(flat, count=5, array=True, data=vectors.dataset)
    assert sheet.picture is None
    assert sheet.array == flat.path / "sample.npy"
    assert np.load(sheet.array).shape == (5, 9)
    assert not (flat.path / "sample.png").exists()
    for name in ("interpolate", "traverse", "reconstruct", "denoise"):
        make = getattr(latentscape, name)
        sheet = make(flat, array=True, data=vectors.dataset, **NEEDED.get(name, {}))
        assert sheet.images.shape[-1] == 9
        assert sheet.picture is None
    with pytest.raises(ConfigError, match="no rows and columns"):
        latentscape.denoise(flat, noise="block", array=True, data=vectors.dataset)
    one = Dataset("one", vectors.dataset.images[:1], value_range=(0.0, 1.0))
    sheet = latentscape.reconstruct(flat, array=True, data=one, dataset=vectors.dataset)
    assert sheet.images.shape == (2, 1, 9)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("sample", {"label": "7"}, "not conditioned on labels"),
        ("sample", {"source": "vamp"}, "no VampPrior"),
        ("sample", {"out": "samples.jpg"}, "ends in .png"),
        ("interpolate", {"between": (3, 40)}, "no test example 40. Expected a number from 0 to 39"),
        ("interpolate", {"files": ["a.png"]}, "1 file.*two"),
        ("interpolate", {"files": ["a.png", "b.png"], "between": (1, 2)}, "one or the other"),
        ("interpolate", {"path": "round"}, "no path called 'round'"),
        ("interpolate", {"out": "walk.mov"}, r"\.png or \.webp or \.gif or \.mp4"),
        ("sample", {"out": "walk.webp"}, r"ends in \.png"),
        ("traverse", {"example": -1}, "no test example -1"),
        ("manifold", {"label": "3"}, "not conditioned"),
        ("denoise", {}, "trained without noise.*--noise.*latentscape train denoising"),
        ("denoise", {"noise": "rain"}, "'gaussian'.*got 'rain'"),
        ("denoise", {"noise": "masking", "amount": 2}, "cannot exceed 1"),
        ("denoise", {"noise": "gaussian", "amount": 0}, "greater than 0"),
    ],
)
def test_mistakes_say_what_to_do(vae, tmp_path, monkeypatch, name, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        getattr(latentscape, name)(vae, **options)
    assert not any(tmp_path.iterdir())


def test_planes_and_paths_that_a_model_does_not_have(noisy):
    with pytest.raises(ConfigError, match="32 numbers have no plane.*--latent-dim 2"):
        latentscape.manifold(noisy)
    with pytest.raises(DataError, match=r"300 training examples.*330 at least"):
        latentscape.sample(noisy)


def test_files_that_do_not_fit(vae, tmp_path):
    Image.new("L", (20, 30)).save(tmp_path / "large.png")
    with pytest.raises(DataError, match=r"have the shape \(1, 30, 20\).*--resize 28x28"):
        latentscape.reconstruct(vae, files=[tmp_path / "large.png"])
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DataError, match="text.png cannot be read as an image"):
        latentscape.reconstruct(vae, files=[tmp_path / "text.png"])
    with pytest.raises(DataError, match=r"There is no file .*none.png. Expected a path that ex"):
        latentscape.reconstruct(vae, files=[tmp_path / "none.png"])


def test_a_picture_that_cannot_be_written(vae, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        latentscape.sample(vae, out=tmp_path / "file" / "s.png")


def test_one_test_example_has_no_partner(train):
    run = train("vae-20", data__test=1)
    with pytest.raises(ConfigError, match="one example alone.*--files"):
        latentscape.interpolate(run)
    assert latentscape.reconstruct(run).images.shape == (2, 1, 1, 28, 28)


@pytest.mark.parametrize("name", ["reconstruct", "denoise", "interpolate", "neighbours"])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_images_of_every_part(noisy, name, part, tmp_path):
    sheet = getattr(latentscape, name)(noisy, part=part, out=tmp_path / "x.png")
    called = {"train": "Training", "validation": "Validation", "test": "Test"}[part]
    assert f"{called} images" in sheet.about
    split = load_run_split(noisy)
    images = split.dataset.images[getattr(split, part)] / np.float32(255)
    shown = {"reconstruct": (0, 0), "denoise": (0, 0), "neighbours": (0, 0)}.get(name)
    if shown:
        assert (images == sheet.images[shown]).all((1, 2, 3)).any()


@pytest.mark.parametrize("name", ["reconstruct", "denoise", "interpolate", "neighbours"])
def test_images_of_any_source(noisy, name, digits, tmp_path):
    """As the test.csv of Kaggle's digits is: flat, and without labels."""
    rows = digits.images[::500].reshape(-1, 784)
    head = ",".join(f"pixel{place}" for place in range(784))
    lines = [head, *(",".join(map(str, row)) for row in rows.tolist())]
    (tmp_path / "test.csv").write_text("\n".join(lines))
    sheet = getattr(latentscape, name)(noisy, data=tmp_path / "test.csv")
    assert "Images of test" in sheet.about
    assert sheet.picture.is_file()


@pytest.mark.parametrize("name", ["reconstruct", "denoise", "neighbours"])
def test_one_image_is_enough(noisy, name, digits, tmp_path):
    np.save(tmp_path / "one.npy", digits.images[:1])
    assert getattr(latentscape, name)(noisy, data=tmp_path / "one.npy").picture.is_file()


def test_chosen_examples_of_a_part_and_of_a_source(noisy, digits, tmp_path):
    np.save(tmp_path / "some.npy", digits.images[:5])
    sheet = latentscape.neighbours(noisy, data=tmp_path / "some.npy", example=3, k=2)
    assert np.array_equal(sheet.images[0, 0], digits.images[3] / np.float32(255))
    assert sheet.about.startswith("some, 3.")
    with pytest.raises(ConfigError, match="no example of some, 5. Expected a number from 0 to 4"):
        latentscape.neighbours(noisy, data=tmp_path / "some.npy", example=5)
    sheet = latentscape.neighbours(noisy, part="train", example=2, k=2)
    assert sheet.about.startswith("Train example 2.")
    assert np.array_equal(sheet.images[0, 0], sheet.images[0, 1])


def test_images_are_converted_when_asked(noisy, digits, tmp_path):
    colours = np.zeros((30, 30, 3), np.uint8)
    colours[:, 10:20, 0] = 200
    Image.fromarray(colours).save(tmp_path / "red.png")
    with pytest.raises(DataError, match=r"--resize 28x28 --grey"):
        latentscape.reconstruct(noisy, files=[tmp_path / "red.png"])
    changes = {"resize": [28, 28], "grey": True}
    sheet = latentscape.reconstruct(noisy, files=[tmp_path / "red.png"], changes=changes)
    assert sheet.images[0].max() == pytest.approx(60 / 255, abs=0.02)


def test_values_of_another_scale_are_refused(noisy, digits, tmp_path):
    np.save(tmp_path / "x.npy", digits.images[:3].astype(np.int64) * 16)
    with pytest.raises(DataError, match=r"values of x go from 0 to 4080.*--range"):
        latentscape.reconstruct(noisy, data=tmp_path / "x.npy")
    changes = {"range": [0, 4080]}
    sheet = latentscape.reconstruct(noisy, data=tmp_path / "x.npy", changes=changes)
    assert np.allclose(sheet.images[0], digits.images[:3] / 255, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "digits", "files": ["a.png"]}, "--files and --data were given"),
        ({"data": "digits", "part": "train"}, "--data and --part were given"),
        ({"part": "exam"}, "no part called 'exam'"),
        ({"changes": {"grey": True}}, "grey say how other images are read.*--data or --files"),
    ],
)
def test_what_excludes_each_other(noisy, options, words):
    with pytest.raises(ConfigError, match=words):
        latentscape.reconstruct(noisy, **options)


def test_arrays_in_memory_are_images_of_ones_own(noisy, digits, tmp_path):
    images = digits.images[::1000, 0]
    for data in (images, torch.from_numpy(images), images[:1]):
        sheet = latentscape.reconstruct(noisy, data=data, out=tmp_path / "x.png")
        assert sheet.images.shape == (2, len(data), 1, 28, 28)
    assert len(latentscape.anomalies(noisy, data=images).index) == len(images)


def test_the_array_that_a_run_was_trained_on_is_its_own_data(train, digits):
    images = digits.images[::12, 0]
    run = train("vae-20", images)
    sheet = latentscape.neighbours(run, data=images)
    split = load_run_split(run, images)
    query = sheet.images[0, 0] * 255
    assert any(np.array_equal(query, split.dataset.images[place]) for place in split.test)
    strange = latentscape.reconstruct(run, data=images[:2] // 2)
    assert strange.images.shape[1] == 2


@pytest.fixture
def texts(monkeypatch):
    """Return the texts of the last picture that was drawn."""
    drawn = {}
    draw = grids.draw_grid

    def note(cells, gap, labels):
        drawn["rows"], drawn["images"] = labels.rows, labels.images
        return draw(cells, gap, labels)

    monkeypatch.setattr("latentscape.api.pictures.sheets.draw_grid", note)
    return drawn


def test_images_are_called_by_their_number_and_label(vae, texts, digits, tmp_path):
    latentscape.reconstruct(vae, count=3)
    split = load_run_split(vae)
    assert texts["rows"] == ["original", "model"]
    assert texts["images"][0] == texts["images"][1]
    for text in texts["images"][0]:
        number, label = text.split("\n")
        place = split.test[int(number.removeprefix("#"))]
        assert label == split.dataset.label_names[split.dataset.labels[place]]
    latentscape.interpolate(vae, between=(3, 17), steps=5)
    first, *between, last = texts["images"][0]
    assert first.startswith("#3\n")
    assert last.startswith("#17\n")
    assert between == ["25 %", "50 %", "75 %"]


def test_rows_of_a_walk_say_which_number_and_which_value(vae, noisy, texts):
    latentscape.traverse(vae, steps=3)
    assert sorted(texts["rows"]) == ["dimension 0", "dimension 1"]
    assert texts["images"][0] == ["\N{MINUS SIGN}3.0", "0", "3.0"]
    latentscape.traverse(noisy, steps=3)  # Without a prior each row has a span of its own.
    assert texts["images"][0] != texts["images"][1]
    sheet = latentscape.manifold(vae, size=3)
    assert texts["rows"] == ["0.97", "0", "\N{MINUS SIGN}0.97"]
    assert texts["images"][0] == texts["rows"][::-1]
    assert sheet.images.shape[:2] == (3, 3)


def test_samples_neighbours_and_files_are_called_by_name(conditional, noisy, files, texts):
    latentscape.sample(conditional, count=10)
    assert texts["images"][0] == [f"#{place}\n{place}" for place in range(10)]
    latentscape.denoise(noisy, files=files)
    assert texts["images"][0] == ["zero", "seven"]
    sheet = latentscape.neighbours(noisy, part="train", example=2, k=2)
    split = load_run_split(noisy)
    assert texts["rows"] == ["by code", "by pixels"]
    number, label = texts["images"][0][1].split("\n")
    image = split.dataset.images[split.train[int(number[1:])]]
    assert np.allclose(sheet.images[0, 1], image / np.float32(255))
    assert label == str(split.dataset.labels[split.train[int(number[1:])]])
