"""The command line: one thin function per command, and no logic of its own.

Whatever is slow to import is imported inside the command that needs it, so that ``--help`` and
completion answer at once.
"""

import io
import json
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from latentscape.errors import Interrupted, LatentscapeError, TrainingError

if TYPE_CHECKING:
    from latentscape.gallery import Sheet

app = typer.Typer(
    name="latentscape",
    help="Train autoencoders on images, compare them fairly, look into what they learned.",
    epilog="Start with: **latentscape compare quickstart**",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(no_args_is_help=True, help="List, look at and download data.")
recipes_app = typer.Typer(no_args_is_help=True, help="List and look at recipes.")
studies_app = typer.Typer(no_args_is_help=True, help="List and look at studies.")
app.add_typer(data_app, name="data")
app.add_typer(recipes_app, name="recipes")
app.add_typer(studies_app, name="studies")


def _complete(kind: str, incomplete: str) -> list[str]:
    from latentscape.config import recipe_names, study_names
    from latentscape.data import source_names

    names = {"recipe": recipe_names, "study": study_names, "source": source_names}[kind]()
    return [name for name in names if name.startswith(incomplete)]


def _complete_recipe(incomplete: str) -> list[str]:
    return _complete("recipe", incomplete)


def _complete_study(incomplete: str) -> list[str]:
    return _complete("study", incomplete)


def _complete_source(incomplete: str) -> list[str]:
    return _complete("source", incomplete)


_Recipe = Annotated[
    str, typer.Argument(help="Name of a recipe, or a YAML file.", autocompletion=_complete_recipe)
]
_Source = Annotated[
    str, typer.Argument(help="Name of a source, or a path.", autocompletion=_complete_source)
]
_RunPath = Annotated[Path, typer.Argument(help="Directory of a run.")]
_Data = Annotated[
    str | None,
    typer.Option("--data", help="Name of a source, or a path.", autocompletion=_complete_source),
]
_Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Change any part: --set train.lr=3e-4. Repeatable."
    ),
]
_Condition = Annotated[
    Literal["label"] | None,
    typer.Option(help="Give each example's label to encoder and decoder."),
]
_LatentDim = Annotated[int | None, typer.Option(help="Length of the code.")]
_Epochs = Annotated[int | None, typer.Option(help="Epochs to train.")]
_BatchSize = Annotated[int | None, typer.Option(help="Examples per step.")]
_Lr = Annotated[float | None, typer.Option("--lr", help="Learning rate.")]
_Seed = Annotated[int | None, typer.Option(help="Seed of weights, batches and dropout.")]
_Train = Annotated[int | None, typer.Option("--train", help="At most so many training examples.")]
_Test = Annotated[int | None, typer.Option("--test", help="At most so many test examples.")]
_Labels = Annotated[
    str | None, typer.Option(help="Label column of a table, or a .npy file of labels.")
]
_Shape = Annotated[
    str | None, typer.Option(metavar="HxW", help="Shape of examples that are stored flat.")
]
_Resize = Annotated[str | None, typer.Option(metavar="HxW", help="Resize the images of a folder.")]
_Folder = Annotated[Path, typer.Option("--runs", help="Folder that runs are kept in.")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
_Out = Annotated[
    Path | None,
    typer.Option(help="The PNG to write; by default named after the command, in the run."),
]
_Array = Annotated[bool, typer.Option("--array", help="Write the numbers too, as .npy beside it.")]
_ChosenLabel = Annotated[
    str | None, typer.Option(help="Label to show, of a model that is conditioned on labels.")
]
_LabelOfFiles = Annotated[
    str | None, typer.Option(help="Label of the files, for a model that is conditioned on labels.")
]
_Files = Annotated[
    list[Path] | None, typer.Option("--files", help="PNG or JPEG files instead of test images.")
]
# So that "--files a.png b.png" and "--files *.png" are understood, which no option can do alone.
_MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILES", help="See --files.")]


@app.command(epilog="Example: **latentscape train simple-20 --data mnist-5k --epochs 3**")
def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="Name of a recipe, or a YAML file.", autocompletion=_complete_recipe),
    ] = None,
    data: _Data = None,
    latent_dim: _LatentDim = None,
    condition: _Condition = None,
    epochs: _Epochs = None,
    batch_size: _BatchSize = None,
    lr: _Lr = None,
    seed: _Seed = None,
    train_size: _Train = None,
    test_size: _Test = None,
    labels: _Labels = None,
    shape: _Shape = None,
    resize: _Resize = None,
    settings: _Set = None,
    name: Annotated[str | None, typer.Option(help="Name of the run.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with a run that was stopped or killed."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run of that name.")
    ] = False,
    folder: _Folder = Path("runs"),
    device: _Device = "auto",
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Train a recipe, and evaluate it on the test examples."""
    from latentscape import experiment, terminal

    changes = _changes(
        settings,
        {
            "model.latent.dim": latent_dim,
            "model.condition": condition,
            "train.epochs": epochs,
            "train.batch_size": batch_size,
            "train.lr": lr,
            "train.seed": seed,
            "data.train": train_size,
            "data.test": test_size,
            "data.labels": labels,
            "data.shape": _sizes(shape),
            "data.resize": _sizes(resize),
        },
    )
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("give a RECIPE to train, or --resume RUN to go on with one")
    if resume is not None and (changes or data or name or overwrite):
        raise typer.BadParameter("--resume goes on with the settings of its run; change none")
    if resume is not None:
        run = experiment.resume(resume, device=device, quiet=quiet)
    else:
        assert recipe is not None
        run = experiment.train(
            recipe,
            data=data,
            changes=changes,
            name=name,
            folder=folder,
            device=device,
            overwrite=overwrite,
            quiet=quiet,
        )
    values = experiment.run_findings(run).values
    _print(values, as_json, terminal.print_run)
    if not quiet and not as_json:
        print(f"\nMake its report with: latentscape report {shlex.quote(str(run.path))}")


@app.command(epilog="Example: **latentscape compare ae-vs-cae --data mnist --seeds 3**")
def compare(
    study: Annotated[
        str, typer.Argument(help="Name of a study, or a YAML file.", autocompletion=_complete_study)
    ],
    data: _Data = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds per configuration.")] = None,
    epochs: _Epochs = None,
    settings: _Set = None,
    folder: _Folder = Path("runs"),
    device: _Device = "auto",
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Train all that a study compares, and write the report.

    Runs that exist are used again; a study that was killed goes on where it was.
    """
    from latentscape import study as studies
    from latentscape import terminal

    changes = _changes(settings, {"train.epochs": epochs})
    findings = studies.compare(
        study, data=data, seeds=seeds, changes=changes, folder=folder, device=device, quiet=quiet
    )
    _print(findings.values, as_json, terminal.print_study)
    if not as_json:
        print(f"\nReport: {Path(findings.values['folder']) / 'report.html'}")
    if findings.values["failures"]:
        raise typer.Exit(TrainingError.exit_code)


@app.command(epilog="Example: **latentscape evaluate runs/vae-20-mnist-5k-0 --nll --samples 500**")
def evaluate(
    run: _RunPath,
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
        int | None, typer.Option(min=1, help="Only the first so many test examples, for --nll.")
    ] = None,
    quality: Annotated[
        bool, typer.Option("--quality", help="Also let a classifier judge samples of the model.")
    ] = False,
    draws: Annotated[
        int | None,
        typer.Option(min=100, help="Samples to draw for --quality; 10,000 by default."),
    ] = None,
    source: Annotated[
        Literal["prior", "gmm", "vamp"] | None,
        typer.Option("--from", help="Where codes for --quality come from."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws samples and pixels.")] = 0,
    device: _Device = "auto",
    as_json: _Json = False,
    quiet: _Quiet = False,
) -> None:
    """Evaluate a finished run on its test examples again; likelihood and sample quality on request.

    What was measured on request is kept, and shown in the report.
    """
    from latentscape import experiment, measures, terminal

    if not nll and (samples, binarize, examples) != (None, None, None):
        raise typer.BadParameter("--samples, --binarize and --examples say how to measure --nll")
    if not quality and (draws, source) != (None, None):
        raise typer.BadParameter("--draws and --from say how to measure --quality")
    if nll:
        with terminal.watching("log-likelihood", quiet) as watch:
            measures.measure_likelihood(
                run,
                samples=samples or 5000,
                binarize=binarize,
                examples=examples,
                seed=seed,
                device=device,
                watch=watch,
            )
    if quality:
        measures.measure_quality(
            run, count=draws or 10_000, source=source, seed=seed, device=device
        )
    findings = experiment.evaluate(run, device=device)
    _print(findings.values, as_json, terminal.print_run)


@app.command(epilog="Example: **latentscape sample runs/cond-vae-mnist-5k-0 -n 64 --label 7**")
def sample(
    run: _RunPath,
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 64,
    label: _ChosenLabel = None,
    source: Annotated[
        Literal["prior", "gmm", "vamp"] | None,
        typer.Option(
            "--from",
            help="Where codes come from; by default the model's prior, or a mixture of Gaussians "
            "fitted to training codes (gmm) where it has none.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the codes.")] = 0,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Draw codes, and picture what they decode to."""
    from latentscape import gallery

    sheet = gallery.sample(
        run,
        count=count,
        label=label,
        source=source,
        seed=seed,
        out=out,
        array=array,
        device=device,
    )
    _print_sheet(sheet, as_json)


@app.command(epilog="Example: **latentscape interpolate runs/vae-20-mnist-5k-0 --between 3,17**")
def interpolate(
    run: _RunPath,
    more: _MoreFiles = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="I,J",
            help="Two test examples, counted from 0; by default eight pairs of all classes.",
        ),
    ] = None,
    files: _Files = None,
    label: _LabelOfFiles = None,
    path: Annotated[
        Literal["linear", "spherical"] | None,
        typer.Option(help="By default spherical under the prior N(0, I), linear otherwise."),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Images in a row, with both ends.")] = 10,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Picture what lies between the codes of two images."""
    from latentscape import gallery

    sheet = gallery.interpolate(
        run,
        between=_pair(between),
        files=[*(files or ()), *(more or ())],
        label=label,
        path=path,
        steps=steps,
        out=out,
        array=array,
        device=device,
    )
    _print_sheet(sheet, as_json)


@app.command(epilog="Example: **latentscape traverse runs/vae-20-mnist-5k-0 --example 3**")
def traverse(
    run: _RunPath,
    example: Annotated[
        int | None, typer.Option(help="Test example whose code is changed, counted from 0.")
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Images in a row.")] = 9,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Picture what each number of a code does to an image, the most telling numbers first."""
    from latentscape import gallery

    sheet = gallery.traverse(run, example=example, steps=steps, out=out, array=array, device=device)
    _print_sheet(sheet, as_json)


@app.command(epilog="Example: **latentscape manifold runs/kaggle-2d-mnist-5k-0**")
def manifold(
    run: _RunPath,
    size: Annotated[int, typer.Option(min=2, help="Images in a row, and in a column.")] = 20,
    label: _ChosenLabel = None,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Picture the whole plane of codes of two numbers."""
    from latentscape import gallery

    sheet = gallery.manifold(run, size=size, label=label, out=out, array=array, device=device)
    _print_sheet(sheet, as_json)


@app.command(
    epilog="Example: **latentscape reconstruct runs/vae-20-mnist-5k-0 --files mine/*.png**"
)
def reconstruct(
    run: _RunPath,
    more: _MoreFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many test images.")] = 16,
    files: _Files = None,
    label: _LabelOfFiles = None,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Picture images above what the model makes of them."""
    from latentscape import gallery

    sheet = gallery.reconstruct(
        run,
        count=count,
        files=[*(files or ()), *(more or ())],
        label=label,
        out=out,
        array=array,
        device=device,
    )
    _print_sheet(sheet, as_json)


@app.command(epilog="Example: **latentscape denoise runs/denoising-mnist-5k-0 --noise block**")
def denoise(
    run: _RunPath,
    more: _MoreFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many test images.")] = 10,
    noise: Annotated[
        Literal["gaussian", "masking", "salt_and_pepper", "block"] | None,
        typer.Option(help="By default what the run was trained on."),
    ] = None,
    amount: Annotated[
        float | None,
        typer.Option(help="Standard deviation, or share; by default as in training, or 0.3."),
    ] = None,
    files: _Files = None,
    label: _LabelOfFiles = None,
    seed: Annotated[int, typer.Option(help="Draws the noise.")] = 0,
    out: _Out = None,
    array: _Array = False,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Picture images, the same with noise, and what the model makes of these."""
    from latentscape import gallery

    sheet = gallery.denoise(
        run,
        count=count,
        noise=noise,
        amount=amount,
        files=[*(files or ()), *(more or ())],
        label=label,
        seed=seed,
        out=out,
        array=array,
        device=device,
    )
    _print_sheet(sheet, as_json)


@app.command(epilog="Example: **latentscape report runs/simple-20-mnist-5k-0**")
def report(
    run_or_study: Annotated[Path, typer.Argument(help="Directory of a run or a study.")],
    as_json: _Json = False,
) -> None:
    """Write one HTML file that shows what a run or a study found."""
    from latentscape import study as studies

    path = studies.report(run_or_study)
    print(json.dumps({"report": str(path)}) if as_json else path)


@data_app.command("list", epilog="Example: **latentscape data list --json**")
def data_list(as_json: _Json = False) -> None:
    """List the sources that have a name."""
    from latentscape import terminal
    from latentscape.data import SOURCES

    rows = [{"source": name, "about": source.about} for name, source in SOURCES.items()]
    _print(rows, as_json, terminal.print_rows)


@data_app.command("show", epilog="Example: **latentscape data show train.csv**")
def data_show(
    source: _Source,
    train_size: _Train = None,
    test_size: _Test = None,
    labels: _Labels = None,
    shape: _Shape = None,
    resize: _Resize = None,
    settings: _Set = None,
    as_json: _Json = False,
) -> None:
    """Show what a source holds and how it is split."""
    from latentscape import data, terminal

    given = {
        "train": train_size,
        "test": test_size,
        "labels": labels,
        "shape": _sizes(shape),
        "resize": _sizes(resize),
    }
    changes = {
        path.removeprefix("data."): value for path, value in _changes(settings, given).items()
    }
    _print(data.show_data(source, changes=changes), as_json, terminal.print_values)


@data_app.command("fetch", epilog="Example: **latentscape data fetch fashion-mnist**")
def data_fetch(source: _Source, as_json: _Json = False) -> None:
    """Find a source or download it into the cache, and check it."""
    from latentscape import data, terminal

    dataset = data.load_data(source)
    values = {"source": source, "examples": len(dataset), "found in": dataset.origin}
    _print(values, as_json, terminal.print_values)


@recipes_app.command("list", epilog="Example: **latentscape recipes list**")
def recipes_list(as_json: _Json = False) -> None:
    """List the recipes that come with Latentscape."""
    from latentscape import terminal
    from latentscape.config import load_recipe, recipe_names

    recipes = [load_recipe(name) for name in recipe_names()]
    rows = [
        {"recipe": recipe.name, "about": recipe.about, "origin": recipe.origin}
        for recipe in recipes
    ]
    _print(rows, as_json, terminal.print_rows)


@recipes_app.command("show", epilog="Example: **latentscape recipes show conv-bn --latent-dim 2**")
def recipes_show(
    recipe: _Recipe,
    data: _Data = None,
    latent_dim: _LatentDim = None,
    settings: _Set = None,
    as_json: _Json = False,
) -> None:
    """Show the settings of a recipe, and its layers with shapes and parameter counts."""
    from latentscape import experiment, terminal

    changes = _changes(settings, {"model.latent.dim": latent_dim})
    _print(
        experiment.show_recipe(recipe, data=data, changes=changes), as_json, terminal.print_recipe
    )


@studies_app.command("list", epilog="Example: **latentscape studies list**")
def studies_list(as_json: _Json = False) -> None:
    """List the studies that come with Latentscape."""
    from latentscape import terminal
    from latentscape.config import load_study, study_names

    studies = [load_study(name) for name in study_names()]
    rows = [
        {
            "study": study.name,
            "runs": len(study.configurations()) * study.seeds,
            "about": study.about,
        }
        for study in studies
    ]
    _print(rows, as_json, terminal.print_rows)


@studies_app.command("show", epilog="Example: **latentscape studies show ae-vs-cae**")
def studies_show(
    study: Annotated[
        str, typer.Argument(help="Name of a study, or a YAML file.", autocompletion=_complete_study)
    ],
    as_json: _Json = False,
) -> None:
    """Show what a study compares."""
    from latentscape import terminal
    from latentscape.config import load_study

    _print(load_study(study).model_dump(mode="json"), as_json, terminal.print_yaml)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("latentscape"))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train autoencoders on images, compare them fairly, look into what they learned."""


def main() -> None:
    """Run the command line; every error of ours is one message and its exit code."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Not every terminal knows every character.
            stream.reconfigure(errors="replace")
    try:
        app(args=[argument for argument in arguments if argument != "--debug"])
    except LatentscapeError as error:
        if debug:
            traceback.print_exc()
        kind = "" if isinstance(error, Interrupted) else "Error: "
        print(f"{kind}{error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _changes(settings: list[str] | None, given: dict[str, Any]) -> dict[str, Any]:
    """Join the options that have a name of their own with those of --set."""
    from latentscape.config import parse_setting

    named = {path: value for path, value in given.items() if value is not None}
    return named | dict(parse_setting(setting) for setting in settings or [])


def _sizes(text: str | None) -> list[int] | None:
    """Read ``28x28`` or ``28``, which means the same."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(part.isdigit() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a size such as 28x28")
    return [int(part) for part in parts] * (2 if len(parts) == 1 else 1)


def _pair(text: str | None) -> tuple[int, int] | None:
    """Read ``3,17``."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"--between {text!r} is not a pair such as 3,17")
    return int(parts[0]), int(parts[1])


def _print_sheet(sheet: "Sheet", as_json: bool) -> None:
    files = {"picture": sheet.picture, "array": sheet.array}
    named = {kind: None if file is None else str(file) for kind, file in files.items()}
    if as_json:
        print(json.dumps({**named, "about": sheet.about}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*filter(None, named.values()), sheet.about]))


def _print(values: Any, as_json: bool, show: Any) -> None:
    if as_json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        show(values)
