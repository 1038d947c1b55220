"""A run or a study as the subject of reports and tables; the findings of a study."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from latentscape.analyses.summaries import baseline_statistics, rank, run_subject, summarise
from latentscape.api.members import folder_of, open_beside, read_members, studies_with
from latentscape.core.errors import RunError
from latentscape.core.findings import Json, to_json
from latentscape.core.progress import stage, steps
from latentscape.evaluation.study import StudyFindings, StudyMembers
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import (
    Run,
    RunFindings,
    check_model,
    open_run,
    owning,
    write_part,
)
from latentscape.runs.legacy import remove_legacy


def report(run_or_study: str | Path | Run) -> Path:
    """Write the report of a run or a study into its directory.

    That of a study leads to those of its runs, and back. The runs that it pictures get one, too,
    where they have none.

    Parameters
    ----------
    run_or_study : str, Path or Run
        A directory that `train` or `compare` has made.

    Returns
    -------
    Path
        ``report.html``; its figures stand beside it in ``figures/``.

    Raises
    ------
    RunError
        If it is neither, or not finished.
    """
    subject, folder = subject_of(run_or_study), folder_of(run_or_study)
    if subject.study is not None:
        _report_runs(subject, folder)
    return _write_report(subject, folder)


def subject_of(run_or_study: str | Path | Run) -> Subject:
    """Read a run or a study, so that it can be reported.

    Raises
    ------
    RunError
        If it is neither, or a run is not finished or damaged.
    """
    path = folder_of(run_or_study)
    members = read_members(path)
    if members is None:
        subject = run_subject(_findings_of(open_run(path)))
        return replace(subject, studies=tuple(studies_with(path)))
    return study_subject(path, members)


def subject_json(subject: Subject) -> Json:
    """Return all that is known about a run or a study, without arrays."""
    if subject.study is None:
        row = subject.rows[0]
        return {**row.first.to_json(), "claims": [to_json(claim) for claim in row.facts.claims]}
    return {"kind": "study", "name": subject.study.name, **to_json(subject.study)}


def study_subject(path: Path, members: StudyMembers) -> Subject:
    """Put the runs of a study into rows.

    Parameters
    ----------
    path : Path
        Directory of the study; its runs stand beside it.
    members : StudyMembers
        What it is made of.
    """
    groups = {
        label: tuple(_findings_of(open_beside(path, name)) for name in names)
        for label, names in members.groups.items()
    }
    rows = [Row(summarise(label, runs), runs) for label, runs in groups.items()]
    if members.ranked:
        rows.sort(key=lambda row: rank(row.facts))
    study = StudyFindings(
        members=members,
        folder=str(path),
        rows=tuple(row.facts for row in rows),
        baselines=baseline_statistics(groups.values()),
    )
    return Subject(tuple(rows), study)


def write_study(path: Path, members: StudyMembers) -> StudyFindings:
    """Write the findings of a study, made anew from those of its runs, and its report."""
    subject = study_subject(path, members)
    assert subject.study is not None
    with owning(path, "written"):
        write_part(path, subject.study)
        remove_legacy(path)
        _write_report(subject, path)
    return subject.study


@stage("report")
def _write_report(subject: Subject, folder: Path) -> Path:
    # Templates and pictures take time to import; most commands never write a report.
    from latentscape.api.pages.page import write_page

    if subject.study is not None:
        with owning(folder, "written"):
            return write_page(subject.study.name, subject.study.members.about, subject, folder)
    run = subject.rows[0].first
    with run.run.owned("written"):
        return write_page(run.name, run.recipe.about, subject, folder)


def _report_runs(subject: Subject, study: Path) -> None:
    """Write the missing reports of the runs that a study pictures, which lead back to it."""
    runs = [row.first for row in subject.pictured if not _has_report(row.first.run.path)]
    if runs and not _has_report(study):
        _write_report(subject, study)  # So that they have something to lead to.
    for run in steps("reports of runs", runs, lambda run: run.name):
        with suppress(RunError):  # Another process owns it, or nobody may write there.
            _write_report(replace(run_subject(run), studies=(study,)), run.run.path)


def _has_report(path: Path) -> bool:
    return (path / "report.html").is_file()


def _findings_of(run: Run) -> RunFindings:
    """Return the findings of a run, once it is clear that its model is its own."""
    findings = RunFindings(run)
    check_model(run.path)
    return findings
