"""How fast the explorer's page is, in Chromium without a graphics card."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

import latentscape
from latentscape.api.exploring import open_exploration
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, override
from latentscape.core.records import Array, Dataset
from latentscape.data import load_dataset, split_dataset
from latentscape.explorer.contents import Manifest, Map, Model, Thumbnails
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import Wanted, describe_array
from latentscape.explorer.networks import halved
from latentscape.explorer.server import start
from latentscape.exports.onnx_file import trace_onnx
from latentscape.model import Network
from tools.evidence.decoders import decoder_of, describe_decoder, write_decoders
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

SOFTWARE_RENDERER = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
MILLION = 1_000_000
HOVERS = 50

# Clocks of pages are coarse: ten images at a time are timed.
DECODE = """async ([number, code, labels]) => {
  const model = (await window.latentscape).models[number];
  const codes = Float32Array.from(code);
  await model.decode(codes, labels);
  const times = [];
  for (let block = 0; block < 20; block++) {
    const begin = performance.now();
    for (let image = 0; image < 10; image++) await model.decode(codes, labels);
    times.push((performance.now() - begin) / 10);
  }
  return times;
}"""

USABLE = """async () => {
  const explorer = await window.latentscape;
  const model = explorer.models[0];
  if (model.info.decoder) await model.decode(await model.codes().then(c => c.slice(0, model.dim)));
  while (document.querySelector(".wait")) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() / 1000;
}"""

# From the move of the cursor until the panel names the point and both pictures are drawn.
HOVER = """async (count) => {
  const explorer = await window.latentscape;
  const canvas = document.querySelector("[role=application]");
  const { width, height } = canvas.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (let step = 0; times.length < count && step < 5000; step++) {
    const angle = 2.4 * step, radius = 0.4 * Math.sqrt((step % 500) / 500);
    const box = canvas.getBoundingClientRect();
    const clientX = box.left + width * (0.5 + radius * Math.cos(angle));
    const clientY = box.top + height * (0.5 + radius * Math.sin(angle));
    const before = explorer.hovered.value;
    const begin = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    const point = explorer.hovered.value;
    if (point === null || point === before) continue;
    const name = explorer.examples.name(point);
    while (!document.querySelector("#panel dd")?.textContent.includes(name)) await frame();
    times.push(performance.now() - begin);
  }
  return times;
}"""

PAN = """async () => {
  const explorer = await window.latentscape;
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (let step = 0; step < 20; step++) {
    const begin = performance.now();
    explorer.view.value = { x: 0.5 + 0.005 * step, y: 0.5, zoom: 1.2 };
    await frame();
    await frame();
    times.push((performance.now() - begin) / 2);
  }
  return times;
}"""


def measure_explorer() -> Evidence:
    """Time the decoders of all recipes, a file, and maps of many points from the server."""
    with TemporaryDirectory() as folder, _pages() as open_page:
        run = latentscape.train(
            "conv-bn", data="mnist", changes={"train.epochs": 1}, folder=folder, quiet=True
        )
        rows = (
            *_decoding(open_page, Path(folder)),
            _file(open_page, run, Path(folder)),
            _served(open_page, run),
            _million(open_page),
        )
    return measured_now(
        "explorer",
        "How fast the explorer's page is in Chromium, without a window or a graphics card.",
        rows,
        latentscape.load_recipe("conv-bn"),
    )


@contextmanager
def _pages() -> Iterator[Any]:
    """Yield a function that opens a page, and returns it."""
    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*SOFTWARE_RENDERER])

        def open_page(url: str) -> Page:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(300_000)
            page.goto(f"{url}#tab=point")
            return page

        yield open_page
        browser.close()


def _row(label: str, **numbers: float) -> ResultRow:
    kept = {key: Number.of((float(value),)) for key, value in numbers.items()}
    print(label, numbers, flush=True)
    return ResultRow(label=label, kind="other", data="MNIST", numbers=kept)


def _decoding(open_page: Any, folder: Path) -> Iterator[ResultRow]:
    """Time each recipe's decoder; untrained, since weights do not change the time."""
    split = split_dataset(load_dataset(DataConfig(source="mnist-5k")), DataConfig(train=500))
    names = latentscape.recipe_names()
    decoders = {name: decoder_of(name, split) for name in names}
    files = {f"m{k}": halved(trace_onnx(decoders[name])) for k, name in enumerate(names)}
    models = [
        describe_decoder(key, name, decoders[name], "float16", files[key].ByteSize())
        for key, name in zip(files, names, strict=True)
    ]
    write_decoders(models, files, split, folder / "decoders.html")
    page = open_page((folder / "decoders.html").as_uri())
    for number, name in enumerate(names):
        codes, *labels = [values[0].tolist() for values in decoders[name].inputs.values()]
        times = page.evaluate(DECODE, [number, codes, labels])
        row = _row(name, decode=median(times), size=files[f"m{number}"].ByteSize() / 1e6)
        yield row.model_copy(update={"recipe": name})
    page.close()


