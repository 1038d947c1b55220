"""Pages in Debian's Chromium, where a request, a script's error or a complaint is a failure."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, WebError, sync_playwright

WEB = Path(__file__).parents[3] / "web"
# Chromium's own renderer, so that it is the same with and without a graphics card.
SOFTWARE_RENDERER = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
INSIDE = ("file:", "blob:", "data:")


class Visitor:
    """A person at a browser, with the network off unless a server is to be visited.

    Attributes
    ----------
    faults : list of str
        Requests that leave the page, errors of scripts, and errors in the console.
    """

    def __init__(self, browser: Browser, server: str | None, **options) -> None:
        self.faults: list[str] = []
        self.allowed = INSIDE if server is None else (*INSIDE, server)
        self.context = browser.new_context(offline=server is None, **options)
        self.context.on("request", self._check_request)
        self.context.on("console", self._check_message)
        self.context.on("weberror", self._keep_error)

    def open(self, url: str) -> Page:
        """Open a page."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def _check_request(self, request: Request) -> None:
        if not request.url.startswith(self.allowed):
            self.faults.append(f"request for {request.url}")

    def _check_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _keep_error(self, error: WebError) -> None:
        self.faults.append(f"script: {error.error.message}")


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
