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
        values = patient.split.dataset.images[index].reshape(len(index), -1)
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
    low = values.min(0).astype(np.float64)
    span = np.maximum(values.max(0) - low, 1e-30)
    cut = np.minimum((values - low) / span * levels, levels - 1).astype(np.int64)
    named = np.empty(values.shape[1])
    for place in range(values.shape[1]):
        table = np.bincount(cut[:, place] * n_labels + labels, minlength=levels * n_labels)
        named[place] = table.reshape(levels, n_labels).max(1).sum() / len(labels)
    return named


def _named(place: int, shape: tuple[int, ...]) -> str:
    """Name a value of an example by its place, counted from 0."""
    if len(shape) == 1:
        return f"number {place}"
    channel, row, column = (int(axis) for axis in np.unravel_index(place, shape))
    colour = f" of channel {channel}" if shape[0] > 1 else ""
    return f"the pixel in row {row}, column {column}{colour}"


SYMPTOM = LabelLeak()
