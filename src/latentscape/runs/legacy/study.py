"""What a study of version 0.1.0 was made of; its rows are made anew from its runs."""

from latentscape.core.findings import Json
from latentscape.runs.legacy.record import LegacyFindings


def members(findings: LegacyFindings) -> Json:
    """Return the content of `latentscape.evaluation.study.StudyMembers`."""
    values = findings.values
    failures = [
        {"label": failure["label"], "seed": failure["seed"], "message": failure["what"]}
        for failure in values["failures"]
    ]
    return {
        **{key: values[key] for key in ("name", "about", "origin", "ranked", "seeds")},
        "failures": failures,
        "groups": {row["label"]: row["runs"] for row in values["rows"]},
    }
