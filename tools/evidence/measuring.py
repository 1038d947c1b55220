"""From a study to a results file: train what is missing, evaluate and analyse all of it anew."""

import io
import time
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import torch

import latentscape
from latentscape.analyses.summaries import baseline_statistics, summarise
from latentscape.api.console import print_subject
from latentscape.api.preparing import describe_environment
from latentscape.api.subjects import subject_of
from latentscape.config import Recipe, Study, load_study
from latentscape.evaluation.results import Evaluation
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import RunFindings
from latentscape.runs.facts import Environment
from tools.evidence.choosing import validation_scores
from tools.evidence.records import FOLDER, Evidence, Number, ResultRow, RunFacts

RUNS = Path("runs")


@dataclass(frozen=True)
class Protocol:
    """How a study is measured.

    Attributes
    ----------
    data : str or None
        Name of the data; by default what its recipes name.
    seeds : int
        Training seeds of each configuration.
    is_printed : bool
        Whether a document shows the table that the command prints.
    is_choice : bool
        Whether one of the study's models is chosen by its validation images.
    """

    data: str | None = "mnist"
    seeds: int = 3
    is_printed: bool = False
    is_choice: bool = False


def measure_study(
    name: str, protocol: Protocol, runs: Path = RUNS, folder: Path = FOLDER
) -> Evidence:
    """Measure the study ``results/NAME.yaml``, or the study of that name that everybody has.

    Runs that exist are used again, and one that was stopped goes on where it was. Evaluation and
    analyses are always those of this checkout.

    Parameters
    ----------
    name : str
        Of the study and of its results file.
    protocol : Protocol
        How it is measured.
    runs, folder : Path
        Where runs are kept; where studies and results are.
    """
    file = folder / f"{name}.yaml"
    study = load_study(file if file.exists() else name)
    findings = latentscape.compare(
        study.model_copy(update={"analysis": ()}),
        data=protocol.data,
        seeds=protocol.seeds,
        folder=runs,
    )
    for run in dict.fromkeys(run for row in findings.rows for run in row.runs):
        print(f"evaluating {run}", flush=True)
        latentscape.evaluate(runs / run)
    if study.analysis:
        latentscape.analyze(findings.folder, parts=study.analysis)
    return evidence_of(study, subject_of(findings.folder), protocol)


def evidence_of(study: Study, subject: Subject, protocol: Protocol) -> Evidence:
    """Keep all numbers of a study that has been trained and analysed."""
    return measured_now(
        study.name,
        study.about,
        (
            *(_model_row(row, protocol) for row in subject.rows),
            *_baseline_rows(subject.rows),
        ),
        subject.rows[0].first.recipe,
        precision="float32",  # Of the evaluation, whatever the training was in.
        printed=_printed(subject) if protocol.is_printed else (),
    )


def measured_now(
    name: str,
    about: str,
    rows: tuple[ResultRow, ...],
    recipe: Recipe,
    *,
    precision: str | None = None,
    printed: tuple[str, ...] = (),
) -> Evidence:
    """Return what has just been measured on this machine, as ``results/NAME.json`` holds it.

    Parameters
    ----------
    name, about, rows, printed
        As of `Evidence`.
    recipe : Recipe
        What was trained, most of the time.
    precision : str, optional
        What was measured in; by default what the recipe is trained in.
    """
    now = _without_command(describe_environment(recipe, torch.device("cpu")))
    return Evidence(
        name=name,
        about=about,
        command=f"make results NAME={name}",
        date=time.strftime("%Y-%m-%d"),
        evaluated=now.model_copy(update={"precision": precision or now.precision}),
        rows=rows,
        printed=printed,
    )


def _without_command(environment: Environment) -> Environment:
    """Leave out a command line, which names places on one machine."""
    return environment.model_copy(update={"command": ""})


def _model_row(row: Row, protocol: Protocol) -> ResultRow:
    """Keep every number of every run, by the key of the metric."""
    singles = [_numbers_of(row.label, run) for run in row.runs]
    if protocol.is_choice:
        for single, run in zip(singles, row.runs, strict=True):
            single |= validation_scores(run.run.path)
    keys = [key for key in singles[0] if all(key in single for single in singles)]
    return ResultRow(
        label=row.label,
        recipe=row.facts.recipe,
        runs=tuple(map(facts_of, row.runs)),
        numbers={key: Number.of(tuple(single[key] for single in singles)) for key in keys},
        claims=row.facts.claims,
    )


def _numbers_of(label: str, run: RunFindings) -> dict[str, float]:
    """Return what was measured of one run, and what its reconstructions are compared with."""
    evaluation = run.require(Evaluation)
    beside = {
        **{f"pca_{key}": value for key, value in evaluation.pca.metrics.items()},
        **{f"mean_image_{key}": value for key, value in evaluation.mean_image.items()},
        "entropy_floor": evaluation.entropy_floor,
        "validation_mse": run.history.validation_mse(run.recipe),
    }
    statistics = summarise(label, [run]).statistics
    return {key: statistic.mean for key, statistic in statistics.items()} | {
        key: value for key, value in beside.items() if value is not None
    }


def facts_of(run: RunFindings) -> RunFacts:
    """Return seeds, data and machine of a run."""
    return RunFacts(
        name=run.name,
        seed=run.recipe.train.seed,
        split_seed=run.data.seed,
        sizes=run.data.sizes,
        train_seconds=run.history.train_seconds,
        environment=_without_command(run.environment),
    )


def _baseline_rows(rows: Iterable[Row]) -> list[ResultRow]:
    """Keep codes that are no model's: what each run measured of them, and their statistics."""
    groups = [row.runs for row in rows]
    return [
        ResultRow(
            label=code.name,
            kind=code.kind,
            data=code.data,
            numbers={
                key: Number.of(_values_of(groups, code.name, code.data, key), statistic)
                for key, statistic in code.statistics.items()
            },
        )
        for code in baseline_statistics(groups)
    ]


def _values_of(
    groups: Sequence[Sequence[RunFindings]], name: str, data: str, key: str
) -> tuple[float, ...]:
    """Return a number of a code by runs: of the first configuration that has the code."""
    for runs in groups:
        values = [
            code.statistics[key].mean
            for run in runs
            for code in baseline_statistics([[run]])
            if (code.name, code.data) == (name.removesuffix(f" ({data})"), data)
            and key in code.statistics
        ]
        if values:
            # The same number from every run was measured once.
            return tuple(values[:1] if len(set(values)) == 1 else values)
    return ()


def _printed(subject: Subject) -> tuple[str, ...]:
    """Return the lines that `compare` prints."""
    with redirect_stdout(io.StringIO()) as stream:
        print_subject(subject)
    return tuple(line.rstrip() for line in stream.getvalue().strip("\n").splitlines())
