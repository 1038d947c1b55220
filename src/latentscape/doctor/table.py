"""Diagnoses on the terminal."""

import numpy as np

from latentscape.core.units import number
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis, Line
from latentscape.doctor.registry import symptom
from latentscape.doctor.wording import heading, known, options, skips, summary
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
        The command that trains it with the first changes; options are added to it.
    """
    print_line(summary(name, diagnoses), "bold" if diagnoses.diagnoses else "green")
    for place, diagnosis in enumerate(known(diagnoses), start=1):
        print_line("")
        _print_diagnosis(place, diagnosis, proof if place == 1 else "")
    for sentence in skips(diagnoses):
        print_line(sentence, "dim")


def _print_diagnosis(place: int, diagnosis: Diagnosis, proof: str) -> None:
    item = symptom(diagnosis.symptom)
    print_line(f"{place}. {heading(diagnosis)}", "bold yellow")
    print_line(item.cause(diagnosis), indent=3)
    for line in diagnosis.plot.lines if diagnosis.plot else ():
        print_line(sparkline(line), "dim", indent=3)
    if advice := item.advice(diagnosis):
        print_line(advice, indent=3)
    if diagnosis.changes:
        print_line(f"What mends it: {options(diagnosis.changes)}", "green", indent=3)
        if proof:
            print_line(f"To see whether it does: {proof} {options(diagnosis.changes)}", indent=3)


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
