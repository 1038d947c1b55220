"""Toy analyses, registered from outside of the package."""

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from latentscape.analyses import registry
from latentscape.analyses.analysis import Analysis, Inputs, Result, Settings
from latentscape.core.metrics import Metric
from latentscape.evaluation.study import CodeScores
from latentscape.reporting.blocks import Prose, Section


class ToySettings(Settings):
    """How toys are made."""

    restarts: int = 10


class ToyResult(Result):
    """Scores of codes, and a number of the model."""

    part = "toy"

    settings: ToySettings = ToySettings()
    codes: tuple[CodeScores, ...] = ()
    number: float | None = None


class ToyAnalysis(Analysis[ToyResult, ToySettings, Inputs]):
    """Says what it has measured."""

    title = "Toys"
    result, settings, inputs = ToyResult, ToySettings, Inputs
    metrics = (
        Metric("toy_a", "Toy accuracy", "majority", higher_is_better=True, is_share=True),
        Metric("toy_b", "Toy accuracy", "one to one", higher_is_better=True, is_share=True),
    )
    row_metrics = (Metric("toy_nll", "Toy NLL", "nats per image"),)
    summary_metrics = row_metrics

    def protocol(self, result):
        return ("Toys were trained on train", "They were scored on test", "They were tidied up")

    def scores(self, result):
        yield from result.codes

    def row_numbers(self, result):
        return {self.row_metrics[0]: result.number}

    def section(self, subject):
        rows = subject.having(self.result)
        labels = [row.label for row in rows]
        return Section(self.name, self.title, "", [Prose(labels)]) if rows else None


def named(part: str, *metrics: Metric, **attributes) -> ToyAnalysis:
    """Make another toy analysis, of another part of the findings."""
    result = type(f"Result_{part}", (ToyResult,), {"part": part})
    bounds: dict[str, tuple[Metric, ...]] = {"row_metrics": (), "summary_metrics": ()}
    content = {"result": result, "metrics": metrics, "title": part.title(), **bounds, **attributes}
    content["row_numbers"] = lambda self, result: {}
    return type(f"Analysis_{part}", (ToyAnalysis,), content)()


def register(patch: pytest.MonkeyPatch, *items: Analysis) -> None:
    """Let these be all analyses that there are."""
    patch.setattr(registry, "REGISTRY", {})
    for item in items:
        module = ModuleType(f"toy_{item.name}")
        module.ANALYSIS = item  # type: ignore[attr-defined]
        patch.setitem(sys.modules, module.__name__, module)
        registry.REGISTRY[item.name] = registry.Entry(item.name, module.__name__)


def scores(label: str, dim: int, keys: Sequence[str], gain: float = 0.0) -> tuple[CodeScores, ...]:
    """Score a model and its baselines: by 0.5 and the gain, by 0.53 and by 0.47."""
    codes = (
        (label, "model", 0.5 + gain),
        ("raw pixels", "pixels", 0.53),
        (f"PCA, {dim}", "pca", 0.47),
    )
    return tuple(
        CodeScores(name=name, kind=kind, scores=dict.fromkeys(keys, value))
        for name, kind, value in codes
    )
