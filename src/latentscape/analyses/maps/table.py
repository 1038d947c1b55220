"""Maps on the terminal: how far they keep neighbours together."""

from rich.markup import escape

from latentscape.analyses.maps.result import ACCURACY, METHOD_NAMES, Maps
from latentscape.analyses.maps.sentences import describe_settings
from latentscape.analyses.notes import describe_guessing, print_notes
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.metrics import Metric
from latentscape.core.units import duration
from latentscape.terminal.layout import PrintedColumn, print_columns, print_line

TRUSTWORTHINESS = Metric("trustworthiness", "Trustworthiness", higher_is_better=True)
CONTINUITY = Metric("continuity", "Continuity", higher_is_better=True)


def print_maps(item: AnyAnalysis, result: Maps) -> None:
    """Print the scores of each map, and how it was drawn."""
    pairs = [(maps.method, layout) for maps in result.methods for layout in maps.layouts]
    if pairs:
        labels = [f"{METHOD_NAMES[method]}: {escape(layout.code)}" for method, layout in pairs]
        fidelities = [layout.fidelity for _, layout in pairs]
        columns = [
            _column(TRUSTWORTHINESS, [fidelity.trustworthiness for fidelity in fidelities]),
            _column(CONTINUITY, [fidelity.continuity for fidelity in fidelities]),
            _accuracies(result),
            PrintedColumn("time", "", [duration(layout.seconds) for _, layout in pairs], 9),
        ]
        print_columns("Maps", labels, columns)
        if result.guessing is not None:
            print_line(describe_guessing(result.guessing), indent=2)
    for maps in result.methods:
        text = f"{METHOD_NAMES[maps.method]}: {describe_settings(maps.method, maps.settings)}."
        print_line(text, "dim", indent=2)
    print_notes(item, result)


def _accuracies(result: Maps) -> PrintedColumn:
    layouts = [layout for maps in result.methods for layout in maps.layouts]
    texts = [ACCURACY.write_statistic(result.accuracy(layout)) for layout in layouts]
    return PrintedColumn(ACCURACY.name, ACCURACY.unit, texts, ACCURACY.rank)


def _column(metric: Metric, values: list[float]) -> PrintedColumn:
    return PrintedColumn(
        metric.name, metric.unit, [metric.write(value) for value in values], metric.rank
    )
