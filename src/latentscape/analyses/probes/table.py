"""The table of probes on a terminal."""

from rich.markup import escape

from latentscape.analyses.notes import print_notes
from latentscape.analyses.probes.metrics import PROBE_ACCURACY
from latentscape.analyses.probes.result import PROBES, Probes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import count
from latentscape.terminal.layout import PrintedColumn, print_columns


def print_probes(item: AnyAnalysis, result: Probes) -> None:
    """Print what small classifiers reach on each code, by number of labels."""
    lines = [(row, of_probe) for row in result.rows for of_probe in row.results]
    if lines:
        labels = [f"{escape(row.name)}, {PROBES[of_probe.probe]}" for row, of_probe in lines]
        accuracies = [row.accuracies_of(of_probe.probe) for row, of_probe in lines]
        guesses = result.guessing.accuracies if result.guessing else {}
        labels += [f"[dim]{name}[/]" for name in guesses]
        columns = [
            PrintedColumn(
                count(n),
                "labels",
                [
                    *(PROBE_ACCURACY.write_statistic(by_labels.get(n)) for by_labels in accuracies),
                    *(PROBE_ACCURACY.write(accuracy) for accuracy in guesses.values()),
                ],
            )
            for n in sorted({n for by_labels in accuracies for n in by_labels})
        ]
        print_columns("Accuracy of probes on test images", labels, columns)
    print_notes(item, result)
