"""Commands that ask what a model learned, and what codes made elsewhere are good for."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from latentscape.analyses.registry import REGISTRY, Entry, analysis
from latentscape.cli.command import Command
from latentscape.cli.completing import complete_run
from latentscape.cli.derive import make_command, option, reading_data
from latentscape.cli.lazy import LazyCommand
from latentscape.cli.options import (
    AsJson,
    Device,
    GpusPerWorker,
    On,
    OwnData,
    Quiet,
    RunOrStudy,
    RunPath,
    TrainedOn,
    pop_reading,
    read_jobs,
    reading_parameters,
)
from latentscape.cli.printing import print_json, show_record

if TYPE_CHECKING:
    from latentscape.analyses.registry import AnyAnalysis
    from latentscape.config import Changes

app = typer.Typer()
PANEL = "Analyse"

OptionalRun = Annotated[
    Path | None,
    typer.Argument(
        help="Directory of a run; or give --codes, or --data, or both.",
        autocompletion=complete_run,
    ),
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
    Path | None,
    typer.Option(
        "--labels",
        help="Labels of codes that come without data: .npy; or other labels for examples of the "
        "run: a file of 'latentscape labels'.",
    ),
]
CodeData = Annotated[
    str | None,
    typer.Option(
        "--data",
        "--trained-on",
        help="The data that codes without a run were made of; or those of the run, if they have "
        "moved.",
    ),
]


def _complete_part(incomplete: str) -> list[str]:
    return [part for part in REGISTRY if part.startswith(incomplete)]


@app.command(
    cls=Command,
    rich_help_panel=PANEL,
    epilog="Example: **latentscape analyze runs/conv-bn-mnist-5k-0**",
)
def analyze(
    run_or_study: RunOrStudy,
    codes: Codes = None,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help=f"Of: {', '.join(REGISTRY)}; by default all but likelihood and quality. "
            "Repeatable.",
            autocompletion=_complete_part,
        ),
    ] = None,
    data: OwnData = None,
    device: Device = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Take a first look of some seconds.")
    ] = False,
    jobs: Annotated[
        str, typer.Option(metavar="N|auto", help="Analyses at once; auto takes the faster way.")
    ] = "auto",
    on: On = "local",
    gpus_per_worker: GpusPerWorker = 0.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at what a run or a study learned in every way there is, and write its report."""
    from latentscape.api.analyzing import analyze as analyze_all
    from latentscape.cli.printing import show_subject

    analyze_all(
        run_or_study,
        codes=_named(codes),
        parts=parts or (),
        data=data,
        device=device,
        quick=quick,
        on=on,
        jobs=read_jobs(jobs),
        gpus_per_worker=gpus_per_worker,
        quiet=quiet,
    )
    show_subject(run_or_study, as_json)
    if not as_json:
        if quick:
            print(_left_out(parts or ()))
        print(f"\nReport: {run_or_study / 'report.html'}")


@app.command(
    cls=Command,
    rich_help_panel=PANEL,
    epilog="Example: **latentscape place runs/conv-bn-mnist-5k-0 --data new.npy**",
)
@reading_data
def place(
    where: Annotated[
        Path,
        typer.Argument(
            help="Directory of a run with maps; or a map file of project --save.",
            autocompletion=complete_run,
        ),
    ],
    data: Annotated[str | None, typer.Option("--data", help="New images: a source.")] = None,
    codes: Annotated[
        Path | None, typer.Option("--codes", help="New codes of the same encoder instead.")
    ] = None,
    method: Annotated[
        Literal["tsne", "umap", "pca", "code"], typer.Option(help="Which map of a run.")
    ] = "tsne",
    *,
    changes: "Changes",
    trained_on: TrainedOn = None,
    out: Annotated[Path, typer.Option(help="CSV file for the places.")] = Path("places.csv"),
    as_json: AsJson = False,
) -> None:
    """Place new points on a map that was drawn before."""
    from latentscape.analyses.maps import placing
    from latentscape.core.files import write_csv

    places = placing.place(
        where, data=data, codes=codes, method=method, changes=changes, dataset=trained_on
    )
    write_csv(out, ("index", "x", "y"), ([n, *xy] for n, xy in enumerate(places.tolist())))
    if as_json:
        print_json({"places": str(out), "points": len(places)})
    else:
        print(f"{len(places):,} {'point' if len(places) == 1 else 'points'}: {out}")


