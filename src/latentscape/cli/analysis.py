"""Commands that ask what a model learned, and what codes made elsewhere are good for."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from latentscape.cli.options import (
    Array,
    AsJson,
    Device,
    Files,
    LabelOfFiles,
    MoreFiles,
    Out,
    Quiet,
    RunPath,
)
from latentscape.cli.printing import show, show_sheet

if TYPE_CHECKING:
    from latentscape.api.exploration import Bench

app = typer.Typer()
command = partial(app.command, rich_help_panel="Analyse")

OptionalRun = Annotated[
    Path | None, typer.Argument(help="Directory of a run; or give --codes, or --data, or both.")
]
Codes = Annotated[
    list[Path] | None,
    typer.Option(
        "--codes",
        help="Codes made elsewhere, one for each example of the data: .npy, .parquet or .csv. "
        "Repeatable.",
    ),
]
CodeLabels = Annotated[
    Path | None, typer.Option("--labels", help="Labels of codes that come without data: .npy.")
]
CodeData = Annotated[
    str | None, typer.Option("--data", help="The data that codes without a run were made of.")
]
Seed = Annotated[int, typer.Option(help="Draws what is drawn.")]


@command(epilog="Example: **latentscape analyze runs/conv-bn-mnist-5k-0**")
def analyze(
    run_or_study: Annotated[Path, typer.Argument(help="Directory of a run or a study.")],
    codes: Codes = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help="clustering, probing, projection, legibility, neighbours or anomalies; by default "
            "all. Repeatable.",
        ),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at what a run or a study learned in every way there is, and write its report."""
    from latentscape import terminal
    from latentscape.api import studies

    findings = studies.analyze(
        run_or_study,
        codes=_named(codes),
        parts=parts or (),
        device=device,
        watch=terminal.watching("analysis", quiet),
    )
    values = findings.values
    show(values, as_json, terminal.print_study if values["kind"] == "study" else terminal.print_run)
    if not as_json:
        print(f"\nReport: {run_or_study / 'report.html'}")


@command(epilog="Example: **latentscape cluster --codes z.npy --labels y.npy**")
def cluster(
    run: OptionalRun = None,
    codes: Codes = None,
    labels: CodeLabels = None,
    data: CodeData = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            help="kmeans, gmm, agglomerative or umap; by default all of them. Repeatable.",
        ),
    ] = None,
    k: Annotated[
        str | None,
        typer.Option(
            "-k",
            help="How many clusters; by default as many as labels; auto chooses without labels.",
        ),
    ] = None,
    fit: Annotated[
        Literal["train", "all"],
        typer.Option(help="Fit on training and score on test examples, or both on all."),
    ] = "train",
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Cluster codes without labels, and score the clusters by labels.

    What is found replaces the clusters that are kept with the run.
    """
    from latentscape import terminal
    from latentscape.api import exploration

    bench = _bench(run, codes, labels, data, device)
    found = exploration.cluster(
        bench, methods=methods or exploration.CLUSTERINGS, k=_count(k), fit=fit, seed=seed
    )
    show(found.values, as_json, terminal.print_clusters)


@command(epilog="Example: **latentscape probe runs/conv-bn-mnist-5k-0**")
def probe(
    run: OptionalRun = None,
    codes: Codes = None,
    labels: CodeLabels = None,
    data: CodeData = None,
    probes: Annotated[
        list[str] | None,
        typer.Option("--probe", help="knn, logistic or mlp; by default all of them. Repeatable."),
    ] = None,
    counts: Annotated[
        list[int] | None,
        typer.Option(
            "-n",
            min=1,
            help="Labels to train on, beside all of them; 10, 100 and 1,000 by default. "
            "Repeatable.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="How often so few labels are drawn.")] = 5,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train small classifiers on frozen codes.

    What is found replaces the probes that are kept with the run.
    """
    from latentscape import terminal
    from latentscape.api import exploration

    bench = _bench(run, codes, labels, data, device)
    found = exploration.probe(
        bench,
        probes=probes or exploration.PROBES,
        counts=counts or exploration.COUNTS,
        draws=draws,
        seed=seed,
    )
    show(found.values, as_json, terminal.print_probes)


