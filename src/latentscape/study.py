"""Studies: recipes and axes, trained where they have not been, and put into one table."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.analysis.reconstruction import judge
from latentscape.config import Recipe, Study, load_study
from latentscape.errors import ConfigError, Interrupted, RunError, TrainingError
from latentscape.experiment import (
    RUNS,
    default_name,
    finish_run,
    load_split,
    prepare,
    resolve,
    run_findings,
    start_run,
)
from latentscape.files import slug
from latentscape.records import Dataset, Findings, Split
from latentscape.reporting import write_report
from latentscape.runs import SCHEMA, Run, list_runs, open_run, read_findings, write_findings
from latentscape.runtime import choose_device

_LATENT_NUMBERS = ("elbo", "rate", "distortion", "active_units", "perplexity")


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
        ``rows``: per configuration, mean and standard deviation over seeds; ``failures``: runs
        that could not be trained; ``folder``: where ``report.html`` stands.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    study = study if isinstance(study, Study) else load_study(study)
    folder = Path(folder)
    seeds = seeds or study.seeds
    planned = _plan(study, data, seeds, changes or {})
    finished, failures = _run_all(planned, folder, device, quiet)
    rows = [_row(label, group) for label, group in _by_label(finished).items()]
    place = folder / slug(f"{study.name}-{planned[0].split.dataset.name}")
    values = {
        "schema": SCHEMA,
        "kind": "study",
        "name": study.name,
        "about": study.about,
        "origin": study.origin,
        "ranked": study.ranked,
        "seeds": list(range(seeds)),
        "folder": str(place),
        "rows": sorted(rows, key=_rank) if study.ranked else rows,
        "failures": failures,
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
    configurations = study.configurations()
    _check_changes(study, changes)
    planned, splits = [], dict[str, Split]()
    for (label, name, settings), seed in product(configurations, range(seeds)):
        recipe = resolve(name, {**settings, **changes, "train.seed": seed}, data)
        key = recipe.data.model_dump_json()
        if key not in splits:
            splits[key] = load_split(recipe, data)
        planned.append(_Planned(label, prepare(recipe, splits[key]), splits[key]))
    return planned


def _check_changes(study: Study, changes: Mapping[str, Any]) -> None:
    """Refuse a change to what the study itself varies: its labels would no longer be true."""
    varied = {"train.seed", *study.axes, *(path for v in study.variants.values() for path in v)}
    for path in varied & changes.keys():
        fix = "Use --seeds." if path == "train.seed" else "Write a study of your own for that."
        raise ConfigError(f"The study {study.name} varies {path} itself", fix=fix)


def _run_all(
    planned: Sequence[_Planned], folder: Path, device: str, quiet: bool
) -> tuple[list[tuple[_Planned, Run]], list[dict[str, Any]]]:
    """Train what has not been trained; one that diverges for good does not stop the others."""
    known = _known_runs(folder)
    finished, failures = [], list[dict[str, Any]]()
    for item in planned:
        try:
            finished.append((item, _run_or_reuse(item, known, folder, device, quiet)))
        except Interrupted as error:
            fix = "Give the same command again to go on from there."
            raise Interrupted(f"Stopped while training {item.label}, and saved", fix=fix) from error
        except TrainingError as error:
            seed = item.recipe.train.seed
            failures.append({"label": item.label, "seed": seed, "what": str(error)})
    if not finished:
        raise TrainingError("No run of the study came to its end", fix=failures[0]["what"])
    return finished, failures


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


def _by_label(runs: Sequence[tuple[_Planned, Run]]) -> dict[str, list[Run]]:
    groups: dict[str, list[Run]] = {}
    for item, run in runs:
        groups.setdefault(item.label, []).append(run)
    return groups


def _row(label: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Put the seeds of one configuration into a row."""
    seeds = [run_findings(run).values for run in runs]
    first = seeds[0]
    evaluations = [values["evaluation"] for values in seeds]
    metrics = _summaries([evaluation["metrics"] for evaluation in evaluations])
    mean = {name: (values or {}).get("mean") for name, values in metrics.items()}
    pca, blank = (evaluations[0][name]["metrics"] for name in ("pca", "mean_image"))
    return {
        "label": label,
        "recipe": first["recipe"]["name"],
        "runs": [run.name for run in runs],
        "parameters": first["parameters"],
        "latent_dim": first["latent_dim"],
        "sizes": first["data"]["sizes"],
        "epochs": max(len(values["history"]) for values in seeds),
        "metrics": metrics,
        "pca": pca,
        "train_seconds": _summary([values["timing"]["train_seconds"] for values in seeds]),
        "latent": _of_all(seeds, "latent", _LATENT_NUMBERS),
        "likelihood": _likelihood(seeds),
        "collapse": next(filter(None, (_collapse(values) for values in seeds)), ""),
        "labels_used": first["labels_used"],
        "supervised": first["labels_used"].startswith("Supervised"),
        "validation_mse": _summary([_validation_mse(values) for values in seeds]),
        **judge(mean, pca, blank, evaluations[0]["pca"]["dim"]),
        "reported": [
            {**number, "obtained": mean.get(number["metric"])} for number in first["reported"]
        ],
    }


def _of_all(
    seeds: Sequence[Mapping[str, Any]], part: str, names: Sequence[str]
) -> dict[str, Any] | None:
    """Summarise numbers of a part of the findings that not every kind of run has."""
    found = [values[part] for values in seeds if part in values]
    if not found:
        return None
    return {name: _summary([values.get(name) for values in found]) for name in names}


def _likelihood(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Summarise likelihoods where all were measured the same way."""
    found = [values["likelihood"] for values in seeds if "likelihood" in values]
    ways = {(values["binarize"], values["samples"], values["n"]) for values in found}
    return _of_all(seeds, "likelihood", ("nll", "bits_per_dim")) if len(ways) == 1 else None


def _collapse(values: Mapping[str, Any]) -> str:
    return str(values.get("latent", {}).get("collapse", ""))


def _validation_mse(values: Mapping[str, Any]) -> float | None:
    """Return the MSE per pixel on validation examples of the weights that were kept."""
    validations = [record["validation"] for record in values["history"] if record["validation"]]
    if not validations:
        return None
    patient = values["recipe"]["train"].get("patience") is not None
    kept = min(validations, key=lambda v: v["loss"]) if patient else validations[-1]
    return float(kept["mse"])


def _summaries(metrics: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    return {name: _summary([values[name] for values in metrics]) for name in metrics[0]}


def _summary(values: Sequence[float | None]) -> dict[str, float | int | None] | None:
    """Return mean, sample standard deviation and number; None where there is nothing to average."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    sd = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": float(np.mean(numbers)), "sd": sd, "n": len(numbers)}


def _rank(row: Mapping[str, Any]) -> float:
    """Order rows by error on validation examples, for test examples choose nothing."""
    validation = row["validation_mse"]
    return float("inf") if validation is None else float(validation["mean"])
