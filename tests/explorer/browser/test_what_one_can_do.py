"""What a person does on the page: see, ask, decode, draw, select, compare and share."""

import csv
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

import latentscape

from .conftest import Explored

LEVEL = 1 / 255


@pytest.fixture(scope="module")
def network(shown):
    return latentscape.load(shown)


def close(picture, expected):
    """Wait until a picture shows what is expected, as near as levels of grey allow."""
    return np.abs(picture - np.clip(expected, 0, 1)).max() <= 2.5 * LEVEL


def wait_for(explored, question):
    """Wait until something is true; the page computes in the meantime."""
    for _ in range(100):
        if question():
            return
        explored.page.wait_for_timeout(50)
    raise AssertionError("it did not become true")


def test_see(explored):
    page, picture = explored.page, explored.map().screenshot
    whole = picture()
    box = explored.map().bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -600)
    wait_for(explored, lambda: explored.tell("e.view.value.zoom") > 1.5)
    assert picture() != whole
    page.keyboard.press("0")
    wait_for(explored, lambda: explored.tell("e.view.value.zoom") == 1)
    colours = page.get_by_label("Colour by")
    keys = colours.locator("option").evaluate_all("options => options.map(o => o.value)")
    assert {"none", "label", "cluster"} < set(keys)
    assert len(keys) > 4, "scores are among them"
    seen = set()
    for key in keys:
        colours.select_option(key)
        expect(colours).to_have_value(key)
        seen.add(explored.page.locator(".plot").first.screenshot())
    assert len(seen) == len(keys)


def test_see_some_categories_only(explored):
    legend = explored.page.get_by_role("group", name="What colours mean")
    before = explored.page.locator(".plot").screenshot()
    legend.get_by_role("button", name="3", exact=True).click()
    assert explored.tell("[...e.hidden.value]") == [3]
    assert explored.page.locator(".plot").screenshot() != before
    labels = explored.array("labels")
    assert labels[explored.hover_a_point()] != 3
    legend.get_by_role("button", name="Show all").click()
    assert explored.tell("[...e.hidden.value]") == []


def test_see_what_is_behind_the_points(explored):
    background = explored.page.get_by_label("Background")
    explored.page.mouse.move(0, 0)
    pictures = {explored.page.locator(".plot").screenshot()}
    for key in ("density", "decoder"):
        background.select_option(key)
        explored.page.wait_for_timeout(400)
        pictures.add(explored.page.locator(".plot").screenshot())
    assert len(pictures) == 3


def test_ask_a_point(explored, network):
    panel = explored.panel("Example")
    point = explored.hover_a_point()
    card = panel.get_by_role("region", name="Example")
    codes = explored.array("m0/codes").astype(np.float32)
    image = explored.array("images")[point, 0] / 255
    wait_for(explored, lambda: close(explored.pixels(card.get_by_label("Example")), image))
    with torch.inference_mode():
        expected = network.decode(torch.from_numpy(codes[[point]]))[0, 0].numpy()
    wait_for(
        explored, lambda: close(explored.pixels(card.get_by_label("Reconstruction")), expected)
    )
    expect(card.get_by_label("Code", exact=True).locator("rect")).to_have_count(2)
    names = explored.tell("e.manifest.label_names")
    expect(card).to_contain_text(f"Label{names[explored.array('labels')[point]]}")


def test_pin_a_point_and_see_its_neighbours(explored):
    panel = explored.panel("Example")
    point = explored.pin_a_point()
    assert explored.state("pins") == [point]
    expect(panel.get_by_role("heading", name="By codes")).to_be_visible()
    expect(panel.get_by_role("heading", name="By pixels")).to_be_visible()
    codes = explored.array("m0/codes").astype(np.float32)
    images = explored.array("images").reshape(len(codes), -1) / 255
    for title, values in (("By codes", codes), ("By pixels", images)):
        distances = np.linalg.norm(values - values[point], axis=1)
        distances[point] = np.inf
        nearest = explored.tell(f"e.examples.name({np.argmin(distances)})")
        first = panel.locator("h3", has_text=title).locator("+ ul button").first
        assert nearest in first.get_attribute("aria-label")


def test_decode_under_the_cursor(explored, network):
    panel = explored.panel("Decode")
    box = explored.map().bounding_box()
    explored.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
    code = explored.tell("[e.cursor.value.x, e.cursor.value.y]")
    with torch.inference_mode():
        expected = network.decode(torch.tensor([code]))[0, 0].numpy()
    decoded = panel.get_by_label("Decoded", exact=True)
    wait_for(explored, lambda: close(explored.pixels(decoded), expected))
    expect(panel).to_contain_text("The place is the code: the image is exact.")
    expect(panel).to_contain_text("The nearest example is")


