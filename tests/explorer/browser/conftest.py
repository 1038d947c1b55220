"""Pages in Debian's Chromium, where a request, a script's error or a complaint is a failure."""

import gzip
import json
import os
import shutil
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

import latentscape
from latentscape.explorer import bundle

WEB = Path(__file__).parents[3] / "web"
# Chromium's own renderer, so that it is the same with and without a graphics card.
SOFTWARE_RENDERER = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
INSIDE = ("file:", "blob:", "data:")
SET_BACK = """async () => {
  const e = await window.latentscape;
  const isSet = (kind) => kind && (Object.getOwnPropertyDescriptor(kind, "value")?.set
    ?? isSet(Object.getPrototypeOf(kind)));
  window.signals ??= Object.values(e).filter((it) => it instanceof Object && isSet(it))
    .map((signal) => [signal, signal.value]);
  document.activeElement.blur();
  window.scrollTo(0, 0);
  e.tab.value = "about";  // So that the other panels are made anew.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const [signal, value] of window.signals) signal.value = value;
  return window.signals.length;
}"""
TIMEOUT = 20_000
"""Milliseconds; on a busy machine everything takes long."""


class Visitor:
    """A person at a browser, with the network off unless a server is to be visited.

    Attributes
    ----------
    faults : list of str
        Requests that leave the page, errors of scripts, and errors in the console.
    """

    def __init__(self, browser: Browser, server: str | None = None, **options) -> None:
        self.faults: list[str] = []
        self.allowed = INSIDE if server is None else (*INSIDE, server)
        self.context = browser.new_context(offline=server is None, **options)
        self.context.set_default_timeout(TIMEOUT)
        self.context.on("request", self._check_request)
        self.context.on("console", self._check_message)
        self.context.on("weberror", self._keep_error)

    def open(self, url: str) -> Page:
        """Open a page."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def explore(self, url: str, *, newcomer: bool = False) -> "Explored":
        """Open the explorer, and wait until its map is there."""
        # Who follows somebody's address, with a view in it, gets no tour.
        explored = Explored(self.open(url if newcomer else f"{url}#tab=point"))
        expect(explored.page.locator("main")).to_be_visible(timeout=TIMEOUT)
        expect(explored.page.get_by_text("Loading the map")).to_have_count(0, timeout=TIMEOUT)
        return explored

    def _check_request(self, request: Request) -> None:
        if not request.url.startswith(self.allowed):
            self.faults.append(f"request for {request.url}")

    def _check_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _keep_error(self, error: WebError) -> None:
        self.faults.append(f"script: {error.error.message}")


class Explored:
    """The explorer's page, and what it has chosen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def set_back(self) -> None:
        """Choose what was chosen when this was first called."""
        self.page.mouse.move(0, 0)
        assert self.page.evaluate(SET_BACK) > 20

    def state(self, name: str):
        """Return a signal's value."""
        return self.page.evaluate("async (name) => (await window.latentscape)[name].value", name)

    def tell(self, expression: str):
        """Return what an expression gives, in which the explorer is called ``e``."""
        return self.page.evaluate(
            f"async () => {{ const e = await window.latentscape; return {expression}; }}"
        )

    def array(self, name: str) -> np.ndarray:
        """Return an array that stands in the page, as it was written."""
        facts = json.loads(self.page.locator("#manifest").text_content())["arrays"][name]
        text = self.page.locator(f'script[data-array="{name}"]').text_content()
        values = np.frombuffer(gzip.decompress(b64decode(text)), facts["dtype"])
        return values.reshape(facts["shape"])

    def pixels(self, picture: Locator) -> np.ndarray:
        """Return the shades of grey (h, w) of a picture, from 0 to 1."""
        values, width = picture.evaluate(
            "c => [[...c.getContext('2d').getImageData(0, 0, c.width, c.height).data], c.width]"
        )
        return np.reshape(values, (-1, width, 4))[..., 0] / 255

    def panel(self, title: str) -> Locator:
        """Open a panel."""
        self.page.get_by_role("tab", name=title).click()
        return self.page.get_by_role("tabpanel")

    def map(self) -> Locator:
        return self.page.get_by_role("application").first

    def hover_a_point(self) -> int:
        """Move over the map until there is a point under the cursor; return its number."""
        box = self.map().bounding_box()
        for step in range(400):
            share = (0.5 + 0.0225 * (step % 20) * (-1) ** step, 0.5 + 0.02 * (step // 20))
            self.page.mouse.move(
                box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"]
            )
            point = self.state("hovered")
            if point is not None:
                return point
        raise AssertionError("no point is under the cursor anywhere")

    def pin_a_point(self) -> int:
        point = self.hover_a_point()
        self.page.mouse.down()
        self.page.mouse.up()
        return point


def faults_of_access(page: Page, part: str = "html") -> list[str]:
    """List what axe-core finds in a part of a page, in a line for each element."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text("utf-8"))
    result = page.evaluate("part => axe.run(part)", part)
    return [
        f"{violation['id']}: {node['html'][:120]}: {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.fixture(scope="package", autouse=True)
def built():
    """Let the page be the one that was built from ``web/``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "FOLDER", Path(bundle.__file__).parent / "page")
        bundle.check_bundle()
        yield


@pytest.fixture(scope="package")
def browser():
    program = shutil.which("chromium")
    if program is None:
        missing = "Chromium is not installed; on Debian: apt install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*SOFTWARE_RENDERER])
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser):
    """Return a function that makes a `Visitor`; at the end none of them may have seen a fault."""
    visitors = []

    def visitor(server=None, **options):
        visitors.append(Visitor(browser, server, **options))
        return visitors[-1]

    yield visitor
    for one in visitors:
        one.context.close()
    assert [fault for one in visitors for fault in one.faults] == []


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """Return a function that writes the page of a run or a study, and gives its address."""

    def write(subject, **wanted) -> str:
        file = tmp_path_factory.mktemp("page") / "explorer.html"
        latentscape.explore(subject, out=file, **wanted)
        return file.as_uri()

    return write


@pytest.fixture(scope="package")
def shown(train):
    """A variational model with two numbers in a code, of which codes of two epochs were kept."""
    changes = {"model.latent.dim": 2, "train.epochs": 2, "train.snapshots": [1, 2]}
    return train("vae-20", changes=changes)


@pytest.fixture(scope="package")
def url(built, write, shown):
    """The address of its page."""
    return write(shown)


@pytest.fixture(scope="package")
def study_url(built, write, fast, tmp_path_factory):
    """The address of a page of two models, of which the second is conditional."""
    entries = [{"recipe": "vae-20"}, {"recipe": "cond-vae"}]
    study = latentscape.Study(name="two", entries=entries, set={**fast, "model.latent.dim": 2})
    folder = tmp_path_factory.mktemp("study")
    found = latentscape.compare(study, data="mnist-5k", folder=folder, quiet=True)
    return write(found.folder, map="pca")


@pytest.fixture(scope="package")
def opened(browser, url):
    """One page for all who do something on it: each load takes seconds."""
    visitor = Visitor(browser)
    yield visitor, visitor.explore(url)
    visitor.context.close()


@pytest.fixture
def explored(opened):
    """The page as it is when it has just been opened; at the end there may be no fault."""
    visitor, explored = opened
    explored.set_back()
    yield explored
    faults, visitor.faults = visitor.faults, []
    assert faults == []