def _file(open_page: Any, run: Any, folder: Path) -> ResultRow:
    """Write the file of `conv-bn`, and wait until its map is drawn and an image decoded."""
    file = folder / "explorer.html"
    latentscape.explore(run, out=file)
    page = open_page(file.as_uri())
    seconds = page.evaluate(USABLE)
    page.close()
    return _row("file", megabytes=file.stat().st_size / 1e6, usable=seconds)


def _served(open_page: Any, run: Any) -> ResultRow:
    """Serve all of MNIST."""
    exploration = open_exploration(run.path, Wanted(points=70_000, map="pca", in_file=False))
    server = start(exploration)
    page = open_page(server.url)
    seconds, times = page.evaluate(USABLE), page.evaluate(HOVER, HOVERS)
    page.close()
    server.stop()
    return _row("70,000", picture=seconds, hover=median(times), slowest=max(times))


def _million(open_page: Any) -> ResultRow:
    """Serve a million points that were made up, move over them and draw around them."""
    server = start(_made_up(MILLION))
    page = open_page(server.url)
    seconds, times = page.evaluate(USABLE), page.evaluate(PAN)
    lasso = _lasso(page)
    page.close()
    server.stop()
    return _row("1,000,000", picture=seconds, pan=median(times), lasso=lasso)


def _lasso(page: Page) -> float:
    """Draw around the middle; return the seconds from letting go to the selection."""
    page.get_by_role("button", name="Lasso").click()
    box = page.get_by_role("application").first.bounding_box()
    assert box is not None
    corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
    for step, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if step == 0:
            page.mouse.down()
    begin = time.perf_counter()
    page.mouse.up()
    selected = page.evaluate("async () => (await window.latentscape).selection.value.length")
    assert selected > 0
    return time.perf_counter() - begin


def _made_up(count: int) -> Exploration:
    """Make points in ten heaps, with tiny pictures."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, count).astype(np.int32)
    codes = (rng.normal(0, 4, (10, 2))[labels] + rng.normal(0, 1, (count, 2))).astype(np.float32)
    images = rng.integers(0, 256, (count, 1, 4, 4), np.uint8)
    arrays: dict[str, Array] = {
        "labels": labels,
        "parts": np.zeros(count, np.uint8),
        "rows": np.arange(count, dtype=np.int32),
        "m0/codes": codes,
        "m0/map/code": codes,
    }
    model = Model(
        key="m0",
        label="made up",
        run="",
        recipe="",
        latent_dim=2,
        kind="",
        maps=(Map(method="code", name="Code", decode="exact"),),
    )
    manifest = Manifest(
        title="A million points",
        version="0",
        live=True,
        count=count,
        shape=(1, 4, 4),
        range=(0, 255),
        byte_values=True,
        thumbnails=Thumbnails(shape=(1, 4, 4), reduced=False),
        label_names=tuple("0123456789"),
        part_names=("made up",),
        models=(model,),
        arrays={name: describe_array(array) for name, array in arrays.items()},
    )
    dataset = Dataset("made up", images, value_range=(0, 255))
    recipe = override(latentscape.load_recipe("simple-20"), {"model.latent.dim": 2})
    recipe = prepare(recipe, split_dataset(dataset, DataConfig(train=500, test=100)))
    networks = {"m0": Network(recipe.model, recipe.objective).eval()}
    runs: Any = {"m0": SimpleNamespace(path=Path())}
    return Exploration(manifest, arrays, dataset, np.arange(count), networks, runs)