def test_decode_by_sliders(explored, network):
    panel = explored.panel("Decode")
    sliders = panel.get_by_role("slider")
    expect(sliders).to_have_count(2)
    sliders.first.focus()
    for _ in range(12):
        explored.page.keyboard.press("ArrowRight")
    places = [
        int(text.split(":")[0].split()[-1])
        for text in sliders.evaluate_all(
            "all => all.map(slider => slider.getAttribute('aria-label'))"
        )
    ]
    values = sliders.evaluate_all("all => all.map(slider => slider.valueAsNumber)")
    code = [value for _, value in sorted(zip(places, values, strict=True))]
    with torch.inference_mode():
        expected = network.decode(torch.tensor([code]))[0, 0].numpy()
    decoded = panel.get_by_label("Decoded", exact=True)
    wait_for(explored, lambda: np.abs(explored.pixels(decoded) - expected).mean() <= 5 * LEVEL)


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_decode_says_how_it_is_done(explored, method):
    explored.page.get_by_role("combobox", name="Map").select_option(method)
    panel = explored.panel("Decode")
    explored.hover_a_point()
    words = {"pca": "a plane through the space of codes", "tsne": "This map has no inverse"}
    expect(panel).to_contain_text(words[method])


def test_decode_walks_and_samples(explored):
    explored.tell("(e.pins.value = [3, 7])")
    panel = explored.panel("Decode")
    walk = panel.get_by_role("region", name="Walk")
    expect(walk.locator("figure")).to_have_count(10)
    walk.get_by_label("Way").select_option("spherical")
    view = panel.get_by_label("What 100 places of the view decode to")
    wait_for(explored, lambda: explored.pixels(view).shape == (280, 280))
    samples = panel.get_by_role("region", name="Random samples")
    picture = samples.locator("canvas").first
    wait_for(explored, lambda: explored.pixels(picture).shape == (28, 28))
    before = explored.pixels(picture)
    samples.get_by_role("button", name="Draw others").click()
    wait_for(explored, lambda: (explored.pixels(picture) != before).any())


def test_draw_a_digit(explored, network):
    panel = explored.panel("Draw")
    box = panel.locator("canvas").first.bounding_box()
    mouse = explored.page.mouse
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
    mouse.up()
    own = panel.get_by_role("region", name="Your image")
    expect(own.get_by_role("heading", name="Nearest examples by codes")).to_be_visible()
    expect(own).to_contain_text("Squared error per pixel")

    def is_encoded() -> bool:
        """The page encodes a moment after the last stroke."""
        image = np.array(explored.tell("[...e.own.value]"), np.float32).reshape(1, 1, 28, 28)
        with torch.inference_mode():
            code = network.encode_scaled(torch.from_numpy(image), None)
        at = explored.tell("e.marks.value.map(({x, y}) => [x, y])")
        return image.max() > 0.5 and np.allclose(at, code.numpy(), atol=0.02)

    wait_for(explored, is_encoded)


def test_bring_a_file(explored, tmp_path):
    panel = explored.panel("Draw")
    stored = explored.array("images")[5, 0]
    Image.fromarray(stored).save(tmp_path / "mine.png")
    panel.get_by_label("Image file").set_input_files(tmp_path / "mine.png")
    own = panel.get_by_role("region", name="Your image")
    shown = own.get_by_label("Your image", exact=True).locator("visible=true")
    wait_for(explored, lambda: close(explored.pixels(shown.first), stored / 255))
    (tmp_path / "none.png").write_text("no image")
    panel.get_by_label("Image file").set_input_files(tmp_path / "none.png")
    expect(explored.page.get_by_role("status")).to_contain_text("none.png is no image")


@pytest.mark.parametrize("tool", ["Lasso", "Rectangle"])
def test_select_with_the_mouse(explored, tool):
    explored.page.get_by_role("button", name=tool).click()
    box = explored.map().bounding_box()
    corners = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    if tool == "Rectangle":
        corners = [corners[0], (0.5, 0.5), corners[2]]
    for step, (x, y) in enumerate(corners):
        explored.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if step == 0:
            explored.page.mouse.down()
    explored.page.mouse.up()
    selected = explored.state("selection")
    assert len(selected) > explored.tell("e.count") / 2
    expect(explored.page.get_by_role("tabpanel")).to_contain_text("examples are selected")


