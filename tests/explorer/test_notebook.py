"""The page in a cell of a notebook."""

import sys
from types import SimpleNamespace

import pytest

import latentscape
from latentscape.explorer.notebook import NotebookPage, in_notebook


@pytest.fixture
def notebook(monkeypatch):
    """Let this process be the kernel of a notebook."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_terminal_is_no_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    for shell in (None, SimpleNamespace()):
        ipython = SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        assert not in_notebook()


def test_a_cell_shows_the_page_in_a_frame_until_it_is_closed(run, notebook, without_networks):
    page = latentscape.explore(run, points=20, map="pca")
    assert isinstance(page, NotebookPage)
    html = page._repr_html_()
    assert f'<iframe src="{page.url}"' in html
    assert "out=" in html
    assert repr(page) == f"<Explorer at {page.url}>"
    assert page.server._thread.is_alive()
    page.close()
    assert not page.server._thread.is_alive()


def test_an_address_is_no_html():
    page = NotebookPage(SimpleNamespace(url='http://x/"><b>'))
    assert "<b>" not in page._repr_html_()
