"""The analyses, in reading order. One is added by a folder of its own and a line here.

Report, terminal, rows of studies, model card, command line, completion and public names follow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from latentscape.core.errors import ConfigError, unknown

if TYPE_CHECKING:  # The command line reads the registry, and answers at once.
    from latentscape.analyses.analysis import Analysis

AnyAnalysis: TypeAlias = "Analysis[Any, Any, Any]"


@dataclass(frozen=True)
class Entry:
    """A line of the registry: what must be known of an analysis before it is imported.

    Attributes
    ----------
    part : str
        Name of its part of the findings.
    module : str
        The package that holds it, with an `Analysis` named ``ANALYSIS``.
    command : str
        Name of its command, and of its function in Python; empty where it has none of its own.
    about : str
        What the command does, in a sentence.
    example : str
        Arguments of the command, for its help.
    """

    part: str
    module: str
    command: str = ""
    about: str = ""
    example: str = "runs/conv-bn-mnist-5k-0"


_HERE = "latentscape.analyses"

ENTRIES = (
    Entry(
        "likelihood",
        f"{_HERE}.likelihood",
        "likelihood",
        "Estimate the log-likelihood of test images by importance sampling.",
        "runs/vae-20-mnist-5k-0 --samples 500",
    ),
    Entry(
        "quality",
        f"{_HERE}.quality",
        "quality",
        "Let a classifier judge samples of the model.",
        "runs/vae-20-mnist-5k-0",
    ),
    Entry(
        "legibility",
        f"{_HERE}.legibility",
        "legibility",
        "Count the reconstructions that a classifier can still read.",
    ),
    Entry(
        "clustering",
        f"{_HERE}.clusters",
        "cluster",
        "Cluster codes without labels, and score the clusters by labels.",
        "--codes z.npy --labels y.npy",
    ),
    Entry("probing", f"{_HERE}.probes", "probe", "Train small classifiers on frozen codes."),
    Entry(
        "projection",
        f"{_HERE}.maps",
        "project",
        "Draw maps of codes in the plane, beside those of the pixels.",
        "runs/conv-bn-mnist-5k-0 --points 5000",
    ),
    Entry("neighbours", f"{_HERE}.neighbours"),
    Entry(
        "anomalies",
        f"{_HERE}.anomalies",
        "anomalies",
        "Score how unlike the training images other images are.",
        "runs/conv-bn-mnist-5k-0 --data strange.npy",
    ),
)
"""The analyses that come with Latentscape."""

REGISTRY: dict[str, Entry] = {entry.part: entry for entry in ENTRIES}
"""All analyses by the part of the findings that they make. Others may add their own."""


def function_names() -> list[str]:
    """Return the names of the functions, and commands, of analyses."""
    return [entry.command for entry in REGISTRY.values() if entry.command]


def analysis(part: str) -> AnyAnalysis:
    """Return the analysis that makes a part of the findings.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if part not in REGISTRY:
        raise unknown("analysis", part, REGISTRY, ConfigError)
    return cast("AnyAnalysis", import_module(REGISTRY[part].module).ANALYSIS)


def analyses() -> Iterator[AnyAnalysis]:
    """Yield all analyses, in reading order."""
    return map(analysis, REGISTRY)


def choose_analyses(parts: Sequence[str] = ()) -> tuple[AnyAnalysis, ...]:
    """Return the analyses of these parts; by default all that ``analyze`` runs unasked.

    Raises
    ------
    ConfigError
        If there is no such analysis.
    """
    if parts:
        return tuple(map(analysis, parts))
    return tuple(item for item in analyses() if item.by_default)
