"""The gallery: its pictures, what their file says of them, and the pages that show them."""

import numpy as np
import pytest
from PIL import Image
from tools.evidence import gallery, gallery_pages
from tools.evidence.gallery import FOLDER, SHOWN
from tools.evidence.gallery_pages import KINDS, PAGES, TITLES
from tools.evidence.recipes import Given
from tools.evidence.records import load

from latentscape.config import FAMILIES, load_recipe, recipe_names

MAX_BYTES = 4_000_000
QUICK = {"data.train": 300, "data.test": 60, "train.epochs": 1, "model.encoder.widths": [16]}
KEPT = {"originals", "row", "samples", "walk", "map"}


@pytest.fixture(scope="module")
def evidence():
    return load("gallery")


def drawn_recipes(evidence):
    """Name the recipes of the file: all but those that the page says it does not have yet."""
    text = gallery_pages.circumstances(evidence)
    _, _, absent = text.partition("Pictures of ")
    return {name for name in recipe_names() if f"`{name}`" not in absent}


def test_every_recipe_is_there_with_every_picture_on_both_data_sets(evidence):
    assert set(TITLES) == set(SHOWN)
    shown = {(row.recipe, row.data) for row in evidence.rows}
    assert shown == {(name, data) for name in drawn_recipes(evidence) for data in SHOWN}
    for row in evidence.rows:
        planes = {"plane"} if load_recipe(row.recipe).model.latent.dim == 2 else set()
        assert {picture.kind for picture in row.pictures} == KEPT | planes
        assert all(picture.about.endswith(".") for picture in row.pictures)
        (run,) = row.runs
        assert run.sizes.train + run.sizes.validation + run.sizes.test <= 5400


def test_the_pictures_are_those_that_the_file_names_and_they_are_small(evidence):
    named = {picture.file: picture.size for row in evidence.rows for picture in row.pictures}
    files = {file.relative_to(FOLDER).as_posix(): file for file in FOLDER.rglob("*.webp")}
    assert named.keys() == files.keys()
    assert sum(file.stat().st_size for file in files.values()) < MAX_BYTES
    for name, file in files.items():
        with Image.open(file) as picture:
            assert (picture.format, picture.size) == ("WEBP", named[name])
    # The same kind has the same size everywhere, so that columns stand beside each other.
    kinds = {name.rpartition("-")[2] for name in named}
    for kind in kinds:
        assert len({size for name, size in named.items() if name.endswith(f"-{kind}")}) == 1


def test_all_recipes_show_the_same_images(evidence):
    for data, folder in SHOWN.items():
        originals = [
            (FOLDER / picture.file).read_bytes()
            for row in evidence.rows
            for picture in row.pictures
            if picture.kind == "originals" and row.data == data
            if load_recipe(row.recipe).data.binarize == "none"
        ]
        assert len(set(originals)) == 1, folder


def test_every_family_has_one_page_and_every_recipe_a_section(evidence):
    families = [family for page in PAGES.values() for family in page]
    assert sorted(families) == sorted(FAMILIES)
    overview = gallery_pages.overview(evidence)
    texts = {name: gallery_pages.page(evidence, name) for name in PAGES}
    for name, text in texts.items():
        for recipe in drawn_recipes(evidence):
            is_here = load_recipe(recipe).family in PAGES[name]
            assert (f"## {recipe}\n" in text) == is_here
            assert f"{recipe}-row.webp" in overview
    assert all(f"*{title}.*" in texts["regularised"] for title in KINDS.values())


def test_a_recipe_is_trained_once_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "POINTS", 30)
    data = Given("mnist-5k", "mnist-5k", {**QUICK, "model.latent.dim": 2})
    row = gallery.drawn("simple-20", data, tmp_path / "runs", tmp_path / "out")
    assert [picture.kind for picture in row.pictures] == [
        *sorted(KEPT - {"map"}, key=ORDER.index),
        "plane",
        "map",
    ]
    for picture in row.pictures:
        with Image.open(tmp_path / "out" / picture.file) as image:
            assert image.size == picture.size
            assert np.ptp(np.asarray(image.convert("L"))) > 100
    model = tmp_path / "runs" / row.runs[0].name / "model.safetensors"
    before = model.stat().st_mtime_ns
    again = gallery.drawn("simple-20", data, tmp_path / "runs", tmp_path / "again")
    assert model.stat().st_mtime_ns == before
    assert again == row


ORDER = ["originals", "row", "samples", "walk"]
