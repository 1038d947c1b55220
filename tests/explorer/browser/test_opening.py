"""The page of a run opens from disk, offline, and shows what it is told."""

import json

import pytest
from playwright.sync_api import expect

from .conftest import faults_of_access


def test_it_opens_without_a_request_and_without_a_complaint(visitor, url):
    explored = visitor().explore(url)
    page = explored.page
    manifest = json.loads(page.locator("#manifest").text_content())
    expect(page.get_by_role("heading", level=1)).to_have_text(manifest["title"])
    expect(page).to_have_title(manifest["title"])
    label = explored.map().get_attribute("aria-label")
    assert f"of {manifest['count']} examples" in label


def test_newcomers_get_a_tour_once(visitor, url):
    first = visitor()
    page = first.explore(url, newcomer=True).page
    tour = page.get_by_role("dialog", name="Tour")
    expect(tour).to_be_visible()
    tour.get_by_role("button", name="Next (1 of").click()
    tour.get_by_role("button", name="Close").click()
    expect(tour).to_be_hidden()
    expect(first.explore(url, newcomer=True).page.get_by_role("dialog", name="Tour")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nobody_is_shut_out(visitor, url, width, scheme):
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    explored = visitor(**options).explore(url)
    page = explored.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    explored.pin_a_point()
    assert faults_of_access(page) == []
    # The rest of the page stays as it is.
    for title in ("Example", "Decode", "Draw", "Select", "Compare", "About"):
        explored.panel(title)
        assert faults_of_access(page, "[role=tabpanel]") == [], title
