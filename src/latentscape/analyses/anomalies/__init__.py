"""Anomalies: examples unlike those that a model was trained on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latentscape.analyses.analysis import Analysis, QuickLook
from latentscape.analyses.anomalies.metrics import AUROCS, BASELINE_AUROCS
from latentscape.analyses.anomalies.result import (
    BASELINE_OF,
    Anomalies,
    AnomalyInputs,
    AnomalySettings,
)
from latentscape.core.metrics import Metric

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class AnomalyAnalysis(Analysis[Anomalies, AnomalySettings, AnomalyInputs]):
    """Scores how unlike the training examples other examples are."""

    title = "Anomalies"
    result, settings, inputs = Anomalies, AnomalySettings, AnomalyInputs
    quick_look = QuickLook(AnomalySettings())
    seconds = 3
    needs_model = True
    row_metrics = (*AUROCS.values(), *BASELINE_AUROCS.values())
    file_suffix = ".csv"
    file_about = "a row of scores for each example."
    skip_reasons = {
        "no_normal": "{item} left out: no labels were named as the normal ones",
        "no_labels": "{item} left out: {data} has no labels",
        "one_kind": "{item} left out: all {examples} examples are {kind}",
        "few_examples": "{item} left out: it needs {least} training examples, and there are "
        "{examples}",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: AnomalySettings,
        inputs: AnomalyInputs,
    ) -> Anomalies:
        """Score test examples, or other data."""
        from latentscape.analyses.anomalies.method import measure_anomalies

        return measure_anomalies(comparison, settings, inputs)

    def protocol(self, result: Anomalies) -> Sequence[str]:
        """Say what scores mean, and what they refer to."""
        from latentscape.analyses.anomalies.sentences import describe_protocol

        return describe_protocol(result)

    def row_numbers(self, result: Anomalies) -> Mapping[Metric, float | None]:
        """Return how well each score, and each baseline, tells anomalies."""
        scores = {metric: result.auroc(key) for key, metric in AUROCS.items()}
        baselines = {m: result.auroc(BASELINE_OF[key]) for key, m in BASELINE_AUROCS.items()}
        return scores | baselines

    def is_current(self, result: Anomalies | None) -> bool:
        """Whether a result was measured with the default settings, and has verdicts."""
        return super().is_current(result) and result is not None and result.verdicts is not None

    def section(self, subject: "Subject") -> "Section | None":
        """Show how well each score tells anomalies, and which images have the highest."""
        from latentscape.analyses.anomalies.section import section

        return section(self, subject)

    def print_table(self, result: Anomalies) -> None:
        """Print how well scores tell anomalous images from normal ones."""
        from latentscape.analyses.anomalies.table import print_anomalies

        print_anomalies(self, result)

    def print_rows(self, subject: "Subject") -> None:
        """Print how well they do for each row of a study, and on average."""
        from latentscape.analyses.anomalies.table import print_anomaly_rows

        print_anomaly_rows(subject)

    def write(self, result: Anomalies, comparison: "Comparison", path: Any) -> None:
        """Write the scores, a row for each example, into a CSV file."""
        from latentscape.analyses.anomalies.method import score_table
        from latentscape.core.files import write_csv

        write_csv(path, *score_table(result))


ANALYSIS = AnomalyAnalysis()
