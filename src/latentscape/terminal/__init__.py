"""What prints: tables that fit the terminal, lines of text, progress."""

from latentscape.terminal.datasets import print_data
from latentscape.terminal.listing import print_runs
from latentscape.terminal.progress import counting, watching
from latentscape.terminal.records import (
    print_info,
    print_recipe,
    print_rows,
    print_values,
    print_yaml,
)

__all__ = [
    "counting",
    "print_data",
    "print_info",
    "print_recipe",
    "print_rows",
    "print_runs",
    "print_values",
    "print_yaml",
    "watching",
]
