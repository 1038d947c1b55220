"""Sample quality, as a classifier of the data sees it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis
from latentscape.analyses.codes import SENTENCE_ON_INTERVALS
from latentscape.analyses.quality.result import (
    FRECHET_DISTANCE,
    LABEL_DISTANCE,
    PRECISION,
    RECALL,
    RECOGNISED,
    Quality,
    QualityInputs,
    QualitySettings,
)
from latentscape.analyses.quality.sentences import describe_comparison, describe_judge
from latentscape.core.metrics import Metric
from latentscape.core.units import count

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class QualityAnalysis(Analysis[Quality, QualitySettings, QualityInputs]):
    """Lets a classifier of the data's own labels judge samples."""

    title = "Sample quality"
    result, settings, inputs = Quality, QualitySettings, QualityInputs
    seconds = 30
    gains_from_threads = True
    needs_model = True
    printed_with_run = True
    by_default = False
    hub_task = "image-generation"
    row_metrics = (FRECHET_DISTANCE, PRECISION, RECALL, LABEL_DISTANCE, RECOGNISED)

    def measure(
        self,
        comparison: "Comparison",
        settings: QualitySettings,
        inputs: QualityInputs,
    ) -> Quality:
        """Draw samples and judge them."""
        from latentscape.analyses.quality.method import measure_quality

        return measure_quality(comparison, settings)

    def protocol(self, result: Quality) -> Sequence[str]:
        """Say who judges, and what the numbers compare."""
        return (
            f"{count(result.n)} samples, {describe_judge(result)}",
            "These numbers depend on it: compare them between runs on the same data, and with "
            "nothing else",
            describe_comparison(result),
            SENTENCE_ON_INTERVALS,
        )

    def row_numbers(self, result: Quality) -> Mapping[Metric, float | None]:
        """Return what the classifier makes of the samples."""
        return {
            FRECHET_DISTANCE: result.closeness.frechet_distance,
            PRECISION: result.closeness.precision,
            RECALL: result.closeness.recall,
            LABEL_DISTANCE: result.label_distance,
            RECOGNISED: result.recognised,
        }

    def section(self, subject: "Subject") -> "Section | None":
        """Show what the classifier makes of the samples of each model."""
        from latentscape.analyses.quality.section import section

        return section(self, subject)

    def print_table(self, result: Quality) -> None:
        """Print what the classifier makes of samples, with real images in brackets."""
        from latentscape.analyses.quality.table import print_quality

        print_quality(result)


ANALYSIS = QualityAnalysis()
