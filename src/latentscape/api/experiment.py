"""One experiment, from a recipe to a run with its findings: train, resume, evaluate, load."""

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import torch

from latentscape.config import InputConfig, MlpConfig, Recipe, load_recipe, override
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.files import slug
from latentscape.core.records import Array, Dataset, Findings, Split
from latentscape.core.runtime import choose_device, choose_precision, describe_machine
from latentscape.core.units import joined
from latentscape.data import (
    binarize_split,
    check_dataset,
    check_unit_range,
    load_dataset,
    split_dataset,
)
from latentscape.evaluation.latent import latent_findings
from latentscape.evaluation.pictures import collect_pictures
from latentscape.evaluation.reconstruction import evaluate_model
from latentscape.model import Network, uses_labels
from latentscape.model.likelihoods import build_likelihood
from latentscape.reporting.learned import learned_numbers
from latentscape.runs import (
    SCHEMA,
    Run,
    create_run,
    load_model,
    open_run,
    read_findings,
    write_findings,
)
from latentscape.tracking.tracker import Tracker
from latentscape.tracking.trackers import choose_trackers
from latentscape.training.callbacks import choose_progress
from latentscape.training.loop import Trainer
from latentscape.training.storage import RunStorage

CUSTOMARY_SAMPLES = 5000
"""Importance samples per example in published log-likelihoods (Burda et al. 2016)."""

ARRAYS_OF = {
    "clustering": ("cluster_",),
    "projection": ("map_",),
    "legibility": ("legible",),
    "neighbours": ("neighbour",),
    "anomalies": ("anomalies_", "anomaly_"),
}
"""How the names of the arrays begin that belong to a part of the findings."""

MEASURED = ("likelihood", "quality", "probing", *ARRAYS_OF)
"""Parts of the findings that are measured on request."""

RUNS = Path("runs")
"""Where runs are kept unless another folder is given."""


def train(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | Dataset | None = None,
    changes: Mapping[str, Any] | None = None,
    name: str | None = None,
    folder: str | Path = RUNS,
    device: str = "auto",
    overwrite: bool = False,
    track: str | Sequence[str] = (),
    quiet: bool = False,
) -> Run:
    """Train a recipe, evaluate it on the test examples, and keep both in a run directory.

    Parameters
    ----------
    recipe : str, Path or Recipe
        Name of a recipe, a YAML file, or a recipe itself.
    data : str, Path or Dataset, optional
        Name or path of the data, or a dataset in memory; by default what the recipe names.
    changes : mapping, optional
        Dotted path to value: ``{"model.latent.dim": 2, "train.epochs": 5}``.
    name : str, optional
        Name of the run; by default ``<recipe>-<data>-<seed>``.
    folder : str or Path
        Where runs are kept.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    overwrite : bool
        Whether a run of that name is replaced.
    track : str or sequence of str
        Where the run is shown beside its directory: ``tensorboard``, ``mlflow``.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError, ConfigError, RunError, TrainingError
        Each says what was got, what was expected and what to do.
    """
    if name is not None and (Path(name).name != name or not name.strip(".")):
        raise ConfigError(f"A run cannot be called {name!r}", expected="a name without a folder")
    recipe = resolve(recipe, changes, data)
    split = load_split(recipe, data)
    # So that a recipe with labels does not take the name of the same recipe without.
    conditioned = recipe.model.condition and "model.condition" in (changes or {})
    label = f"{recipe.name}-label" if conditioned else None
    path = Path(folder) / (name or default_name(recipe, split, label))
    trackers = choose_trackers(track)
    run = start_run(recipe, split, path, choose_device(device), overwrite=overwrite)
    return finish_run(run, split, device=device, quiet=quiet, trackers=trackers)


def resume(
    run: str | Path | Run,
    *,
    data: Dataset | None = None,
    device: str = "auto",
    track: str | Sequence[str] = (),
    quiet: bool = False,
) -> Run:
    """Go on with a run that was stopped or killed, from its last checkpoint.

    On the CPU of the same machine the weights and losses that come out are, bit for bit, those of
    the same run left alone.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device, quiet
        As for `train`.
    track : str or sequence of str
        As for `train`. What a tracker does not know yet of a run, even a finished one, it is told.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    DataError
        If the data are no longer those the run began with.
    ConfigError, RunError, TrainingError
        As for `train`.
    """
    run = run if isinstance(run, Run) else open_run(run)
    split, trackers = run_split(run, data), choose_trackers(track)
    return finish_run(run, split, device=device, quiet=quiet, trackers=trackers)


