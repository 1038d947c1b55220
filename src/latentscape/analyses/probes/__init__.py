"""Probes: labels read from frozen codes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from latentscape.analyses.analysis import Analysis, QuickLook
from latentscape.analyses.probes.metrics import SCORES
from latentscape.analyses.probes.result import ProbeInputs, Probes, ProbeSettings
from latentscape.evaluation.study import CodeScores

if TYPE_CHECKING:
    from latentscape.analyses.comparison import Comparison
    from latentscape.reporting.blocks import Section
    from latentscape.reporting.subject import Subject


class ProbeAnalysis(Analysis[Probes, ProbeSettings, ProbeInputs]):
    """Trains small classifiers on frozen codes, to see how much these say of the labels."""

    title = "Probes"
    result, settings, inputs = Probes, ProbeSettings, ProbeInputs
    quick_look = QuickLook(
        ProbeSettings(probes=("knn", "logistic"), counts=(100,)),
        "The MLP, and probes with 10 and with 1,000 labels, were",
    )
    seconds = 26
    metrics = tuple(SCORES)
    card = "scores"
    skip_reasons = {
        "one_label": "{item} left out: all training examples have the same label",
        "many_labels": "{item} left out: the training part has {examples} examples in all",
        "few_labels": "{item} cannot show each of the {classes} classes, and a class that is not "
        "shown is never seen",
        "unknown_labels": "{examples} of {tested} {item} have a label that no training example "
        "has: each counts as an error",
    }

    def measure(
        self,
        comparison: "Comparison",
        settings: ProbeSettings,
        inputs: ProbeInputs,
    ) -> Probes:
        """Train probes on all codes."""
        from latentscape.analyses.codes import guess_labels
        from latentscape.analyses.probes.method import probe_all

        rows = probe_all(comparison, settings)
        first = comparison.rows[0]
        guessing = guess_labels(first.labels("train"), first.labels("test"))
        return Probes(settings=settings, guessing=guessing, rows=rows)

    def protocol(self, result: Probes) -> Sequence[str]:
        """Say what probes learned from, and how their settings were chosen."""
        from latentscape.analyses.probes.sentences import describe_protocol

        return describe_protocol(result)

    def scores(self, result: Probes) -> Iterator[CodeScores]:
        """Yield what probes reach on each code with all labels."""
        for row in result.rows:
            accuracies = {m.key: row.accuracies_of(probe) for m, probe in SCORES.items()}
            of_all = {key: by_n[max(by_n)] for key, by_n in accuracies.items() if by_n}
            yield CodeScores.of(row.name, row.kind, of_all)
        if result.guessing is not None:
            trained = {of_probe.probe for row in result.rows for of_probe in row.results}
            yield from result.guessing.scores(m for m, probe in SCORES.items() if probe in trained)

    def n_scored(self, result: Probes) -> int:
        """Return the number of test examples."""
        return result.rows[0].protocol.n_scored

    def section(self, subject: "Subject") -> "Section | None":
        """Show what probes reach with few labels and with many, and how the MLP learned."""
        from latentscape.analyses.probes.section import section

        return section(self, subject)

    def print_table(self, result: Probes) -> None:
        """Print what probes reach on each code, by number of labels."""
        from latentscape.analyses.probes.table import print_probes

        print_probes(self, result)


ANALYSIS = ProbeAnalysis()
