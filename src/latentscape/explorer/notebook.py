"""The page in a cell of a notebook.

It stands in a frame that asks the server of this process. A whole page inside the cell would be
kept with the notebook, 10 MB each time, and Jupyter drops messages of more than 3 MB.
"""

import sys
from dataclasses import dataclass
from html import escape

from latentscape.explorer.exploration import Exploration
from latentscape.explorer.server import Server, start


@dataclass(frozen=True, eq=False)
class NotebookPage:
    """A page that is served, and that the output of a cell shows.

    Attributes
    ----------
    server : Server
        Answers until it is closed, or until the notebook's kernel ends.
    height : int
        Of the frame, in pixels.
    """

    server: Server
    height: int = 720

    @property
    def url(self) -> str:
        """Address of the page, for a window of its own."""
        return self.server.url

    def close(self) -> None:
        """End the server; the page no longer answers."""
        self.server.stop()

    def __repr__(self) -> str:
        return f"<Explorer at {self.url}>"

    def _repr_html_(self) -> str:
        address = escape(self.url, quote=True)
        return (
            f'<iframe src="{address}" title="Explorer" width="100%" height="{self.height}" '
            'style="border:0" allow="clipboard-write; fullscreen"></iframe>'
            f'<div><a href="{address}" target="_blank" rel="noopener">In a window of its own</a>. '
            "It is served by this notebook's kernel: where that runs on another machine, write the "
            "page to a file with <code>out=</code>.</div>"
        )


def show_in_notebook(exploration: Exploration, port: int | None = None) -> NotebookPage:
    """Serve an exploration while the notebook goes on; see `latentscape.explorer.server.start`."""
    return NotebookPage(start(exploration, port))


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, which shows HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")
