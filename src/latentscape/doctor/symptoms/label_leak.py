"""Labels leak into the images: a single value tells them."""

import numpy as np

from latentscape.core.records import Array
from latentscape.core.units import percent
from latentscape.doctor.diagnosis import Diagnosis, Plot
from latentscape.doctor.evidence import curve
from latentscape.doctor.patient import Patient
from latentscape.doctor.symptom import Symptom

ACCURACY = 0.98
FEWEST_LABELS = 3
"""Two labels are told apart by single pixels of honest images, too."""

LEVELS = 16
"""Into which a value is cut at least; twice as many as there are labels where these are many."""
MAX_EXAMPLES = 2000
CHUNK = 1 << 22
"""Values that are looked at together, so that memory stays bounded."""


class LabelLeak(Symptom):
    """One value of each example is the label, or says it."""

    key = "label_leak"
    title = "Labels in the images"
    about = (
        f"A single value of an example, cut into levels, names its label in more than "
        f"{percent(ACCURACY)} of the training examples: the column of labels was read as a pixel, "
        "or marked in the image."
    )
    stages = ("before", "during", "after")
    needs = ("labels",)

    def examine(self, patient: Patient) -> Diagnosis | None:
        """Name labels by each value alone."""
        labels, index = patient.split.dataset.labels, patient.split.subset("train", MAX_EXAMPLES)
        assert labels is not None
        names, own = np.unique(labels[index], return_inverse=True)
        levels = max(LEVELS, 2 * len(names))
        if len(names) < FEWEST_LABELS or len(index) < 10 * levels:
            return None
        values = patient.split.dataset.images.take(index).reshape(len(index), -1)
        accuracies = _accuracies(values, own, len(names), levels)
        place = int(accuracies.argmax())
        if not accuracies[place] > ACCURACY:
            return None
        return Diagnosis(
            symptom=self.key,
            value=float(accuracies[place]),
            threshold=ACCURACY,
            detail={"where": _named(place, patient.split.dataset.shape), "labels": len(names)},
            plot=Plot(
                x_label="value of an example",
                y_label="share of labels that it names",
                lines=(curve("share of labels", accuracies.tolist()),),
            ),
        )

    def reading(self, diagnosis: Diagnosis) -> str:
        """Say which value tells the label."""
        share = percent(diagnosis.value)
        return f"{diagnosis.text('where')} alone names the label of {share} of the examples"

    def cause(self, diagnosis: Diagnosis) -> str:
        """Say where it comes from."""
        return (
            "The label stands among the values of each example, so that a code which holds it "
            "makes every score with labels look better than it is."
        )

    def advice(self, diagnosis: Diagnosis) -> str:
        """Say how to take it out."""
        return (
            f"Take {diagnosis.text('where')} out of the data. Of a table, name the column of "
            "labels with --labels, which takes it out."
        )


def _accuracies(values: Array, labels: Array, n_labels: int, levels: int) -> Array:
    """Return the share of labels (D,) that each value of examples (n, D) names by itself."""
    n, width = len(values), max(1, CHUNK // len(values))
    is_label = np.eye(n_labels, dtype=np.float32)[labels]
    named = np.zeros(values.shape[1])
    for start in range(0, values.shape[1], width):
        part = values[:, start : start + width].astype(np.float32)
        low = part.min(0)
        span = np.maximum(part.max(0) - low, np.float32(1e-30))
        cut = np.minimum((part - low) / span * levels, levels - 1).astype(np.int16)
        for level in range(levels):  # Counts are exact in float32.
            counts = (cut == level).astype(np.float32).T @ is_label
            named[start : start + width] += counts.max(1)
    return named / n


def _named(place: int, shape: tuple[int, ...]) -> str:
    """Name a value of an example by its place, counted from 0."""
    if len(shape) == 1:
        return f"number {place}"
    channel, row, column = (int(axis) for axis in np.unravel_index(place, shape))
    colour = f" of channel {channel}" if shape[0] > 1 else ""
    return f"the pixel in row {row}, column {column}{colour}"


SYMPTOM = LabelLeak()
