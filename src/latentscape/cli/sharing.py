"""Commands that take a trained model elsewhere: its codes, exported files, a folder for a hub."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from latentscape.cli.choices import ChoiceCommand, registered_option
from latentscape.cli.completing import complete_source
from latentscape.cli.derive import reading_data
from latentscape.cli.options import (
    AsJson,
    Device,
    GpusPerWorker,
    ModelPath,
    On,
    OwnData,
    Quiet,
    RunPath,
)
from latentscape.cli.printing import show

if TYPE_CHECKING:
    from latentscape.config import Changes
    from latentscape.core.findings import Json

app = typer.Typer()
command = partial(app.command, rich_help_panel="Take elsewhere", cls=ChoiceCommand)


@command(epilog="Example: **latentscape embed runs/simple-20-mnist-5k-0 --data mnist --out z.npy**")
@reading_data
def embed(
    run: ModelPath,
    data: Annotated[
        str,
        typer.Option(help="Name of a source, or a path.", autocompletion=complete_source),
    ],
    out: Annotated[Path, typer.Option(help="The .npy, .parquet or .csv file to write.")],
    *,
    changes: "Changes",
    device: Device = "auto",
    on: On = "local",
    gpus_per_worker: GpusPerWorker = 0.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the codes of any number of examples, with the names or ids that they have."""
    from latentscape.inference import embedding

    where: dict[str, Any] = {"device": device, "on": on, "gpus_per_worker": gpus_per_worker}
    done = embedding.embed(run, data, out, changes=changes, **where)
    row = {
        "file": str(done.file),
        "ids": None if done.ids is None else str(done.ids),
        "count": done.count,
        "dim": done.dim,
        "seconds": done.seconds,
    }
    show(row, as_json, _print_embedded)


@command(epilog="Example: **latentscape export runs/vae-20-mnist-5k-0 --to onnx**")
def export(
    run: ModelPath,
    to: Annotated[str, registered_option("TARGET", "--to", help="Format of the files.")],
    part: Annotated[
        Literal["both", "encoder", "decoder"], typer.Option(help="Half of the model to export.")
    ] = "both",
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default export, in the run.")
    ] = None,
    data: OwnData = None,
    as_json: AsJson = False,
) -> None:
    """Write files that other programs run, each checked on test images against the model."""
    from latentscape.api import exporting

    exported = exporting.export(run, to, part=part, out=out, data=data)
    rows = [
        {
            "part": one.part,
            "file": str(one.file),
            "bytes": one.file.stat().st_size,
            "difference": one.difference,
            "largest": one.largest,
            "images": one.images,
            "made_up": one.made_up,
        }
        for one in exported
    ]
    show(rows, as_json, _print_exported)


@command(epilog="Example: **latentscape publish runs/vae-20-mnist-5k-0 --push ada/vae-20-digits**")
def publish(
    run: RunPath,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; by default hub, in the run.")
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(metavar="USER/NAME", help="Push it to this repository of the hub."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see a repository that --push makes.")
    ] = False,
    license: Annotated[
        str | None, typer.Option(help="Licence of the model, as the hub calls it: mit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a folder ready for a model hub: weights, recipe, and a card of what was measured."""
    from latentscape.api import hub

    if public and push is None:
        raise typer.BadParameter("--public says who sees what --push makes")
    done = hub.publish(run, out=out, push=push, public=public, license=license)
    if as_json:
        print(json.dumps({"folder": str(done.folder), "url": done.url}))
        return
    print("\n".join(filter(None, [str(done.folder), done.url])))


def _print_embedded(row: "Json") -> None:
    rate = row["count"] / row["seconds"]
    print("\n".join(filter(None, [row["file"], row["ids"]])))
    examples = "example" if row["count"] == 1 else "examples"
    print(
        f"{row['count']:,} {examples}, {row['dim']} numbers each, in {row['seconds']:.2f} s "
        f"({rate:,.0f} per second)"
    )


def _print_exported(rows: "list[Json]") -> None:
    from latentscape import terminal
    from latentscape.core import units

    terminal.print_rows(
        [
            {
                "part": row["part"],
                "file": row["file"],
                "bytes": units.count(row["bytes"]),
                "largest difference": f"{row['difference']:.1e}",
                "largest number": f"{row['largest']:.3g}",
                "made-up images" if row["made_up"] else "test images": row["images"],
            }
            for row in rows
        ]
    )
