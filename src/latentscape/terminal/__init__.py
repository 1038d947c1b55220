"""What prints: tables that fit the terminal, lines of text, progress.

Modules are imported when they are first used: progress is shown before anything slow is imported.
"""

from typing import TYPE_CHECKING

from latentscape.core.lazy import lazy_names

if TYPE_CHECKING:
    from latentscape.terminal.cache import describe_cache, print_cache
    from latentscape.terminal.datasets import print_data
    from latentscape.terminal.listing import print_runs
    from latentscape.terminal.progress import shown
    from latentscape.terminal.records import (
        print_info,
        print_recipe,
        print_recipes,
        print_rows,
        print_values,
        print_yaml,
    )

__all__ = [
    "describe_cache",
    "print_cache",
    "print_data",
    "print_info",
    "print_recipe",
    "print_recipes",
    "print_rows",
    "print_runs",
    "print_values",
    "print_yaml",
    "shown",
]

__getattr__ = lazy_names(
    __name__,
    {
        "cache": ("describe_cache", "print_cache"),
        "datasets": ("print_data",),
        "listing": ("print_runs",),
        "progress": ("shown",),
        "records": (
            "print_info",
            "print_recipe",
            "print_recipes",
            "print_rows",
            "print_values",
            "print_yaml",
        ),
    },
)
