"""Findings as tables on a terminal."""

from latentscape.terminal.anomalies import print_anomalies
from latentscape.terminal.learned import (
    print_clusters,
    print_legibility,
    print_maps,
    print_neighbours,
    print_probes,
)
from latentscape.terminal.progress import counting, watching
from latentscape.terminal.records import (
    print_info,
    print_recipe,
    print_rows,
    print_values,
    print_yaml,
)
from latentscape.terminal.runs import print_run, print_study

__all__ = [
    "counting",
    "print_anomalies",
    "print_clusters",
    "print_info",
    "print_legibility",
    "print_maps",
    "print_neighbours",
    "print_probes",
    "print_recipe",
    "print_rows",
    "print_run",
    "print_study",
    "print_values",
    "print_yaml",
    "watching",
]
