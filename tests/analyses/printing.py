"""What analyses print, on a terminal of any width."""

import re
from io import StringIO

import pytest
from rich.console import Console

from latentscape.terminal import layout


@pytest.fixture
def printed(monkeypatch):
    """Return a function that prints on a terminal of some width, and returns the text."""

    def text_of(printing, width=80):
        stream = StringIO()
        console = Console(file=stream, width=width, color_system=None, force_terminal=False)
        monkeypatch.setattr(layout, "_console", lambda: console)
        printing()
        return stream.getvalue()

    return text_of


def joined(text):
    """Return text on one line, with single spaces."""
    return re.sub(r"\s+", " ", text)
