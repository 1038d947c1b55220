"""Findings as a page: one self-contained HTML file, and the figures beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentscape.core.records import Findings

__all__ = ["write_report"]


def write_report(
    title: str,
    about: str,
    study: Mapping[str, Any] | None,
    runs: Sequence[Findings],
    folder: Path,
) -> Path:
    """Write ``report.html``, which needs nothing but itself, and ``figures/`` beside it.

    Parameters
    ----------
    title : str
        Heading of the page.
    about : str
        What was compared and why, in a sentence or two; may be empty.
    study : mapping or None
        Findings of the study: one row per configuration, with statistics over its seeds. None
        makes a row of every run.
    runs : sequence of Findings
        Findings of all runs. Pictures show the first run of each row.
    folder : Path
        Where to write; it is made if missing.

    Returns
    -------
    Path
        The path of ``report.html``.

    Raises
    ------
    RunError
        If a file cannot be written. A report that stood there before then still stands.
    """
    # Templates and pictures take time to import; most commands never write a report.
    from latentscape.api.pages.page import write_page

    return write_page(title, about, study, runs, folder)