def _left_out(parts: "Sequence[str]") -> str:
    """Say which analyses a quick look leaves out."""
    from latentscape.analyses.registry import choose_analyses
    from latentscape.core.units import joined

    whole = [item.name for item in choose_analyses(parts) if item.quick_look is None]
    of_others = "parts of the others: their sections say which"
    left_out = f"{joined(whole)}, and {of_others}" if whole else of_others
    return f"\nLeft out: {left_out}. The same command without --quick measures all of it."


def commands() -> dict[str, LazyCommand]:
    """Return a command for each analysis that has one, by name."""
    return {
        entry.command: LazyCommand(entry.about, PANEL, entry.example, partial(_build, entry))
        for entry in REGISTRY.values()
        if entry.command
    }


def _build(entry: Entry) -> Callable[..., None]:
    item = analysis(entry.part)
    parameters = list(_parameters(item))
    return make_command(parameters, partial(_call, item), entry.command, entry.about)


def _parameters(item: "AnyAnalysis") -> Iterator[Parameter]:
    needs_run = item.needs_model and not item.works_without_run
    yield _parameter(
        "run", RunPath if needs_run else OptionalRun, Parameter.empty if needs_run else None
    )
    if not item.needs_model:
        yield _parameter("codes", Codes)
        yield _parameter("labels", CodeLabels)
    if needs_run:
        takes_data = "data" in item.inputs.model_fields
        yield _parameter("trained_on", TrainedOn if takes_data else OwnData)
    else:
        yield _parameter("data", CodeData)
    for name, field in item.option_fields().items():
        if name == "changes":
            yield from reading_parameters()
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        flags = (str(extra["option"]),) if "option" in extra else ()
        default = field.get_default(call_default_factory=True)
        default = list(default) if isinstance(default, tuple) else default
        yield _parameter(
            name, option(name, field.annotation, field.description or "", *flags), default
        )
    if item.file_suffix:
        text = f"Write the result to a {item.file_suffix} file too: {item.file_about}"
        yield _parameter("out", option("out", Path, text, item.file_option))
    yield _parameter("device", Device, "auto")
    yield _parameter("as_json", AsJson, False)
    yield _parameter("quiet", Quiet, False)


def _parameter(name: str, annotation: Any, default: Any = None) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _call(
    item: "AnyAnalysis",
    *,
    run: Path | None,
    device: str,
    as_json: bool,
    quiet: bool,
    codes: list[Path] | None = None,
    labels: Any = None,
    data: str | None = None,
    trained_on: str | None = None,
    out: Path | None = None,
    **options: Any,
) -> None:
    from latentscape.analyses.comparison import compare_codes
    from latentscape.api.analyzing import measure
    from latentscape.api.functions import read_options

    if "data" in item.inputs.model_fields:
        options["data"], data = data, None
        options["labels"], labels = labels, None
        options["changes"] = pop_reading(options) or None
    options = {name: value for name, value in options.items() if value is not None}
    settings, inputs = read_options(item, options)
    if out is not None:
        item.check_file(settings, out)
    data = trained_on if data is None else data
    comparison = compare_codes(run, codes=_named(codes), labels=labels, data=data, device=device)
    result = measure(item, comparison, settings, inputs)
    if out is not None:
        item.write(result, comparison, out)
    show_record(result, as_json, item.print_table)
    if out is not None and not as_json:
        print(out)


def _named(codes: list[Path] | None) -> dict[str, Path]:
    """Name codes after their files."""
    named = {path.name: path for path in codes or ()}
    if len(named) < len(codes or ()):
        raise typer.BadParameter("two files of codes have the same name")
    return named
