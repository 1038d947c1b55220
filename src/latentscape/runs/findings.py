"""What was found out about a run or a study, in two files."""

import io
from pathlib import Path

import numpy as np

from latentscape.core.errors import DataError, RunError
from latentscape.core.files import write_bytes, write_json
from latentscape.core.records import Findings
from latentscape.data.arrays import load_arrays
from latentscape.runs.reading import check_schema, read_json


def write_findings(folder: Path, findings: Findings) -> None:
    """Write findings.json and findings.npz."""
    if findings.arrays:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **findings.arrays)
        write_bytes(folder / "findings.npz", buffer.getvalue())
    write_json(folder / "findings.json", findings.values)


def read_findings(folder: Path) -> Findings:
    """Read what `write_findings` wrote.

    Parameters
    ----------
    folder : Path
        Of a run or a study.

    Raises
    ------
    RunError
        If a file is missing, damaged or of another version.
    """
    file = folder / "findings.json"
    values = read_json(file, {})
    check_schema(file, values.get("schema"))
    arrays = folder / "findings.npz"
    try:
        return Findings(values, load_arrays(arrays) if arrays.exists() else {})
    except DataError as error:
        raise RunError(str(error), fix="Run 'latentscape evaluate RUN' again.") from error
