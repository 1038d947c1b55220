"""Legibility: whether a reconstruction still shows its original."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis
from latentscape.analyses.legibility.result import (
    READABLE,
    READABLE_OF_16,
    Legibility,
    LegibilityInputs,
    LegibilitySettings,
)
from latentscape.core.findings import Statistic
from latentscape.core.units import count
from latentscape.evaluation.study import CodeScores

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class LegibilityAnalysis(Analysis[Legibility, LegibilitySettings, LegibilityInputs]):
    """Counts the reconstructions that a classifier can still read."""

    title = "Legibility"
    result, settings, inputs = Legibility, LegibilitySettings, LegibilityInputs
    seconds = 12
    needs_model = True
    works_without_run = True
    metrics = (READABLE, READABLE_OF_16)
    ceilings = ("pixels",)
    skip_reasons = {
        "one_trained_label": "{item} left out: all training images have the same label",
        "untrained_labels": "No training image is labelled {labels}: such test images count as "
        "unreadable",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: LegibilitySettings,
        inputs: LegibilityInputs,
    ) -> Legibility:
        """Read the reconstructions of the run's model, or those that were made elsewhere."""
        from latentscape.analyses.legibility.method import read_elsewhere, read_model

        if inputs.reconstructions is None:
            return read_model(comparison)
        return read_elsewhere(inputs.reconstructions, comparison.baselines)

    def protocol(self, result: Legibility) -> Sequence[str]:
        """Say what is readable, and how far the classifier can be trusted."""
        if result.reading is None:
            return ()
        facts = result.protocol
        return (
            "A reconstruction is readable where a classifier trained on the "
            f"{count(facts.n_fitted)} training images and their labels reads the original's own "
            "label in it, once its darkest twentieth and its brightest value are where they "
            "usually are, as eyes adapt",
            f"The classifier reads {result.of_all(result.reading.originals)} of the "
            f"{count(facts.n_scored)} test images themselves rightly, which stands beside raw "
            "pixels in tables",
        )

    def scores(self, result: Legibility) -> Iterator[CodeScores]:
        """Yield how many images are read: of the model, as they are, and of PCA."""
        if (reading := result.reading) is None:
            return
        yield _counted(result, result.name, "model", reading.readable, reading.readable_of_16)
        counts = reading.originals, reading.originals_of_16
        yield _counted(result, "raw pixels", "pixels", *counts)
        if reading.pca is not None:
            yield _counted(result, f"PCA, {reading.pca.dim}", "pca", reading.pca.readable)
        if result.guessing is not None:
            yield from result.guessing.scores([READABLE])

    def n_scored(self, result: Legibility) -> int:
        """Return the number of test images."""
        return result.protocol.n_scored

    def snapshot_note(self, result: Legibility, epoch: int) -> str:
        """Say how many of the reconstructions after an epoch are read rightly."""
        snapshot = result.reading.at(epoch) if result.reading else None
        return "" if snapshot is None else f"{snapshot.readable_of_16} read"

    def section(self, subject: "Subject") -> "Section | None":
        """Show what can be read of the reconstructions of each model."""
        from latentscape.analyses.legibility.section import section

        return section(self, subject)

    def print_table(self, result: Legibility) -> None:
        """Print how many reconstructions are read rightly."""
        from latentscape.analyses.legibility.table import print_legibility

        print_legibility(self, result)


def _counted(
    result: Legibility, name: str, kind: str, readable: float, of_16: int | None = None
) -> CodeScores:
    statistics = {"readable": Statistic(mean=readable, trials=result.protocol.n_scored)}
    if of_16 is not None:
        statistics["readable_of_16"] = Statistic(mean=of_16)
    return CodeScores.of(name, kind, statistics)


ANALYSIS = LegibilityAnalysis()
