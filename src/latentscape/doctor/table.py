"""Diagnoses on the terminal."""

from pathlib import Path
from shlex import quote

import numpy as np

from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis, Line
from latentscape.doctor.registry import symptom
from latentscape.doctor.wording import ALSO, FOLLOWING, heading, known, options, skips, summary
from latentscape.terminal.layout import print_line

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 32
"""Characters of a sparkline at most."""


def print_diagnoses(name: str, diagnoses: Diagnoses, proof: str = "") -> None:
    """Print what is wrong with a model, why, and what mends it.

    Parameters
    ----------
    name : str
        Of the model.
    diagnoses : Diagnoses
        What the doctor has found.
    proof : str
        The command that shows whether the first changes help.
    """
    print_line(summary(name, diagnoses), "bold" if diagnoses.diagnoses else "green")
    items = known(diagnoses)
    if items:
        _print_first(items[0], proof)
    if items[1:]:
        print_line(f"\n{FOLLOWING if diagnoses.stage == 'after' else ALSO}", "bold")
    for diagnosis in items[1:]:
        print_line(f"- {heading(diagnosis)}")
        if diagnosis.changes:
            print_line(options(diagnosis.changes), "green", indent=2)
    for sentence in skips(diagnoses) if items or diagnoses.stage == "after" else ():
        print_line(sentence, "dim")


def print_cause(path: Path, diagnoses: Diagnoses) -> None:
    """Print what is wrong first of all with a run, and where more is told; nothing if all is well.

    Parameters
    ----------
    path : Path
        Directory of the run.
    diagnoses : Diagnoses
        What the doctor has found.
    """
    for diagnosis in known(diagnoses)[:1]:
        print_line(f"{heading(diagnosis)}.", "bold yellow")
        mends = options(diagnosis.changes)
        print_line(
            f"What mends it: {mends}" if mends else symptom(diagnosis.symptom).advice(diagnosis)
        )
        print_line(f"Why, and what else: latentscape doctor {quote(str(path))}")


def _print_first(diagnosis: Diagnosis, proof: str) -> None:
    item = symptom(diagnosis.symptom)
    print_line(f"\n{heading(diagnosis)}", "bold yellow")
    print_line(item.cause(diagnosis), indent=2)
    for line in diagnosis.plot.lines if diagnosis.plot else ():
        if len(line.y) > 1:
            print_line(sparkline(line), "dim", indent=2)
    if advice := item.advice(diagnosis):
        print_line(advice, indent=2)
    if diagnosis.changes:
        print_line(f"What mends it: {options(diagnosis.changes)}", "green", indent=2)
    if diagnosis.changes and proof:
        # In one line, so that it can be copied.
        print(f"  To see whether it does: {proof}")


def sparkline(line: Line) -> str:
    """Draw a line in one line of text, with its name, its first and its last value."""
    values = line.y[np.isfinite(line.y)]
    if not len(values):
        return line.name
    places = np.linspace(0, len(values) - 1, min(_WIDTH, len(values))).round().astype(int)
    shown = values[places].astype(float)
    low, high = float(shown.min()), float(shown.max())
    heights = (shown - low) / (high - low) if high > low else np.zeros(len(shown))
    bars = "".join(_BARS[int(height * (len(_BARS) - 1) + 0.5)] for height in heights)
    return f"{line.name}  {number(shown[0], 3)} {bars} {number(shown[-1], 3)}"
