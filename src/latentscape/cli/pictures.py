"""Commands that picture what a trained model can do."""

from functools import partial
from typing import Annotated, Literal

import typer

from latentscape.cli.choices import ChoiceCommand, registered_option
from latentscape.cli.options import (
    Array,
    AsJson,
    ChosenLabel,
    Device,
    Files,
    LabelOfFiles,
    MoreFiles,
    Out,
    RunPath,
    read_pair,
)
from latentscape.cli.printing import show_sheet

app = typer.Typer()
command = partial(app.command, rich_help_panel="Picture", cls=ChoiceCommand)


@command(epilog="Example: **latentscape sample runs/cond-vae-mnist-5k-0 -n 64 --label 7**")
def sample(
    run: RunPath,
    count: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 64,
    label: ChosenLabel = None,
    source: Annotated[
        str | None,
        registered_option(
            "SAMPLER",
            "--from",
            help="Where codes come from; by default the model's prior, or a mixture of Gaussians "
            "fitted to training codes (gmm) where it has none.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the codes.")] = 0,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Draw codes, and picture what they decode to."""
    from latentscape.api import gallery

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
    show_sheet(sheet, as_json)


@command(epilog="Example: **latentscape interpolate runs/vae-20-mnist-5k-0 --between 3,17**")
def interpolate(
    run: RunPath,
    more: MoreFiles = None,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="I,J",
            help="Two test examples, counted from 0; by default eight pairs of all classes.",
        ),
    ] = None,
    files: Files = None,
    label: LabelOfFiles = None,
    path: Annotated[
        Literal["linear", "spherical"] | None,
        typer.Option(help="By default spherical under the prior N(0, I), linear otherwise."),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Images in a row, with both ends.")] = 10,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture what lies between the codes of two images."""
    from latentscape.api import gallery

    sheet = gallery.interpolate(
        run,
        between=read_pair(between),
        files=[*(files or ()), *(more or ())],
        label=label,
        path=path,
        steps=steps,
        out=out,
        array=array,
        device=device,
    )
    show_sheet(sheet, as_json)


@command(epilog="Example: **latentscape traverse runs/vae-20-mnist-5k-0 --example 3**")
def traverse(
    run: RunPath,
    example: Annotated[
        int | None, typer.Option(help="Test example whose code is changed, counted from 0.")
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Images in a row.")] = 9,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture what each number of a code does to an image, the most telling numbers first."""
    from latentscape.api import gallery

    sheet = gallery.traverse(run, example=example, steps=steps, out=out, array=array, device=device)
    show_sheet(sheet, as_json)


@command(epilog="Example: **latentscape manifold runs/kaggle-2d-mnist-5k-0**")
def manifold(
    run: RunPath,
    size: Annotated[int, typer.Option(min=2, help="Images in a row, and in a column.")] = 20,
    label: ChosenLabel = None,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture the whole plane of codes of two numbers."""
    from latentscape.api import gallery

    sheet = gallery.manifold(run, size=size, label=label, out=out, array=array, device=device)
    show_sheet(sheet, as_json)


@command(epilog="Example: **latentscape reconstruct runs/vae-20-mnist-5k-0 --files mine/*.png**")
def reconstruct(
    run: RunPath,
    more: MoreFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many test images.")] = 16,
    files: Files = None,
    label: LabelOfFiles = None,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture images above what the model makes of them."""
    from latentscape.api import gallery

    sheet = gallery.reconstruct(
        run,
        count=count,
        files=[*(files or ()), *(more or ())],
        label=label,
        out=out,
        array=array,
        device=device,
    )
    show_sheet(sheet, as_json)


@command(epilog="Example: **latentscape denoise runs/denoising-mnist-5k-0 --noise block**")
def denoise(
    run: RunPath,
    more: MoreFiles = None,
    count: Annotated[int, typer.Option("-n", min=1, help="How many test images.")] = 10,
    noise: Annotated[
        str | None,
        registered_option("CORRUPTION", "--noise", help="By default what the run was trained on."),
    ] = None,
    amount: Annotated[
        float | None,
        typer.Option(help="Standard deviation, or share; by default as in training, or 0.3."),
    ] = None,
    files: Files = None,
    label: LabelOfFiles = None,
    seed: Annotated[int, typer.Option(help="Draws the noise.")] = 0,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture images, the same with noise, and what the model makes of these."""
    from latentscape.api import gallery

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
    show_sheet(sheet, as_json)
