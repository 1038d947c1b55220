"""Runs and studies made up from typed findings, for sections and tables."""

from collections.abc import Sequence
from pathlib import Path

from latentscape.analyses.registry import AnyAnalysis
from latentscape.config import load_recipe
from latentscape.core.findings import Part, Statistic
from latentscape.evaluation.against_pca import BaselineComparison
from latentscape.evaluation.study import StudyRow
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import DataFacts, RunFindings
from latentscape.runs.directory import Run
from latentscape.runs.facts import Sizes

LABELS = ("ring", "bar", "dot")
SIZES = Sizes(train=100, validation=10, test=60)
SPLIT = "{}, train: 100, validation: 10, test: 60, split 0"


class _MadeUp(RunFindings):
    """Findings in memory."""

    def __init__(self, name: str, label: str, data: str, parts: Sequence[Part]) -> None:
        self.run = Run(Path("/nowhere") / name)
        self._parts = {type(part): part for part in parts}
        self.__dict__["recipe"] = load_recipe("simple-20").model_copy(update={"name": label})
        self.__dict__["data"] = DataFacts(
            name=data,
            origin="made up",
            fingerprint="f" * 64,
            shape=(1, 12, 10),
            range=(0.0, 255.0),
            label_names=LABELS,
            sizes=SIZES,
        )


def run(label: str, *parts: Part, seed: int = 0, data: str = "toy") -> RunFindings:
    """Make findings of a run out of some parts."""
    return _MadeUp(f"{label}-{seed}", label, data, parts)


def subject(item: AnyAnalysis, *groups: Sequence[RunFindings]) -> Subject:
    """Make a report about groups of runs that differ in the seed; see `summarise`."""
    return Subject(tuple(Row(_facts(item, runs), tuple(runs)) for runs in groups))


def _facts(item: AnyAnalysis, runs: Sequence[RunFindings]) -> StudyRow:
    numbers = [item.row_numbers(part) for run in runs if (part := run.get(item.result))]
    metrics = dict.fromkeys(metric for of_run in numbers for metric in of_run)
    statistics = {m.key: Statistic.of(of_run.get(m) for of_run in numbers) for m in metrics}
    return StudyRow(
        label=runs[0].label,
        recipe=runs[0].label,
        runs=tuple(run.name for run in runs),
        parameters=6912,
        latent_dim=2,
        epochs=3,
        sizes=SIZES,
        statistics={key: value for key, value in statistics.items() if value is not None},
        comparison=BaselineComparison(mse=0.01, pca_mse=0.012, mean_image_mse=0.03, components=2),
        train_seconds=Statistic(mean=1.5),
        validation_mse=Statistic(mean=0.01),
        collapse=None,
        supervision=runs[0].supervision,
    )


def columns(table, name, unit=None):
    """Return the cells of the one column of a table that has a name, and perhaps a unit."""
    (place,) = [
        n for n, head in enumerate(table.head) if head[0] == name and unit in (None, head[1])
    ]
    return [row[place] for row in table.rows]


def blocks(section, kind):
    """Return the blocks of a section that are of a kind."""
    return [block for block in section.blocks if isinstance(block, kind)]
