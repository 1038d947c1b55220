"""The two files in which version 0.1.0 kept all findings of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from latentscape.config import LIKELIHOODS, LikelihoodKind
from latentscape.core.errors import DataError, RunError
from latentscape.core.findings import Json
from latentscape.core.records import Array
from latentscape.data.arrays import load_arrays
from latentscape.runs.reading import check_schema, read_json


@dataclass(frozen=True, eq=False)
class LegacyFindings:
    """What ``findings.json`` and ``findings.npz`` hold."""

    file: Path
    values: Json
    arrays: Mapping[str, Array]

    def named(self, **names: str) -> dict[str, Array | None]:
        """Return arrays under other names: ``images="samples"``; None for one that is missing."""
        return {new: self.arrays.get(old) for new, old in names.items()}

    def likelihood_kind(self, binarize: str) -> LikelihoodKind:
        """Return what the likelihood of the recipe is, on grey or on black and white pixels."""
        settings = self.values["recipe"]["model"]["likelihood"]
        likelihood = LIKELIHOODS[settings["kind"]].model_validate(settings)
        return likelihood.kind_on(binary=binarize != "none")


Migration = Callable[[LegacyFindings], Json | None]
"""Findings of version 0.1.0 to the content of a part, arrays in their places; None without it."""


def legacy_file(path: Path) -> Path:
    """Return the file of facts."""
    return path / "findings.json"


def read_legacy(path: Path) -> LegacyFindings | None:
    """Read the findings of version 0.1.0; None where there are none.

    Raises
    ------
    RunError
        If a file is damaged or of a newer version.
    """
    file = legacy_file(path)
    if not file.exists():
        return None
    try:
        return _read(file, path / "findings.npz")
    except (DataError, RunError) as error:
        if not file.exists():  # Another process has turned them into today's parts meanwhile.
            return None
        raise RunError(str(error), fix="Run 'latentscape evaluate RUN' again.") from error


def _read(file: Path, arrays: Path) -> LegacyFindings:
    values = read_json(file, {}, "")
    check_schema(file, values.get("schema"))
    return LegacyFindings(file, values, load_arrays(arrays) if arrays.exists() else {})
