"""Pages that a person looks at: opened in a browser, where there is a screen for one."""

import os
import sys
import webbrowser
from pathlib import Path


def has_screen() -> bool:
    """Whether a browser has somewhere to open, and would not take over the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def open_page(page: Path) -> bool:
    """Open a file in a browser, and return whether there was one."""
    return has_screen() and webbrowser.open(page.absolute().as_uri())
