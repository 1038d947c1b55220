"""Arguments and options that several commands share, and how their texts are read."""

from collections.abc import Mapping
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from latentscape.cli.completing import (
    complete_recipe,
    complete_run,
    complete_setting,
    complete_source,
)

if TYPE_CHECKING:
    from latentscape.config import Changes


RecipeName = Annotated[
    str, typer.Argument(help="Name of a recipe, or a YAML file.", autocompletion=complete_recipe)
]
SourceName = Annotated[
    str, typer.Argument(help="Name of a source, or a path.", autocompletion=complete_source)
]
RunPath = Annotated[Path, typer.Argument(help="Directory of a run.", autocompletion=complete_run)]
ModelPath = Annotated[
    Path,
    typer.Argument(help="Directory of a run, or a model file.", autocompletion=complete_run),
]
RunOrStudy = Annotated[
    Path, typer.Argument(help="Directory of a run or a study.", autocompletion=complete_run)
]
Data = Annotated[
    str | None,
    typer.Option("--data", help="Name of a source, or a path.", autocompletion=complete_source),
]
# A run that goes on is trained on the data that it began with.
TrainData = Annotated[
    str | None,
    typer.Option(
        "--data",
        "--trained-on",
        help="Name of a source, or a path; with --resume, where the data of the run are now.",
        autocompletion=complete_source,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        autocompletion=complete_setting,
        help="Change any part: --set train.lr=3e-4. Repeatable.",
    ),
]
Condition = Annotated[
    Literal["label"] | None,
    typer.Option(help="Give each example's label to encoder and decoder."),
]
LatentDim = Annotated[int | None, typer.Option(help="Length of the code.")]
Epochs = Annotated[int | None, typer.Option(help="Epochs to train.")]
BatchSize = Annotated[int | None, typer.Option(help="Examples per step.")]
LearningRate = Annotated[float | None, typer.Option("--lr", help="Learning rate.")]
Seed = Annotated[int | None, typer.Option(help="Seed of weights, batches and dropout.")]
TrainSize = Annotated[
    int | None, typer.Option("--train", help="At most so many training examples.")
]
TestSize = Annotated[int | None, typer.Option("--test", help="At most so many test examples.")]
Labels = Annotated[
    str | None,
    typer.Option(help="Label column of a table, or a file of labels; none leaves labels out."),
]
Shape = Annotated[
    str | None, typer.Option(metavar="HxW", help="Shape of examples that are stored flat.")
]
Resize = Annotated[str | None, typer.Option(metavar="HxW", help="Resize images.")]
Grey = Annotated[bool, typer.Option("--grey", help="Make colours grey.")]
_MOVED = "The data that the model was trained on, where they have moved."
TrainedOn = Annotated[str | None, typer.Option("--trained-on", metavar="PLACE", help=_MOVED)]
# Where a command takes no other data, these are its data.
OwnData = Annotated[
    str | None, typer.Option("--trained-on", "--data", metavar="PLACE", help=_MOVED)
]
ValueRange = Annotated[
    str | None,
    typer.Option("--range", metavar="LOW,HIGH", help="Stored values that stand for 0 and for 1."),
]
AsPublished = Annotated[
    bool,
    typer.Option(
        "--as-published", help="Train as the recipe's origin did, whatever the number of examples."
    ),
]
RunsFolder = Annotated[Path, typer.Option("--runs", help="Folder that runs are kept in.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
# One meaning in all commands; `latentscape.config.placement.Placement` reads them.
On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="PLACE",
        help="Where it runs: local; ray, a Ray cluster; or ray://HOST:PORT, one elsewhere.",
    ),
]
Workers = Annotated[int, typer.Option(min=1, help="Processes that do it together.")]
GpusPerWorker = Annotated[
    float, typer.Option(min=0, help="GPUs for each worker or job on a cluster; may be a share.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Track = Annotated[
    list[str] | None,
    typer.Option(metavar="tensorboard|mlflow", help="Show it there too as it trains. Repeatable."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Files = Annotated[
    list[Path] | None, typer.Option("--files", help="Image files instead of the run's own.")
]
# So that "--files a.png b.png" and "--files *.png" are understood, which no option can do alone.
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILES", help="See --files.")]


def read_changes(settings: list[str] | None, options: Mapping[str, object]) -> "Changes":
    """Join the options that have a short name with those of --set."""
    from latentscape.config import join_changes, parse_setting

    return join_changes(options, dict(map(parse_setting, settings or [])))


_READING: dict[str, object] = {
    "labels": Labels,
    "shape": Shape,
    "resize": Resize,
    "grey": Grey,
    "value_range": ValueRange,
    "settings": Settings,
}


def reading_parameters() -> list[Parameter]:
    """Return the options for how data are read, the same in every command that takes some."""
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=_default(annotation), annotation=annotation)
        for name, annotation in _READING.items()
    ]


def _default(annotation: object) -> bool | None:
    return False if annotation is Grey else None


def pop_reading(options: dict[str, Any]) -> "Changes":
    """Take the options of `reading_parameters` out of others, and return what they say."""
    reading = {name: options.pop(name) for name in _READING if name in options}
    return _read_data_changes(**reading)


def read_data_options(
    labels: str | None, shape: str | None, resize: str | None, grey: bool, value_range: str | None
) -> dict[str, object]:
    """Return the values of options for how data are read, by their short names."""
    return {
        "labels": labels,
        "shape": read_sizes(shape),
        "resize": read_sizes(resize),
        "grey": grey or None,
        "value_range": read_range(value_range),
    }


def _read_data_changes(
    labels: str | None = None,
    shape: str | None = None,
    resize: str | None = None,
    grey: bool = False,
    value_range: str | None = None,
    settings: list[str] | None = None,
) -> "Changes":
    """Join the options of `reading_parameters` to settings of the data."""
    changes = read_changes(settings, read_data_options(labels, shape, resize, grey, value_range))
    return {path.removeprefix("data."): value for path, value in changes.items()}


def read_sizes(text: str | None) -> list[int] | None:
    """Read ``28x28`` or ``28``, which means the same."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(part.isdigit() for part in parts):
        raise typer.BadParameter(f"{text!r} is not a size such as 28x28")
    return [int(part) for part in parts] * (2 if len(parts) == 1 else 1)


def read_range(text: str | None) -> list[float] | None:
    """Read ``0,255``."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--range {text!r} is not a pair such as 0,255") from None
    return [low, high]


def read_jobs(text: str) -> int | None:
    """Read ``auto`` or ``3``."""
    if text == "auto":
        return None
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"--jobs {text!r} is neither auto nor a number from 1 on")
    return int(text)


def read_pair(text: str | None) -> tuple[int, int] | None:
    """Read ``3,17``."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"--between {text!r} is not a pair such as 3,17")
    return int(parts[0]), int(parts[1])
