"""What a source of data holds, and how it is divided."""

from latentscape.core import units
from latentscape.core.records import PARTS
from latentscape.data import DataSummary
from latentscape.terminal.layout import print_line, print_pairs

_MAX_LABELS = 12


def print_data(summary: DataSummary) -> None:
    """Print a summary of data, and what of their source is not used."""
    # Sentences are about models, too, whose libraries take time to import.
    from latentscape.reporting.duplicates import describe_duplicates
    from latentscape.reporting.sentences import (
        describe_left_out,
        describe_range,
        describe_store,
        describe_tests_on_validation,
    )

    print_pairs(summary_rows(summary))
    print_line(describe_range(summary.value_range, summary.range_reason))
    print_line(describe_store(summary.kept))
    look = "yellow" if summary.duplicates.any else ""
    print_line(describe_duplicates(summary.duplicates), look)
    if summary.tests_on_validation:
        print_line(describe_tests_on_validation(summary.name), "yellow")
    for sentence in describe_left_out(summary.left_out):
        print_line(sentence, "yellow")


def summary_rows(summary: DataSummary) -> dict[str, str]:
    """Write what a summary of data holds, by what it is called."""
    parts = [f"{units.count(summary.split[part])} {part}" for part in PARTS]
    floor = summary.entropy_floor
    return {
        "name": summary.name,
        "from": summary.origin or "memory",
        "examples": f"{units.count(summary.n)} of {units.shape(summary.shape)}, {summary.dtype}",
        "split": f"{', '.join(parts)}; seed {summary.seed}",
        "values": f"{summary.min:.6g} to {summary.max:.6g}",
        "labels": _labels(summary),
        "entropy floor": units.NONE if floor is None else f"{floor:.4g} nats per value",
        "fingerprint": summary.fingerprint,
    }


def _labels(summary: DataSummary) -> str:
    if summary.labels is None:
        return "none"
    counts = [f"{name}: {units.count(count)}" for name, count in summary.labels.items()]
    more = f", ... {len(counts)} in all" if len(counts) > _MAX_LABELS else ""
    return ", ".join(counts[:_MAX_LABELS]) + more
