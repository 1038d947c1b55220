"""From findings to the page, and onto the disk."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from shlex import quote

from markupsafe import Markup

from latentscape.api.pages.rendering import environment, page_style
from latentscape.api.pages.runs import REPORT, link_to
from latentscape.api.pages.sections import sections
from latentscape.core.errors import DataError
from latentscape.core.files import write_bytes, write_text
from latentscape.explorer.bundle import report_script
from latentscape.reporting.blocks import Block, Chart, Gallery, Plate, Section
from latentscape.reporting.strips import composed
from latentscape.reporting.subject import Subject
from latentscape.reporting.svg import standalone

MAX_BYTES = 9_500_000  # Mail and browsers take less than 10 MB gladly.
EXPLORER = "explorer.html"
"""What ``latentscape explore`` writes beside a report."""

POLICY = (
    "default-src 'none'; script-src '{script}'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""A report runs its own script alone, and asks no other machine for anything."""

TILES = (96, 64, 48, 32, 20)


def write_page(title: str, about: str, subject: Subject, folder: Path) -> Path:
    """Write ``report.html``, which needs nothing but itself, and ``figures/`` beside it.

    Parameters
    ----------
    title : str
        Heading of the page.
    about : str
        What was compared and why, in a sentence or two; may be empty.
    subject : Subject
        The findings. Pictures show the first run of each row.
    folder : Path
        Where to write; it is made if missing.

    Returns
    -------
    Path
        The path of ``report.html``.

    Raises
    ------
    DataError
        If there is no run to report on.
    RunError
        If findings are damaged, or a file cannot be written. A report that stood there before then
        still stands.
    """
    if not subject.rows:
        raise DataError("There is no run to report on", fix="Train one first.")
    content, html = _fitting(title, about, subject, folder)
    for section in content:
        for block in section.blocks:
            _write_figures(block, folder / "figures")
    page = folder / REPORT
    write_text(page, html)
    return page


def _fitting(title: str, about: str, subject: Subject, folder: Path) -> tuple[list[Section], str]:
    """Make the page with the largest pictures that keep it below the allowed size."""
    for tile in TILES:
        resized = replace(subject, tile=tile)
        content = sections(resized)
        html = _render(title, about, resized, content, folder)
        if len(html.encode()) <= MAX_BYTES:
            break
    return content, html


def _render(
    title: str, about: str, subject: Subject, content: Sequence[Section], folder: Path
) -> str:
    script = report_script()
    sprites = {sprite.id: sprite for section in content for sprite in section.sprites}
    return (
        environment()
        .get_template("template.html")
        .render(
            title=title,
            about=about,
            sections=content,
            style=Markup(page_style()),
            origin=subject.study.members.origin if subject.study else "",
            kind="study" if subject.study else "run",
            facts=_facts(subject),
            studies=_study_links(subject, folder),
            explorer=EXPLORER if (folder / EXPLORER).is_file() else "",
            place=quote(folder.resolve().name if folder.is_absolute() else folder.as_posix()),
            # Pictures are for the script alone.
            sprites=sprites.values() if script else (),
            script=Markup(script),
            policy=POLICY.format(script=_digest(script)),
        )
    )


def _digest(script: str) -> str:
    """Return what a browser knows a script by."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"


def _facts(subject: Subject) -> list[tuple[str, str]]:
    """Return the few facts that stand under the title."""
    run = subject.rows[0].first
    facts = [
        ("Data", run.data.name),
        ("Models", str(len(subject.rows))),
        ("Runs", str(sum(len(row.runs) for row in subject.rows))),
        ("Trained", run.environment.started[:10]),
        ("Latentscape", run.environment.latentscape),
    ]
    return [(name, value) for name, value in facts if value]


def _study_links(subject: Subject, folder: Path) -> list[tuple[str, str]]:
    """Return names and addresses of the reports of studies that the run belongs to."""
    links = [(study.name, link_to(study, folder)) for study in subject.studies]
    return [(name, link) for name, link in links if link]


def _write_figures(block: Block, folder: Path) -> None:
    for chart in _charts(block):
        write_text(folder / f"{chart.name}.svg", standalone(chart.svg))
    if isinstance(block, Plate):
        write_bytes(folder / f"{block.name}.png", composed(block))


def _charts(block: Block) -> Iterator[Chart]:
    if isinstance(block, Chart):
        yield block
    elif isinstance(block, Gallery):
        yield from block.charts