def test_select_name_export(explored):
    panel = explored.panel("Select")
    labels = explored.array("labels")
    for name in ("1", "7"):
        panel.get_by_role("combobox", name="Label").select_option(label=name)
        expected = np.flatnonzero(labels == int(name))
        assert explored.state("selection") == expected.tolist()
        panel.get_by_label("Name of the selection").fill(f"all {name}, <b>really</b>")
        panel.get_by_role("button", name="Keep").click()
    kept = panel.get_by_role("region", name="Named selections")
    expect(kept).to_contain_text(f"all 7, <b>really</b> ({len(expected)})")
    with explored.page.expect_download() as download:
        panel.get_by_role("button", name="Save as CSV").click()
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == explored.array("rows")[expected].tolist()
    assert {row["label"] for row in rows} == {"7"}
    assert {row["selections"] for row in rows} == {"all 7, <b>really</b>"}
    codes = [[float(row["code_1"]), float(row["code_2"])] for row in rows]
    assert np.allclose(codes, explored.array("m0/codes")[expected], atol=1e-6)
    panel.locator("summary", has_text="As a table").click()
    expect(panel.locator("tbody tr")).to_have_count(min(100, len(expected)))
    explored.tell("(e.pins.value = [0])")
    expect(panel.get_by_role("region", name="Add a difference").locator("figure")).to_have_count(6)


def test_select_by_text_and_ask_what_to_label(explored):
    panel = explored.panel("Select")
    panel.get_by_label("Name or label holds").fill("4")
    panel.get_by_role("button", name="Select").last.click()
    assert set(np.flatnonzero(explored.array("labels") == 4)) <= set(explored.state("selection"))
    panel.get_by_role("button", name="Suggest examples").click()
    suggestions = panel.get_by_role("region", name="What should I label next?")
    expect(suggestions.get_by_role("heading", name="Most typical")).to_be_visible()


def test_compare_two_models(visitor, study_url):
    explored = visitor().explore(study_url)
    panel = explored.panel("Compare")
    panel.get_by_label("Beside it").select_option("1")
    expect(explored.page.get_by_role("application")).to_have_count(2)
    expect(panel.get_by_role("heading", name="Examples that moved most")).to_be_visible()
    example = explored.panel("Example")
    explored.hover_a_point()
    expect(example.get_by_label("By cond-vae", exact=False).first).to_be_visible()
    explored.page.get_by_role("combobox", name="Model").select_option("1")
    decode = explored.panel("Decode")
    buttons = decode.get_by_role("group", name="Label to decode with").get_by_role("button")
    expect(buttons).to_have_count(10)
    explored.hover_a_point()
    decoded = decode.get_by_label("Decoded", exact=True)
    wait_for(explored, lambda: explored.pixels(decoded).shape == (28, 28))
    before = explored.pixels(decoded)
    buttons.nth(8).click()
    wait_for(explored, lambda: (explored.pixels(decoded) != before).any())


def test_compare_epochs(explored):
    panel = explored.panel("Compare")
    epochs = panel.get_by_label("Epoch", exact=True)
    epochs.focus()
    explored.page.keyboard.press("ArrowLeft")
    assert explored.state("epoch") == 1
    expect(panel).to_contain_text("Epoch 1")
    panel.get_by_role("button", name="Play").click()
    wait_for(explored, lambda: explored.state("epoch") == 2)


def test_share_an_address(explored, visitor):
    explored.page.get_by_label("Colour by").select_option("cluster")
    explored.tell("(e.pins.value = [4, 2])")
    explored.tell("(e.selection.value = [1, 5, 90])")
    explored.panel("Decode")
    wait_for(explored, lambda: "selection" in explored.page.url and "decode" in explored.page.url)
    page = visitor().open(explored.page.url)
    expect(page.get_by_role("tab", name="Decode")).to_have_attribute("aria-selected", "true")
    other = Explored(page)
    state = [other.state(name) for name in ("pins", "selection", "colouring")]
    assert state == [[4, 2], [1, 5, 90], "cluster"]


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_share_a_picture(explored, kind):
    panel = explored.panel("About")
    with explored.page.expect_download() as download:
        panel.get_by_role("button", name=kind).click()
    path = download.value.path()
    if kind == "PNG":
        with Image.open(path) as image:
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    else:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_share_how_it_was_made(explored, shown):
    panel = explored.panel("About")
    panel.locator("summary", has_text="Recipe").click()
    expect(panel.locator("pre")).to_contain_text("dim: 2")
    expect(panel).to_contain_text("runs in this page")


def test_without_a_mouse(explored):
    press = explored.page.keyboard.press
    explored.map().focus()
    press("+")
    assert explored.tell("e.view.value.zoom") > 1
    turns = [("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown")[step % 4] for step in range(16)]
    spiral = (key for step, key in enumerate(turns) for _ in range(step // 2 + 1))
    while explored.state("hovered") is None:
        press(next(spiral))
    press("Enter")
    assert explored.state("pins") == [explored.state("hovered")]
    for key, title in enumerate(("Example", "Decode", "Draw", "Select", "Compare", "About"), 1):
        press(str(key))
        expect(explored.page.get_by_role("tab", name=title)).to_have_attribute(
            "aria-selected", "true"
        )
    press("Escape")
    assert explored.state("pins") == []
