"""From findings to the page, and onto the disk."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from latentscape.api.pages.sections import sections
from latentscape.core.errors import DataError
from latentscape.core.files import write_bytes, write_text
from latentscape.core.records import Findings
from latentscape.reporting.blocks import Block, Chart, Gallery, Plate, Section
from latentscape.reporting.strips import composed
from latentscape.reporting.subject import Row, Subject, gather
from latentscape.reporting.svg import standalone

LARGEST = 9_500_000  # bytes: mail and browsers take less than 10 MB gladly
TILES = (96, 64, 48, 32, 20)


def write_page(
    title: str,
    about: str,
    study: Mapping[str, Any] | None,
    runs: Sequence[Findings],
    folder: Path,
) -> Path:
    """Write the page and its figures; see `latentscape.reporting.write_report`."""
    rows = gather(study, runs)
    if not rows:
        raise DataError("There is no run to report on", fix="Train one first.")
    made, html = _fitting(title, about, study, rows)
    for section in made:
        for block in section.blocks:
            _write_figures(block, folder / "figures")
    page = folder / "report.html"
    write_text(page, html)
    return page


def _fitting(
    title: str, about: str, study: Mapping[str, Any] | None, rows: tuple[Row, ...]
) -> tuple[list[Section], str]:
    """Make the page with the largest pictures that keep it below the allowed size."""
    for tile in TILES:
        subject = Subject(study, rows, tile)
        made = sections(subject)
        html = _render(title, about, subject, made)
        if len(html.encode()) <= LARGEST:
            break
    return made, html


def _render(title: str, about: str, subject: Subject, made: Sequence[Section]) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["width"] = lambda svg: svg.partition('viewBox="0 0 ')[2].split()[0]
    environment.filters["svg"] = Markup  # drawn here, and escaped where it was drawn
    return environment.from_string(_resource("api.pages", "template.html")).render(
        title=title,
        about=about,
        sections=made,
        style=Markup(_resource("reporting", "chart.css") + _resource("api.pages", "style.css")),
        origin=(subject.study or {}).get("origin", ""),
        kind="study" if subject.study else "run",
        facts=_facts(subject),
    )


def _facts(subject: Subject) -> list[tuple[str, str]]:
    """Return the few facts that stand under the title."""
    values = subject.rows[0].values
    facts = [("Data", values["data"]["name"]), ("Models", str(len(subject.rows)))]
    facts.append(("Runs", str(sum(len(row.runs) for row in subject.rows))))
    facts.append(("Trained", str(values["environment"].get("started") or "")[:10]))
    facts.append(("Latentscape", str(values["environment"].get("latentscape") or "")))
    return [(name, value) for name, value in facts if value]


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


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _resource(package: str, name: str) -> str:
    return resources.files(f"latentscape.{package}").joinpath(name).read_text("utf-8")
