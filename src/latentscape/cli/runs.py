"""Commands that make runs, and reports of them."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from latentscape.cli.choices import ChoiceCommand, registered_option
from latentscape.cli.completing import complete_recipe, complete_run, complete_study_or_run
from latentscape.cli.options import (
    AsJson,
    AsPublished,
    BatchSize,
    Condition,
    Data,
    Device,
    Epochs,
    GpusPerWorker,
    Grey,
    Labels,
    LatentDim,
    LearningRate,
    On,
    OwnData,
    Quiet,
    Resize,
    RunOrStudy,
    RunPath,
    RunsFolder,
    Seed,
    Settings,
    Shape,
    TestSize,
    Track,
    TrainData,
    TrainSize,
    ValueRange,
    Workers,
    read_changes,
    read_data_options,
    read_jobs,
)
from latentscape.cli.printing import show_study, show_subject
from latentscape.core.errors import TrainingError
from latentscape.core.launched import is_first_process, launched_processes

if TYPE_CHECKING:
    from latentscape.config import Changes

app = typer.Typer()
command = partial(app.command, rich_help_panel="Train", cls=ChoiceCommand)


@command(epilog="Example: **latentscape train simple-20 --data mnist-5k**")
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Name of a recipe, or a YAML file; with --from, by default that of the run.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            autocompletion=complete_run,
            help="Begin with the weights of a run or a model file, where their shapes agree.",
        ),
    ] = None,
    data: TrainData = None,
    latent_dim: LatentDim = None,
    condition: Condition = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: LearningRate = None,
    seed: Seed = None,
    train_size: TrainSize = None,
    test_size: TestSize = None,
    labels: Labels = None,
    shape: Shape = None,
    resize: Resize = None,
    grey: Grey = False,
    value_range: ValueRange = None,
    settings: Settings = None,
    as_published: AsPublished = False,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN",
            autocompletion=complete_run,
            help="Go on with a run that was stopped or killed; or, with --epochs, to more epochs.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run of that name.")
    ] = False,
    folder: RunsFolder = Path("runs"),
    device: Device = "auto",
    on: On = "local",
    workers: Workers = 1,
    gpus_per_worker: GpusPerWorker = 0.0,
    track: Track = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train a recipe, and evaluate it on the test examples."""
    from latentscape.api import training

    where: dict[str, Any] = {"on": on, "workers": workers, "gpus_per_worker": gpus_per_worker}
    named = {
        "latent_dim": latent_dim,
        "condition": condition,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "seed": seed,
        "train_size": train_size,
        "test_size": test_size,
        **read_data_options(labels, shape, resize, grey, value_range),
    }
    changes = read_changes(settings, named)
    _check_subject(resume is None, recipe is None and start_from is None)
    how: dict[str, Any] = {"data": data, "device": device, "track": track or (), "quiet": quiet}
    if resume is not None:
        _refuse_changes(set(changes) - {"train.epochs"}, settings, name, overwrite, as_published)
    if _is_launched(
        where, lambda: _check_shards(recipe, start_from, data, changes, resume, workers)
    ):
        return
    if resume is not None:
        run = training.resume(resume, epochs=epochs, **how, **where)
    else:
        run = training.train(
            recipe,
            start_from=start_from,
            changes=changes,
            as_published=as_published,
            name=name,
            folder=folder,
            overwrite=overwrite,
            **how,
            **where,
        )
    if is_first_process():
        _show_run(run.path, as_json, quiet)


def _check_subject(is_new: bool, has_no_recipe: bool) -> None:
    """Refuse to train nothing, or to train anew what is to go on."""
    if is_new == has_no_recipe:
        raise typer.BadParameter(
            "give a RECIPE to train, --from RUN to begin with its weights, or --resume RUN to go on"
        )


def _show_run(path: Path, as_json: bool, quiet: bool) -> None:
    show_subject(path, as_json)
    if not quiet and not as_json:
        print(f"\nMake its report with: latentscape report {shlex.quote(str(path))}")


def _is_launched(where: dict[str, Any], check: "Callable[[], None]") -> bool:
    """Give the command in several processes of this machine instead of this one, if asked for."""
    from latentscape.config import Placement

    placement = Placement.of(**where)
    if placement.kind != "torchrun" or launched_processes() > 1:
        return False
    from latentscape.parallel.launching import launch

    check()
    if code := launch(sys.argv[1:], placement.workers):
        raise typer.Exit(code)
    return True


def _check_shards(
    recipe: str | None,
    start_from: Path | None,
    data: str | None,
    changes: "Changes",
    resume: Path | None,
    workers: int,
) -> None:
    from latentscape.api.planning import Asked
    from latentscape.runs import open_run
    from latentscape.training.shards import check_workers

    asked = Asked(recipe, start_from, data, changes, False, None, None)
    shards = asked.shards() if resume is None else open_run(resume).recipe.train.shards
    check_workers(shards, workers)


def _refuse_changes(*changes: object) -> None:
    """Refuse to change a run that goes on, but for the number of its epochs."""
    if any(changes):
        raise typer.BadParameter(
            "--resume goes on with the settings of its run; change none but --epochs"
        )