def evaluate(
    run: str | Path | Run, *, data: Dataset | None = None, device: str = "auto"
) -> Findings:
    """Evaluate a finished run on its test examples, and keep the findings in its directory.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device : str
        As for `train`. Evaluation is in full float32 on every device.

    Returns
    -------
    Findings
        What the report, the tables and ``findings.json`` show.

    Raises
    ------
    RunError
        If the run is not finished or damaged.
    DataError
        If the data are no longer those the run was trained on.
    """
    run = run if isinstance(run, Run) else open_run(run)
    model = load_model(run.path).to(choose_device(device))
    return _evaluate(run, model, run_split(run, data))


def load(path: str | Path) -> Network:
    """Load a trained model from a run directory or a model file.

    Parameters
    ----------
    path : str or Path
        ``runs/simple-20-mnist-5k-0`` or ``model.safetensors``.

    Returns
    -------
    Network
        On the CPU, evaluating: ``encode``, ``decode`` and ``reconstruct`` take stored images.

    Raises
    ------
    RunError
        If there is no sound model.
    """
    return load_model(path)


def show_recipe(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | Dataset | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a recipe and the layers it makes.

    Parameters
    ----------
    recipe, data, changes
        As for `train`. Without data the layers are those for 28 x 28 grey images.

    Returns
    -------
    dict
        ``recipe``, ``data``, ``architecture`` (part, layer, output shape, parameters) and
        ``parameters``.
    """
    recipe = resolve(recipe, changes, data)
    shown = InputConfig(shape=(1, 28, 28), labels=10)
    if data is not None:
        dataset = load_split(recipe, data).dataset
        shown = InputConfig(shape=dataset.shape, labels=len(dataset.label_names))
    config = recipe.model.model_copy(update={"input": shown})
    model = Network(config, recipe.objective)
    return {
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "data": "28 x 28 grey images" if data is None else recipe.data.source,
        "architecture": model.describe(),
        "parameters": model.parameter_count,
    }


def resolve(
    recipe: str | Path | Recipe,
    changes: Mapping[str, Any] | None,
    data: str | Path | Dataset | None = None,
) -> Recipe:
    """Return a recipe with changes made and its data source set."""
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if not isinstance(data, str | Path | Dataset | None):
        raise DataError(
            f"The data are a {type(data).__name__}",
            expected="a name, a path, or a latentscape.Dataset",
            fix="Make one of an array: latentscape.Dataset('mine', images, labels, label_names).",
        )
    source = data.name if isinstance(data, Dataset) else data
    extra = {} if source is None else {"data.source": str(source)}
    return override(recipe, {**(changes or {}), **extra})


def load_split(recipe: Recipe, data: object = None) -> Split:
    """Load the data of a recipe, or take the dataset given, split it and binarise it if asked."""
    dataset = check_dataset(data) if isinstance(data, Dataset) else load_dataset(recipe.data)
    return binarize_split(split_dataset(dataset, recipe.data), recipe.data.binarize)


def default_name(recipe: Recipe, split: Split, label: str | None = None) -> str:
    """Name a run after its recipe (or another label), its data and its seed."""
    return slug(f"{label or recipe.name}-{split.dataset.name}-{recipe.train.seed}")


def prepare(recipe: Recipe, split: Split) -> Recipe:
    """Fill in what the model takes, and check all that can be checked before training.

    Raises
    ------
    DataError
        If values lie outside the range that the likelihood can give a probability.
    ConfigError
        If the recipe asks for early stopping but nothing is held out for validation.
    """
    dataset = split.dataset
    if recipe.train.patience is not None and not len(split.validation):
        raise ConfigError(
            "train.patience is set but there are no validation examples",
            fix="Set data.validation above 0, or leave train.patience out.",
        )
    _check_batches(recipe, split)
    if build_likelihood(recipe.model.likelihood).needs_unit_range:
        check_unit_range(dataset)
    labels = 0
    if uses_labels(recipe.model, recipe.objective):
        _check_labels(split)
        labels = len(dataset.label_names)
    shown = InputConfig(shape=dataset.shape, range=dataset.value_range, labels=labels)
    model = recipe.model.model_copy(update={"input": shown})
    return recipe.model_copy(update={"model": model})


def _check_labels(split: Split) -> None:
    """Refuse to train with labels where there are none, or only one."""
    names = split.dataset.label_names
    if split.dataset.labels is None or len(names) < 2:
        raise DataError(
            f"The recipe trains with labels, and {split.dataset.name} has "
            f"{'no labels' if split.dataset.labels is None else 'only one'}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or choose a recipe that needs none.",
        )


def _check_batches(recipe: Recipe, split: Split) -> None:
    """Refuse to normalise fully connected layers over a batch of one example."""
    bodies = (recipe.model.encoder, recipe.model.decoder)
    normalised = any(isinstance(body, MlpConfig) and body.norm == "batch" for body in bodies)
    if normalised and min(recipe.train.batch_size, len(split.train)) < 2:
        raise ConfigError(
            "Batch normalisation was asked for over batches of one example",
            expected="two examples in a batch, and in the training part, at least",
            fix="Raise train.batch_size, or choose norm: layer.",
        )


def start_run(
    recipe: Recipe,
    split: Split,
    path: Path,
    device: torch.device,
    *,
    threads: int | None = None,
    overwrite: bool = False,
) -> Run:
    """Make the directory of a run, once everything that can be checked before training is.

    It will be trained on as many threads as are given here; by default on all.
    """
    recipe = prepare(recipe, split)
    Network(
        recipe.model, recipe.objective
    )  # Parts that do not fit say so before anything is written.
    environment = describe_environment(recipe, device, threads)
    return create_run(path, recipe, describe_split(split), environment, overwrite=overwrite)


def finish_run(
    run: Run,
    split: Split,
    *,
    device: str = "auto",
    quiet: bool = False,
    trackers: Sequence[type[Tracker]] = (),
    together: bool = False,
) -> Run:
    """Train a run from where it stands to its end, evaluate it, and tell trackers of both.

    `together` with others it shares the progress display.
    """
    with ExitStack() as stack:
        told = [stack.enter_context(tracker(run, split)) for tracker in trackers]
        if run.finished:
            model = load_model(run.path)
        else:
            watching = [*choose_progress(quiet, together), *told]
            model = Trainer(RunStorage(run), split, choose_device(device), watching).fit()
        if not (run.path / "findings.json").exists():
            _evaluate(run, model, split)
        for tracker in told:
            tracker.on_evaluated(model, run_findings(run))
    return run


def run_split(run: Run, data: Dataset | None = None) -> Split:
    """Load the examples of a run again and check that they are the same, divided as they were."""
    if data is None and not run.data.get("origin"):
        raise DataError(
            f"{run.name} was trained on data in memory, which are not kept with it",
            fix="Give them in Python: data=latentscape.Dataset(...).",
        )
    split = load_split(run.recipe, data)
    recorded, found = run.data["fingerprint"], split.dataset.fingerprint
    if recorded != found:
        raise DataError(
            f"The data of {run.name} have changed: fingerprint {found[:12]}",
            expected=f"{recorded[:12]}, from {run.data['origin']}",
            fix="Put the original data back, or train anew.",
        )
    if split.sizes != run.data["sizes"]:
        raise DataError(
            f"{run.name} was trained on {run.data['sizes']['train']:,} of the examples and has "
            f"{run.data['sizes']['test']:,} to be tested on, as no division by its recipe gives",
            fix="An estimator has trained it: measure it with its score().",
        )
    return split


def describe_split(split: Split) -> dict[str, Any]:
    """Return the content of data.json."""
    dataset = split.dataset
    return {
        "name": dataset.name,
        "origin": dataset.origin,
        "fingerprint": dataset.fingerprint,
        "shape": list(dataset.shape),
        "range": list(dataset.value_range),
        "label_names": list(dataset.label_names),
        "train_labels": _label_counts(split),
        "sizes": split.sizes,
        "seed": split.seed,
    }


def _label_counts(split: Split) -> dict[str, int] | None:
    """Count the labels that training can see."""
    labels, names = split.dataset.labels, split.dataset.label_names
    if labels is None:
        return None
    counts = np.bincount(labels[split.train], minlength=len(names)).tolist()
    return dict(zip(names, counts, strict=True))


def describe_labels(recipe: Recipe) -> str:
    """Say which labels the numbers of a run used."""
    shown = "Test labels only to list errors by class and to colour and order pictures."
    if recipe.model.condition:
        return (
            "Supervised: training gave the model the label of every training image, and every "
            "test number gives it the true label of the test image."
        )
    if "center" in recipe.objective.weights:
        return f"Supervised: training used the label of every training image. {shown}"
    if recipe.data.train_labels:
        chosen = joined([repr(name) for name in recipe.data.train_labels])
        return f"Labels chose the training images, {chosen} alone, and nothing else. {shown}"
    return f"No labels in training. {shown}"


def run_findings(run: Run) -> Findings:
    """Read the findings of a run.

    Raises
    ------
    RunError
        If the run is not finished or has not been evaluated.
    """
    if not run.finished:
        raise RunError(
            f"{run.name} is not finished", fix=f"Run: latentscape train --resume {run.path}"
        )
    return read_findings(run.path)


def keep_findings(run: Run, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> Findings:
    """Add what was found out about a run to its findings, and to what its origin reported.

    Returns
    -------
    Findings
        All that is known about the run now, as it stands in its directory.
    """
    before = run_findings(run)
    replaced = tuple(prefix for name in values for prefix in ARRAYS_OF.get(name, ()))
    kept = {n: array for n, array in before.arrays.items() if not n.startswith(replaced)}
    found = {**before.values, **values}
    found["reported"] = reported_numbers(run.recipe, run.data, found)
    findings = Findings(found, {**kept, **arrays})
    write_findings(run.path, findings)
    return findings


def _evaluate(run: Run, model: Network, split: Split) -> Findings:
    found = evaluate_model(model, split)
    latent = latent_findings(model, split)
    pictures = collect_pictures(model, split, run.recipe.train.seed)
    recipe, history, before = run.recipe, run.history, _measured(run)
    values = {
        "schema": SCHEMA,
        "kind": "run",
        "name": run.name,
        "label": recipe.name,
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "data": run.data,
        "environment": run.environment,
        "architecture": model.describe(),
        "parameters": model.parameter_count,
        "latent_dim": model.latent_dim,
        "history": history,
        "events": run.events,
        "timing": _timing(history),
        "evaluation": found.values,
        **({"latent": latent} if latent else {}),
        **pictures.values,
        **before.values,
        "labels_used": describe_labels(recipe),
    }
    values["reported"] = reported_numbers(recipe, run.data, values)
    arrays = before.arrays | found.arrays | pictures.arrays | _snapshots(run)
    findings = Findings(values, arrays)
    write_findings(run.path, findings)
    return findings


def _measured(run: Run) -> Findings:
    """Return what was measured on request: the model has not changed since."""
    with suppress(RunError):
        before = read_findings(run.path)
        return Findings(
            {name: before.values[name] for name in MEASURED if name in before.values}, before.arrays
        )
    return Findings({})


def _timing(history: list[dict[str, Any]]) -> dict[str, float]:
    seconds = [record["seconds"] for record in history]
    return {
        "train_seconds": sum(seconds),
        "seconds_per_epoch": float(np.median(seconds)),
        "images_per_second": float(np.median([record["images_per_second"] for record in history])),
    }


def reported_numbers(
    recipe: Recipe, data: Mapping[str, Any], values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Put what the recipe's origin reported beside what was obtained on the same data.

    A likelihood counts where it was measured on all test images, on the pixels of the recipe, and
    with as many samples as is customary.
    """
    if data["name"] != recipe.reported_on:
        return []
    obtained = {**values["evaluation"]["metrics"], **learned_numbers(values)}
    way = values.get("clustering", {}).get("settings", {})
    if (way.get("k"), way.get("fit")) != (None, "train"):  # More clusters are purer ones.
        obtained.pop("kmeans_accuracy", None)
    likelihood = values.get("likelihood")
    if likelihood and likelihood["binarize"] == recipe.data.binarize:
        whole = likelihood["n"] == data["sizes"]["test"]
        if whole and likelihood["samples"] >= CUSTOMARY_SAMPLES:
            obtained["nll"] = likelihood["nll"]
    return [
        {
            "metric": number.metric,
            "reported": number.value,
            "obtained": obtained.get(number.metric),
            "latent_dim": number.latent_dim,
        }
        for number in recipe.reported
        if number.latent_dim in (None, recipe.model.latent.dim)
    ]


def _snapshots(run: Run) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for prefix, name in (("epoch-", "snapshots"), ("samples-", "snapshot_samples")):
        if files := sorted(run.snapshots.glob(f"{prefix}*.npy")):
            found[name] = np.stack([_read_picture(file) for file in files])
            epochs = [int(file.stem.removeprefix(prefix)) for file in files]
            found["snapshot_epochs"] = np.array(epochs)
    return found


def _read_picture(file: Path) -> Array:
    try:
        return np.asarray(np.load(file, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise RunError(f"A picture is damaged: {file}: {error}") from error


def describe_environment(
    recipe: Recipe, device: torch.device, threads: int | None = None
) -> dict[str, Any]:
    """Return the content of environment.json."""
    return {
        "latentscape": version("latentscape"),
        "python": python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "git": _git_commit(),
        "command": shlex.join(sys.argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **describe_machine(device, threads),
        "precision": choose_precision(recipe.train.precision, device),
    }


def _git_commit() -> str | None:
    """Return the commit of the checkout that this very file belongs to; None if there is none."""
    file = Path(__file__)
    tracked = ["ls-files", "--error-unmatch", file.name]
    describe = ["describe", "--always", "--dirty", "--abbrev=12"]
    try:
        results = [
            subprocess.run(
                ["git", *arguments],
                cwd=file.parent,
                capture_output=True,
                text=True,
                check=True,
                timeout=5,
            )
            for arguments in (tracked, describe)
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return results[-1].stdout.strip()
