"""Commands that picture what a trained model can do: each is a function of `latentscape`."""

from collections.abc import Callable
from functools import partial
from inspect import Parameter, cleandoc, signature
from typing import Annotated, Any

import typer

from latentscape.cli.choices import registered_option
from latentscape.cli.derive import function_parameters, make_command
from latentscape.cli.lazy import LazyCommand
from latentscape.cli.options import (
    AsJson,
    Data,
    Device,
    Files,
    ModelPath,
    MoreFiles,
    OwnData,
    RunPath,
    TrainedOn,
    pop_reading,
    read_pair,
    reading_parameters,
)
from latentscape.cli.printing import show_sheet

PANEL = "Picture"

_PICTURES = {
    "sample": (
        "Draw codes, and picture what they decode to.",
        "runs/cond-vae-mnist-5k-0 -n 64 --label 7",
    ),
    "interpolate": (
        "Picture what lies between the codes of two images.",
        "runs/vae-20-mnist-5k-0 --between 3,17",
    ),
    "traverse": (
        "Picture what each number of a code does to an image.",
        "runs/vae-20-mnist-5k-0 --example 3",
    ),
    "manifold": ("Picture the whole plane of codes of two numbers.", "runs/kaggle-2d-mnist-5k-0"),
    "reconstruct": (
        "Picture images above their reconstructions.",
        "runs/vae-20-mnist-5k-0 --files mine/*.png",
    ),
    "denoise": (
        "Picture images, the same with noise, and what the model makes of these.",
        "runs/denoising-mnist-5k-0 --noise block",
    ),
    "neighbours": (
        "Picture the training images nearest to given ones, in the latent space and in pixels.",
        "runs/conv-bn-mnist-5k-0 --example 3",
    ),
    "film": (
        "Film how a model learned: reconstructions, samples and codes, epoch by epoch.",
        "runs/vae-20-mnist-5k-0 --out film.mp4",
    ),
}
"""Name of a function to what it does, and to the arguments of an example."""

_FLAGS = {"count": "-n", "k": "-k"}

_SOURCE = (
    "Where codes come from; by default the model's prior, or a mixture of Gaussians fitted to "
    "training codes (gmm) where it has none."
)

_Between = Annotated[
    str | None,
    typer.Option(
        metavar="I,J",
        help="Two examples, counted from 0; by default eight pairs of all classes.",
    ),
]
_KNOWN: dict[str, Any] = {
    "run": ModelPath,
    "between": _Between,
    "files": Files,
    "source": Annotated[str | None, registered_option("SAMPLER", "--from", help=_SOURCE)],
    "noise": Annotated[
        str | None,
        registered_option("CORRUPTION", "--noise", help="By default what the run was trained on."),
    ],
    "device": Device,
    "dataset": TrainedOn,
    "changes": None,  # Options of their own stand for these.
}


def commands() -> dict[str, LazyCommand]:
    """Return the commands by name."""
    return {
        name: LazyCommand(about, PANEL, example, partial(_build, name))
        for name, (about, example) in _PICTURES.items()
    }


def _build(name: str) -> Callable[..., None]:
    from latentscape.api import pictures
    from latentscape.core.numpydoc import parameter_docs

    function: Callable[..., Any] = getattr(pictures, name)
    own = parameter_docs(pictures.reconstruct)
    shared = parameter_docs(pictures.sample) | {
        name: text for name, text in own.items() if not text.startswith("As for")
    }
    names = signature(function).parameters
    known = {**_KNOWN, "data": Data if "dataset" in names else OwnData}
    if name == "film":  # A model alone does not know how it learned.
        known["run"] = RunPath
    parameters = function_parameters(function, known, _FLAGS, shared)
    if any(parameter.name == "files" for parameter in parameters):
        more = Parameter("more", Parameter.KEYWORD_ONLY, default=None, annotation=MoreFiles)
        parameters.insert(1, more)
    if "changes" in names:
        parameters += reading_parameters()
    json = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)
    about = cleandoc(function.__doc__ or "").partition("\n")[0]
    return make_command([*parameters, json], partial(_call, function), name, about)


def _call(function: Callable[..., Any], *, as_json: bool, **options: Any) -> None:
    if "files" in options:
        options["files"] = [*(options["files"] or ()), *(options.pop("more") or ())]
    if "settings" in options:
        options["changes"] = pop_reading(options) or None
    if "between" in options:
        options["between"] = read_pair(options["between"])
    show_sheet(function(**options), as_json)