@command(epilog="Example: **latentscape compare ae-vs-cae --data mnist --seeds 3**")
def compare(
    study: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY|RUNS",
            help="Name of a study, or a YAML file; or directories of runs that exist.",
            autocompletion=complete_study_or_run,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of a comparison of runs.")] = None,
    data: Data = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds per configuration.")] = None,
    epochs: Epochs = None,
    settings: Settings = None,
    as_published: AsPublished = False,
    folder: Annotated[
        Path | None,
        typer.Option("--runs", help="Folder for runs and results; of runs that exist, their own."),
    ] = None,
    device: Device = "auto",
    track: Track = None,
    jobs: Annotated[
        str | None,
        typer.Option(metavar="N|auto", help="Runs at once; auto, the default, is the faster way."),
    ] = None,
    on: On = "local",
    gpus_per_worker: GpusPerWorker = 0.0,
    max_runs: Annotated[
        int | None, typer.Option(min=1, help="Most runs that a study may have; 1,000 by default.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train all that a study compares, and write the report; or compare runs that exist.

    Runs that exist are used again; a study that was killed goes on where it was. Directories of
    runs are put side by side as they are: the report stands beside the first of them.
    """
    from latentscape.api import studies
    from latentscape.config import study_names

    # "quickstart" is the study whatever lies in the working directory, "./quickstart" a run.
    if len(study) > 1 or (os.path.isdir(study[0]) and study[0] not in study_names()):
        training = [data, seeds, epochs, settings, as_published or None, track, jobs, max_runs]
        trains = on != "local" or gpus_per_worker > 0
        trains = trains or any(option is not None for option in training)
        _compare_runs(study, name, folder, as_json, trains)
        return
    if name is not None:
        raise typer.BadParameter("--name is that of a comparison of runs; a study has its own")
    findings = studies.compare(
        study[0],
        data=data,
        seeds=seeds,
        epochs=epochs,
        changes=read_changes(settings, {}),
        as_published=as_published,
        folder=folder or Path("runs"),
        device=device,
        track=track or (),
        on=on,
        jobs=read_jobs(jobs or "auto"),
        gpus_per_worker=gpus_per_worker,
        max_runs=max_runs or studies.MAX_RUNS,
        quiet=quiet,
    )
    show_study(findings, as_json)
    if findings.failures:
        raise typer.Exit(TrainingError.exit_code)


def _compare_runs(
    runs: list[str], name: str | None, folder: Path | None, as_json: bool, trains: bool
) -> None:
    from latentscape.api.comparing import compare_runs

    if trains:
        raise typer.BadParameter("runs that exist are compared as they are; only --name and --runs")
    show_study(compare_runs(runs, name=name, folder=folder), as_json)


@command(epilog="Example: **latentscape evaluate runs/vae-20-mnist-5k-0 --nll --samples 500**")
def evaluate(
    run: RunPath,
    nll: Annotated[
        bool, typer.Option("--nll", help="Also estimate the log-likelihood by importance sampling.")
    ] = False,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="Importance samples per example, for --nll; 5,000 by default."),
    ] = None,
    binarize: Annotated[
        Literal["none", "static", "dynamic"] | None,
        typer.Option(help="Pixels for --nll; by default those that the run was trained on."),
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=1, help="Only so many test examples, drawn, for --nll.")
    ] = None,
    quality: Annotated[
        bool, typer.Option("--quality", help="Also let a classifier judge samples of the model.")
    ] = False,
    draws: Annotated[
        int | None,
        typer.Option(min=100, help="Samples to draw for --quality; 10,000 by default."),
    ] = None,
    source: Annotated[
        str | None,
        registered_option("SAMPLER", "--from", help="Where codes for --quality come from."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws samples and pixels.")] = 0,
    data: OwnData = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a finished run on its test examples again; likelihood and sample quality on request.

    What was measured on request is kept, and shown in the report.
    """
    from latentscape.api import training

    if not nll and (samples, binarize, examples) != (None, None, None):
        raise typer.BadParameter("--samples, --binarize and --examples say how to measure --nll")
    if not quality and (draws, source) != (None, None):
        raise typer.BadParameter("--draws and --from say how to measure --quality")
    if nll:
        options = {"samples": samples, "binarize": binarize, "examples": examples, "seed": seed}
        _measure("likelihood", run, options, data, device)
    if quality:
        sampling = {"count": draws, "source": source, "seed": seed}
        _measure("quality", run, sampling, data, device)
    training.evaluate(run, data=data, device=device, quiet=quiet)
    show_subject(run, as_json)


def _measure(
    part: str,
    run: Path,
    options: Mapping[str, int | str | None],
    data: str | None,
    device: str,
) -> None:
    """Run an analysis of the run with the options that were given."""
    from latentscape.analyses.comparison import compare_codes
    from latentscape.analyses.registry import analysis
    from latentscape.api.analyzing import measure
    from latentscape.api.functions import read_options

    item = analysis(part)
    values = {name: value for name, value in options.items() if value is not None}
    comparison = compare_codes(run, data=data, device=device)
    measure(item, comparison, *read_options(item, values))


@command(epilog="Example: **latentscape report runs/simple-20-mnist-5k-0**")
def report(
    run_or_study: RunOrStudy,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write one HTML file that shows what a run or a study found, and print where it is."""
    from latentscape.api.subjects import report as write
    from latentscape.core.screen import open_page

    path = write(run_or_study)
    print(json.dumps({"report": str(path)}) if as_json else path, flush=True)
    if show and not open_page(path):
        print("There is no screen to open it on.", file=sys.stderr)
