"""The section on the runs of a study, and where pages lead to each other."""

import os
from pathlib import Path
from urllib.parse import quote

from latentscape.api.pages.tables import title_cell
from latentscape.core.units import count, duration, number
from latentscape.evaluation.quantities.squared_error import MSE
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.blocks import Cell, Section, Table
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import RunFindings

REPORT = "report.html"


def section(subject: Subject) -> Section | None:
    """List the runs of a study, each with a link to its own report; None of a single run."""
    if subject.study is None:
        return None
    folder = Path(subject.study.folder)
    head = [("Model", ""), ("Run", ""), ("Seed", ""), ("MSE", "per pixel"), ("Epochs", "")]
    body = [
        _cells(row, run, link_to(run.run.path, folder)) for row in subject.rows for run in row.runs
    ]
    caption = "The name of a run leads to its own report."
    if not all(cells[1].link for cells in body):
        caption += (
            " One without a link had none when this page was written: latentscape report, with the "
            "directory of a run, writes one."
        )
    return Section("runs", "Runs", "", [Table(caption, [*head, ("Training", "time")], body)])


def link_to(target: Path, folder: Path) -> str:
    """Return the relative address of the report in a directory; empty where there is none."""
    page = target / REPORT
    if not page.is_file():
        return ""
    try:
        place = os.path.relpath(page, folder)
    except ValueError:  # On another drive.
        return ""
    return quote(Path(place).as_posix())


def _cells(row: Row, run: RunFindings, link: str) -> list[Cell]:
    mse = run.require(Evaluation).metric(MSE.metric)
    return [
        title_cell(row),
        Cell(run.name, link=link),
        Cell(str(run.recipe.train.seed)),
        Cell(number(mse)),
        Cell(count(len(run.history.epochs))),
        Cell(duration(run.history.train_seconds)),
    ]
