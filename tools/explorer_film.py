"""Film the explorer for the README: ``python -m tools.explorer_film PAGE FILM.webp``.

The page is one that ``latentscape explore RUN --out PAGE`` has written, of digits. It is opened in
Chromium, with the network off.
"""

import io
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, sync_playwright

SIZE: ViewportSize = {"width": 1000, "height": 640}
SOFTWARE_GL = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")

# Milliseconds that a frame is shown.
BRIEF, LONG = 220, 1300

# Corners of the strokes of a digit, as shares of the drawing pad.
DIGIT = (
    (0.22, 0.32),
    (0.4, 0.16),
    (0.66, 0.2),
    (0.7, 0.42),
    (0.42, 0.68),
    (0.2, 0.86),
    (0.82, 0.84),
)

Frame = tuple[Image.Image, int]


def film(page: Page) -> Iterator[Frame]:
    """Point at the map, zoom in, decode along a line, and draw a digit."""
    page.get_by_role("button", name="Close").first.click()
    yield _picture(page, LONG)
    page.get_by_role("tab", name="Decode").click()
    for step in range(14):
        page.mouse.move(170 + 20 * step, 440 - 14 * step)
        yield _picture(page, BRIEF)
    page.get_by_role("tab", name="Example").click()
    page.mouse.move(330, 350)
    for _ in range(6):
        page.mouse.wheel(0, -160)
        yield _picture(page, BRIEF)
    page.mouse.click(330, 350)
    yield _picture(page, LONG)
    page.get_by_role("button", name="Whole map").click()
    page.get_by_role("tab", name="Draw").click()
    yield from _draw(page)


def _draw(page: Page) -> Iterator[Frame]:
    box = page.get_by_role("img", name="Draw here").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in DIGIT]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
        yield _picture(page, BRIEF)
    page.mouse.up()
    yield _picture(page, 2 * LONG)


def _picture(page: Page, milliseconds: int) -> Frame:
    page.wait_for_timeout(250)  # Decoders answer within a few; pictures are loaded later.
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB"), milliseconds


def main(source: str, target: str) -> None:
    """Write the film of a page."""
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=SOFTWARE_GL)
        page = browser.new_context(viewport=SIZE, offline=True).new_page()
        page.goto(Path(source).resolve().as_uri())
        page.wait_for_timeout(3000)
        pictures, durations = zip(*film(page), strict=True)
        browser.close()
    pictures[0].save(
        target, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=70
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
