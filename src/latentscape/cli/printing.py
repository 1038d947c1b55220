"""What a command prints: a table for people, or JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from latentscape.api.pictures import Sheet
    from latentscape.evaluation.study import StudyFindings

_T = TypeVar("_T")


def print_json(values: object) -> None:
    """Print JSON."""
    print(json.dumps(values, indent=2, ensure_ascii=False))


def show(values: Any, as_json: bool, print_table: Callable[[Any], None]) -> None:
    """Print values by `print_table`, or as JSON."""
    if as_json:
        print_json(values)
    else:
        print_table(values)


def show_record(record: Any, as_json: bool, print_table: Callable[[Any], None]) -> None:
    """Print typed findings by `print_table`, or their facts as JSON."""
    from latentscape.core.findings import to_json

    if as_json:
        print_json(to_json(record))
    else:
        print_table(record)


def show_subject(run_or_study: Path, as_json: bool) -> None:
    """Print a run or a study as tables, or all that is known about it as JSON."""
    from latentscape.core.progress import stage

    with stage("reading what was found"):
        from latentscape.api.console import print_subject
        from latentscape.api.subjects import subject_json, subject_of

        subject = subject_of(run_or_study)
    if as_json:
        print_json(subject_json(subject))
    else:
        print_subject(subject)


def show_study(findings: "StudyFindings", as_json: bool) -> None:
    """Print a study, and where its report is."""
    folder = Path(findings.folder)
    show_subject(folder, as_json)
    if not as_json:
        print(f"\nReport: {folder / 'report.html'}")


def show_sheet(sheet: "Sheet", as_json: bool) -> None:
    """Print where a picture was written, and what it shows."""
    files = {"picture": sheet.picture, "array": sheet.array}
    paths = {kind: None if file is None else str(file) for kind, file in files.items()}
    if as_json:
        print_json({**paths, "about": sheet.about})
    else:
        from latentscape.terminal.layout import print_line

        for text in (*filter(None, paths.values()), sheet.about):
            print_line(text)