@command(epilog="Example: **latentscape project runs/conv-bn-mnist-5k-0 --points 5000**")
def project(
    run: OptionalRun = None,
    codes: Codes = None,
    labels: CodeLabels = None,
    data: CodeData = None,
    methods: Annotated[
        list[str] | None,
        typer.Option("--method", help="pca, tsne or umap; by default all of them. Repeatable."),
    ] = None,
    points: Annotated[int, typer.Option(min=5, help="How many points.")] = 2000,
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option(help="Write one map to an .npz file too, to place points on it.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw maps of codes in the plane, beside those of the pixels.

    They replace the maps that are kept with the run.
    """
    from latentscape import terminal
    from latentscape.api import exploration

    chosen = methods or exploration.MAP_METHODS
    if save is not None:
        exploration.check_map_file(chosen, save)
    bench = _bench(run, codes, labels, data, device)
    found = exploration.project(
        bench,
        methods=chosen,
        points=points,
        seed=seed,
        watch=terminal.watching("maps", quiet),
    )
    if save is not None:
        exploration.keep_map(bench, found, save)
    show(found.values, as_json, terminal.print_maps)


@command(epilog="Example: **latentscape place runs/conv-bn-mnist-5k-0 --data new.npy**")
def place(
    where: Annotated[
        Path, typer.Argument(help="Directory of a run with maps; or a map file of project --save.")
    ],
    data: Annotated[str | None, typer.Option("--data", help="New images: a source.")] = None,
    codes: Annotated[
        Path | None, typer.Option("--codes", help="New codes of the same encoder instead.")
    ] = None,
    method: Annotated[
        Literal["tsne", "umap", "pca", "code"], typer.Option(help="Which map of a run.")
    ] = "tsne",
    out: Annotated[Path, typer.Option(help="CSV file for the places.")] = Path("places.csv"),
    as_json: AsJson = False,
) -> None:
    """Place new points on a map that was drawn before."""
    from latentscape.api import exploration
    from latentscape.core.files import write_csv

    places = exploration.place(where, data=data, codes=codes, method=method)
    write_csv(out, ("index", "x", "y"), ([n, *xy] for n, xy in enumerate(places.tolist())))
    values = {"places": str(out), "points": len(places)}
    show(values, as_json, lambda values: print("{points:,} points: {places}".format(**values)))


@command(epilog="Example: **latentscape legibility runs/conv-bn-mnist-5k-0**")
def legibility(
    run: OptionalRun = None,
    reconstructions: Annotated[
        Path | None,
        typer.Option(help="Test images of --data that another model reconstructed: .npy."),
    ] = None,
    data: CodeData = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Count the reconstructions that a classifier can still read."""
    from latentscape import terminal
    from latentscape.api import exploration

    bench = _bench(run, None, None, data, device)
    found = exploration.legibility(bench, reconstructions=reconstructions)
    show(found.values, as_json, terminal.print_legibility)


@command(epilog="Example: **latentscape anomalies runs/conv-bn-mnist-5k-0 --data strange.npy**")
def anomalies(
    run: RunPath,
    data: Annotated[
        str | None, typer.Option("--data", help="What to score; by default the run's test images.")
    ] = None,
    normal: Annotated[
        list[str] | None,
        typer.Option(help="A label of normal images, for the AUROC. Repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file for the scores of all images.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Score how unlike the training images other images are."""
    from latentscape import terminal
    from latentscape.api import exploration

    bench = exploration.gather_codes(run, device=device)
    found = exploration.anomalies(bench, normal=normal, data=data)
    if out is not None:
        exploration.write_anomalies(found, out)
    show(found.values, as_json, terminal.print_anomalies)
    if out is not None and not as_json:
        print(out)


@command(epilog="Example: **latentscape neighbours runs/conv-bn-mnist-5k-0 --example 3**")
def neighbours(
    run: RunPath,
    more: MoreFiles = None,
    example: Annotated[
        int | None,
        typer.Option(help="A test example, counted from 0; by default eight of all classes."),
    ] = None,
    files: Files = None,
    label: LabelOfFiles = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many neighbours.")] = 8,
    out: Out = None,
    array: Array = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Picture the training images nearest to given ones, in the latent space and in pixels."""
    from latentscape.api import gallery

    sheet = gallery.neighbours(
        run,
        example=example,
        files=[*(files or ()), *(more or ())],
        label=label,
        k=k,
        out=out,
        array=array,
        device=device,
    )
    show_sheet(sheet, as_json)


def _named(codes: list[Path] | None) -> dict[str, Path]:
    """Name codes after their files."""
    named = {path.name: path for path in codes or ()}
    if len(named) < len(codes or ()):
        raise typer.BadParameter("two files of codes have the same name")
    return named


def _bench(
    run: Path | None,
    codes: list[Path] | None,
    labels: Path | None,
    data: str | None,
    device: str,
) -> "Bench":
    from latentscape.api import exploration

    return exploration.gather_codes(
        run, codes=_named(codes), labels=labels, data=data, device=device
    )


def _count(text: str | None) -> int | Literal["auto"] | None:
    if text is None or text == "auto":
        return cast(Literal["auto"] | None, text)
    if not text.isdecimal():
        raise typer.BadParameter(f"-k {text!r} is neither a number nor auto")
    return int(text)
