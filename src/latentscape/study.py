"""Studies: recipes and axes, trained where they have not been, and put into one table."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.config import Recipe, Study, load_study
from latentscape.errors import ConfigError, RunError
from latentscape.experiment import (
    RUNS,
    default_name,
    finish_run,
    load_split,
    prepare,
    resolve,
    run_findings,
    slug,
    start_run,
)
from latentscape.records import Dataset, Findings, Split
from latentscape.reporting import write_report
from latentscape.runs import SCHEMA, Run, list_runs, open_run, read_findings, write_findings
from latentscape.runtime import choose_device
from latentscape.units import metric_of


@dataclass(frozen=True)
class _Planned:
    """A run that a study asks for."""

    label: str
    recipe: Recipe
    split: Split


def compare(
    study: str | Path | Study,
    *,
    data: str | Path | Dataset | None = None,
    seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    folder: str | Path = RUNS,
    device: str = "auto",
    quiet: bool = False,
) -> Findings:
    """Train all that a study compares, and write its findings and its report.

    Runs in `folder` with the same settings and the same data are used again; one that was killed
    goes on where it was.

    Parameters
    ----------
    study : str, Path or Study
        Name of a study, a YAML file, or a study itself.
    data : str, Path or Dataset, optional
        Name or path of the data, or a dataset in memory; by default what each recipe names.
    seeds : int, optional
        Training seeds per configuration, instead of the study's own number.
    changes : mapping, optional
        Dotted path to value, for every run of the study.
    folder : str or Path
        Where runs and the study's own directory are kept.
    device, quiet
        As for `train`.

    Returns
    -------
    Findings
        ``rows``: per configuration, mean and standard deviation over seeds; ``folder``: where
        ``report.html`` stands.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    study = study if isinstance(study, Study) else load_study(study)
    folder = Path(folder)
    seeds = seeds or study.seeds
    planned = _plan(study, data, seeds, changes or {})
    known = _known_runs(folder)
    runs = [(item, _run_or_reuse(item, known, folder, device, quiet)) for item in planned]
    place = folder / slug(f"{study.name}-{planned[0].split.dataset.name}")
    rows = _rank([_row(label, group) for label, group in _by_label(runs).items()], study.rank_by)
    values = {
        "schema": SCHEMA,
        "kind": "study",
        "name": study.name,
        "about": study.about,
        "origin": study.origin,
        "rank_by": study.rank_by,
        "seeds": list(range(seeds)),
        "folder": str(place),
        "rows": rows,
    }
    findings = Findings(values)
    write_findings(place, findings)
    report(place)
    return findings


def report(run_or_study: str | Path) -> Path:
    """Write the report of a run or a study into its directory.

    Parameters
    ----------
    run_or_study : str or Path
        A directory that `train` or `compare` has made.

    Returns
    -------
    Path
        ``report.html``; its figures stand beside it in ``figures/``.

    Raises
    ------
    RunError
        If it is neither, or not finished.
    """
    path = Path(run_or_study)
    if (path / "recipe.yaml").is_file() or not (path / "findings.json").is_file():
        findings = run_findings(open_run(path))
        about = findings.values["recipe"].get("about", "")
        return write_report(findings.values["name"], about, None, [findings], path)
    study = read_findings(path).values
    if study.get("kind") != "study":
        raise RunError(f"{path} is neither a run nor a study")
    runs = []
    for row in study["rows"]:
        for name in row["runs"]:
            found = run_findings(open_run(path.parent / name))
            runs.append(Findings({**found.values, "label": row["label"]}, found.arrays))
    return write_report(study["name"], study["about"], study, runs, path)


def _plan(
    study: Study, data: str | Path | Dataset | None, seeds: int, changes: Mapping[str, Any]
) -> list[_Planned]:
    """Resolve every run before the first is trained: a mistake in the last shows at once."""
    planned, splits = [], dict[str, Split]()
    for label, name, settings in study.configurations():
        for seed in range(seeds):
            recipe = resolve(name, {**settings, **changes, "train.seed": seed}, data)
            key = recipe.data.model_dump_json()
            if key not in splits:
                splits[key] = load_split(recipe, data)
            planned.append(_Planned(label, prepare(recipe, splits[key]), splits[key]))
    return planned


def _known_runs(folder: Path) -> dict[str, Run]:
    """Find the runs in a folder by their fingerprints, passing over what cannot be read."""
    known = {}
    for run in list_runs(folder):
        with suppress(RunError, ConfigError):
            known[run.fingerprint] = run
    return known


def _run_or_reuse(
    item: _Planned, known: Mapping[str, Run], folder: Path, device: str, quiet: bool
) -> Run:
    wanted = item.recipe.fingerprint(item.split.dataset.fingerprint)
    run = known.get(wanted)
    if run is None:
        path = folder / default_name(item.recipe, item.split, item.label)
        if path.exists():  # The name is taken by a run of other settings.
            path = path.with_name(f"{path.name}-{wanted[:8]}")
        run = start_run(item.recipe, item.split, path, choose_device(device))
    return finish_run(run, item.split, device=device, quiet=quiet)


def _by_label(runs: Sequence[tuple[_Planned, Run]]) -> dict[str, list[Findings]]:
    groups: dict[str, list[Findings]] = {}
    for item, run in runs:
        groups.setdefault(item.label, []).append(run_findings(run))
    return groups


def _row(label: str, group: Sequence[Findings]) -> dict[str, Any]:
    """Put the seeds of one configuration into a row."""
    first = group[0].values
    evaluations = [findings.values["evaluation"] for findings in group]
    metrics = {
        name: _summary([evaluation["metrics"][name] for evaluation in evaluations])
        for name in evaluations[0]["metrics"]
    }
    return {
        "label": label,
        "recipe": first["recipe"]["name"],
        "runs": [findings.values["name"] for findings in group],
        "parameters": first["parameters"],
        "latent_dim": first["latent_dim"],
        "sizes": first["data"]["sizes"],
        "epochs": len(first["history"]),
        "metrics": metrics,
        "pca": evaluations[0]["pca"]["metrics"],
        "train_seconds": _summary(
            [findings.values["timing"]["train_seconds"] for findings in group]
        ),
        "beats_pca": all(evaluation["beats_pca"] for evaluation in evaluations),
        "verdict": evaluations[0]["verdict"],
        "reported": [
            {**number, "obtained": (metrics.get(number["metric"]) or {}).get("mean")}
            for number in first["reported"]
        ],
    }


def _summary(values: Sequence[float | None]) -> dict[str, float | int | None] | None:
    """Return mean, sample standard deviation and number; None where there is nothing to average."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    sd = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": float(np.mean(numbers)), "sd": sd, "n": len(numbers)}


def _rank(rows: list[dict[str, Any]], by: str | None) -> list[dict[str, Any]]:
    if by is None:
        return rows
    sign = -1 if metric_of(by).higher_is_better else 1
    return sorted(rows, key=lambda row: sign * row["metrics"][by]["mean"])
