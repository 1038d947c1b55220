"""The pictures of the gallery: every recipe on 5,000 images of MNIST and of Fashion-MNIST.

Runs are those of the table of recipes: what exists is used again, and what is missing is trained.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

import latentscape
from latentscape.analyses.maps.method import draw_maps
from latentscape.analyses.maps.result import METHOD_NAMES, MapMethod, MapSettings
from latentscape.config import load_recipe, recipe_names
from latentscape.core.files import write_json
from latentscape.core.records import Array
from latentscape.core.units import count, percent
from latentscape.evaluation.codes import model_codes
from latentscape.reporting.pen import ZOOM, Pen, in_box
from latentscape.reporting.strips import sheet
from latentscape.runs import OpenRun
from tools.evidence.measuring import RUNS, measured_now
from tools.evidence.recipes import Given, given, measured
from tools.evidence.records import ROOT, Evidence, Picture, ResultRow

FOLDER = ROOT / "docs" / "gallery"

SHOWN = {"mnist-5k": "mnist", "fashion-mnist": "fashion"}
"""Data sets of the gallery by their names in the table of recipes, and their folders."""

ACROSS, ROWS, WALKS, SIDE = 10, 4, 4, 12
"""Images side by side, rows of samples, walks, and the side of a plane of codes."""

POINTS = 600
MAP = (300, 260)
"""Points of a map, and half its width and height in pixels."""

QUALITY = 65
"""Of WebP, out of 100. A gallery is small enough to be kept with the sources."""


def measure_gallery(runs: Path = RUNS, folder: Path = FOLDER) -> Evidence:
    """Draw every recipe on both data sets, and keep what the pictures show."""
    torch.set_num_threads(1)
    data = [each for each in given(runs) if each.name in SHOWN]
    rows = [drawn(name, each, runs, folder) for each in data for name in recipe_names()]
    return measured_now(
        "gallery",
        "Pictures of every recipe on 5,000 images of MNIST and 5,000 of Fashion-MNIST.",
        tuple(rows),
        load_recipe("simple-20"),
        precision="float32",
    )


def drawn(name: str, data: Given, runs: Path, folder: Path) -> ResultRow:
    """Measure a recipe on a data set, and draw its pictures."""
    row = measured(name, data, runs)
    kept = runs / "gallery" / f"{row.runs[0].name}.json"
    if (known := _known(kept, folder)) and known.model_copy(update={"pictures": ()}) == row:
        return known
    pictures = [
        _written(kind, image, about, folder, f"{SHOWN[data.name]}/{name}-{kind}.webp")
        for kind, image, about in _pictures(OpenRun(runs / row.runs[0].name))
    ]
    row = row.model_copy(update={"pictures": tuple(pictures)})
    write_json(kept, row.model_dump(mode="json", exclude_defaults=True))
    return row


def _known(kept: Path, folder: Path) -> ResultRow | None:
    """Return what was drawn before, if its pictures are there."""
    if not kept.exists():
        return None
    row = ResultRow.model_validate(json.loads(kept.read_text("utf-8")), strict=False)
    return row if all((folder / picture.file).exists() for picture in row.pictures) else None


def _written(kind: str, image: Image.Image, about: str, folder: Path, place: str) -> Picture:
    file = folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file, "WEBP", quality=QUALITY, method=6)
    return Picture(kind=kind, file=place, about=about, size=image.size)


def _pictures(opened: OpenRun) -> Iterator[tuple[str, Image.Image, str]]:
    """Yield the kind of each picture of a run, the picture, and what it shows."""
    run = opened.run
    with TemporaryDirectory() as folder:
        out = Path(folder) / "picture.png"
        pairs = latentscape.reconstruct(run, count=ACROSS, out=out)
        yield "originals", _tiles(pairs.images[0], ACROSS), "Test images, one of each label."
        yield "row", _tiles(pairs.images[1], ACROSS), "The same images, reconstructed."
        samples = latentscape.sample(run, count=ROWS * ACROSS, out=out)
        yield "samples", _tiles(samples.images, ACROSS), samples.about
        walk = latentscape.interpolate(run, out=out, steps=ACROSS)
        yield "walk", _tiles(_flat(walk.images[:WALKS]), ACROSS), walk.about
        if opened.model.latent_dim == 2:
            plane = latentscape.manifold(run, size=SIDE, out=out)
            yield "plane", _tiles(_flat(plane.images), SIDE, tight=True), plane.about
    yield "map", *_map(opened)


def _flat(images: Array) -> Array:
    return images.reshape(-1, *images.shape[2:])


def _tiles(images: Array, columns: int, *, tight: bool = False) -> Image.Image:
    """Lay images (n, C, H, W) out in rows with transparent gaps, each pixel twice as large."""
    png = sheet(images, columns, max(images.shape[2:]), tight=tight)
    picture = Image.open(BytesIO(png))
    return picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)


def _map(opened: OpenRun) -> tuple[Image.Image, str]:
    """Draw the codes of test images: as they are where they have two numbers, else by t-SNE."""
    is_plane = opened.model.latent_dim == 2
    codes = model_codes(opened.model, opened.split, opened.name)
    wanted: MapMethod = "code" if is_plane else "tsne"
    methods = () if is_plane else ("tsne",)
    maps = draw_maps([codes], MapSettings(methods=methods, points=POINTS))
    (layout,) = (each.layouts[0] for each in maps.methods if each.method == wanted)
    picture = Image.new("RGB", (ZOOM * MAP[0], ZOOM * MAP[1]))
    order = np.random.default_rng(0).permutation(len(maps.labels))
    at, names = in_box(layout.places, MAP)[order], opened.split.dataset.label_names
    Pen(picture).points(at, maps.labels[order], names, apart=True)
    accuracy = maps.accuracy(layout)
    about = f"{METHOD_NAMES[wanted]}, {count(len(layout.places))} test images."
    if accuracy is not None:
        share = percent(accuracy.mean)
        about += f" {share} have the label of most of their neighbours on the map."
    return picture, about
