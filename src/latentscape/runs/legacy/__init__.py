"""Findings as version 0.1.0 wrote them: ``findings.json`` and ``findings.npz`` of a whole run.

They are read as they are, and turned into today's parts. The first part that is written to such a
run takes all others along into files of their own; see `migrate_run`.
"""

from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from latentscape.core.errors import RunError
from latentscape.core.findings import Json, Part, Record, split_arrays
from latentscape.runs.legacy import anomalies, clusters, probes, run, study
from latentscape.runs.legacy.legibility import legibility
from latentscape.runs.legacy.likelihood import likelihood
from latentscape.runs.legacy.maps import projection
from latentscape.runs.legacy.neighbours import neighbours
from latentscape.runs.legacy.quality import quality
from latentscape.runs.legacy.record import (
    LegacyFindings,
    Migration,
    legacy_file,
    read_legacy,
)
from latentscape.runs.owner import owning
from latentscape.runs.reading import DAMAGE, damaged, make_record
from latentscape.runs.store import part_file, write_content

__all__ = [
    "LegacyFindings",
    "legacy_contents",
    "legacy_part",
    "legacy_study",
    "migrate_run",
    "read_legacy",
    "remove_legacy",
]

MIGRATIONS: dict[str, Migration] = {
    "architecture": run.architecture,
    "evaluation": run.evaluation,
    "latent": run.latent,
    "pictures": run.pictures,
    "likelihood": likelihood,
    "quality": quality,
    "legibility": legibility,
    "clustering": clusters.clusters,
    "probing": probes.probes,
    "projection": projection,
    "neighbours": neighbours,
    "anomalies": anomalies.anomalies,
}
"""Name of a part of today to what makes its content."""

_FIX = "Measure it again: latentscape evaluate RUN, or latentscape analyze RUN."
_P = TypeVar("_P", bound=Part)
_R = TypeVar("_R", bound=Record)


def legacy_contents(findings: LegacyFindings) -> dict[str, Json]:
    """Return the content of every part that these findings have, arrays in their places.

    Raises
    ------
    RunError
        If something is missing in them.
    """
    contents = {part: _content(findings, part) for part in MIGRATIONS}
    return {part: content for part, content in contents.items() if content is not None}


def legacy_part(findings: LegacyFindings, kind: type[_P]) -> _P | None:
    """Make a part of these findings; None where it was not measured.

    Raises
    ------
    RunError
        If it does not fit: with the file, the field and what to do.
    """
    content = _content(findings, kind.part) if kind.part in MIGRATIONS else None
    return None if content is None else make_record(findings.file, kind, content, _FIX)


def migrate_run(path: Path) -> None:
    """Write each part of findings of version 0.1.0 into files of its own, and remove the old ones.

    Raises
    ------
    RunError
        If they are damaged, or files cannot be written. The old ones still stand then.
    """
    with owning(path, "written"):
        findings = read_legacy(path)
        if findings is None:
            return
        for part, content in legacy_contents(findings).items():
            if not part_file(path, part).exists():
                write_content(path, part, *split_arrays(content))
        remove_legacy(path)


def legacy_study(path: Path, kind: type[_R]) -> _R | None:
    """Return what a study of version 0.1.0 is made of; None where there is none.

    Parameters
    ----------
    path : Path
        Directory of the study.
    kind : type
        `latentscape.evaluation.study.StudyMembers`.

    Raises
    ------
    RunError
        If its findings are damaged, or those of something else.
    """
    findings = read_legacy(path)
    if findings is None:
        return None
    if findings.values.get("kind") != "study":
        raise RunError(f"{path} is neither a run nor a study")
    try:
        content = study.members(findings)
    except DAMAGE as error:
        raise damaged(findings.file, f"{type(error).__name__}: {error}") from error
    return make_record(findings.file, kind, content)


def remove_legacy(path: Path) -> None:
    """Remove the files of version 0.1.0, once all of them stands in other files."""
    with suppress(OSError):
        legacy_file(path).unlink(missing_ok=True)
        (path / "findings.npz").unlink(missing_ok=True)


def _content(findings: LegacyFindings, part: str) -> Json | None:
    try:
        return MIGRATIONS[part](findings)
    except DAMAGE as error:
        name = type(error).__name__
        raise damaged(findings.file, f"{part}: {name}: {error}", _FIX) from error
