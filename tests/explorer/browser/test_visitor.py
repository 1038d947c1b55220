"""The browser tests themselves: they see what they are to see."""

import pytest

from .conftest import Visitor

FAULTS = {
    "request for http://127.0.0.1:9/picture.png": '<img src="http://127.0.0.1:9/picture.png">',
    "script: broken": "<script>throw new Error('broken')</script>",
    "console: complaint": "<script>console.error('complaint')</script>",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(browser, fault, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><title>Faulty</title>{FAULTS[fault]}")
    visitor = Visitor(browser)
    page = visitor.open(file.as_uri())
    assert page.title() == "Faulty"
    visitor.context.close()
    assert fault in visitor.faults


def test_the_browser_draws_with_webgl_2(visitor, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><canvas></canvas>")
    page = visitor().open(file.as_uri())
    assert page.evaluate("document.querySelector('canvas').getContext('webgl2') !== null")
