"""Gathering what the page is given: points, codes, maps, scores, decoders, and how all was made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version

from latentscape.analyses.maps.result import METHOD_NAMES, MapMethod
from latentscape.config import Changes
from latentscape.core.errors import ConfigError, DataError, MissingData, check_at_least
from latentscape.core.progress import stage, steps
from latentscape.core.records import Array, Split
from latentscape.core.units import count, shape
from latentscape.explorer import maps, networks, samples, scores, snapshots
from latentscape.explorer.clusters import cluster
from latentscape.explorer.contents import ArrayFacts, Manifest, Model, Thumbnails
from latentscape.explorer.details import Collector, details_of_run
from latentscape.explorer.examples import DEFAULT_POINTS, Points, points_of_data, points_of_split
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.explored import Explored, Piece
from latentscape.explorer.facts import describe_runs, recipe_text
from latentscape.explorer.thumbnails import thumbnail_shape
from latentscape.inference.inputs import WHOLE, conversions, read_stream, stream_inputs
from latentscape.runs import OpenRun, check_input

MAX_MODELS = 8
"""Models that are shown side by side."""

MAX_NUMBERS = 4_000_000
"""Numbers in the codes of all points: of long codes a file shows fewer points."""

_PARTS: dict[str, Callable[[Explored], Piece]] = {
    "codes": scores.describe_codes,
    "anomaly scores": scores.anomalies,
    "rate": scores.rate,
    "confidence": scores.confidence,
    "clusters": cluster,
    "samples": samples.sample,
    "snapshots": snapshots.snapshots,
    "networks for the browser": networks.networks,
}
"""What is computed of each model, beside its maps."""


@dataclass(frozen=True)
class _Job:
    """A part of the page that takes long."""

    model: Explored
    name: str
    compute: Callable[[], Piece]


@dataclass(frozen=True)
class Wanted:
    """What an exploration shall show.

    Attributes
    ----------
    data : object
        Other examples than those of the first run.
    changes : mapping or None
        How these are read.
    points : int or None
        How many at most; by default 10,000, and fewer of long codes in a file.
    map : str or None
        The method of the map that is shown first.
    in_file : bool
        Whether all goes into a file that people send to each other.
    title, about : str
        Of the page.
    dataset : object
        The data that runs were trained on, where they were in memory or have moved.
    """

    data: object = None
    changes: Changes | None = None
    points: int | None = None
    map: MapMethod | None = None
    in_file: bool = True
    title: str = ""
    about: str = ""
    dataset: object = None


def gather(runs: Mapping[str, OpenRun], wanted: Wanted) -> Exploration:
    """Compute all that a page shows of one run, or of the runs of a study.

    Parameters
    ----------
    runs : mapping of str to OpenRun
        By what people call the models. The first decides on the points.
    wanted : Wanted
        What to show.

    Raises
    ------
    ConfigError, DataError, RunError
        If what is wanted makes no sense, data are missing or do not fit, or a run is damaged.
    """
    if wanted.points is not None:
        check_at_least("--points", wanted.points, 1)
    first = next(iter(runs.values()))
    maps.check_method(wanted.map, first.model.latent_dim)
    splits = _load_splits(runs, others=wanted.data is not None)
    chosen, notes = _choose_models(runs, first)
    points, left_out = _choose_points(chosen, splits, wanted)
    explored = [
        Explored(f"m{place}", label, opened, points, splits[label])
        for place, (label, opened) in enumerate(chosen.items())
    ]
    pieces = _compute(explored, wanted.map)
    return _assemble(explored, pieces, wanted, (*notes, *left_out))


def _load_splits(runs: Mapping[str, OpenRun], others: bool) -> dict[str, Split | None]:
    """Load what models were trained on, once for all that share it.

    Where other examples are shown, missing ones are no harm.
    """
    loaded: dict[str, Split] = {}
    splits: dict[str, Split | None] = {}
    for label, opened in runs.items():
        key = opened.run.data.fingerprint + opened.recipe.data.model_dump_json()
        try:
            loaded.setdefault(key, loaded.get(key) or opened.split.limited())
        except MissingData as error:
            if not others:
                raise MissingData(
                    str(error), fix="Or show other examples, which need none of them: --data X."
                ) from error
        splits[label] = loaded.get(key)
    return splits


def _choose_models(
    runs: Mapping[str, OpenRun], first: OpenRun
) -> tuple[dict[str, OpenRun], list[str]]:
    """Return the models that take the examples of the first, and say which are left out."""
    assert first.recipe.model.input is not None
    taken = (first.recipe.model.input.shape, first.recipe.model.input.range)
    fitting, notes = dict[str, OpenRun](), list[str]()
    for label, opened in runs.items():
        own = opened.recipe.model.input
        assert own is not None
        if (own.shape, own.range) == taken:
            fitting[label] = opened
        else:
            text = f"{label} is left out: it takes examples of {shape(list(own.shape))} values"
            notes.append(f"{text} from {own.range[0]:g} to {own.range[1]:g}.")
    if len(fitting) > MAX_MODELS:
        notes.append(f"The first {MAX_MODELS} of {len(fitting)} models are shown.")
    return dict(list(fitting.items())[:MAX_MODELS]), notes


def _choose_points(
    runs: Mapping[str, OpenRun], splits: Mapping[str, Split | None], wanted: Wanted
) -> tuple[Points, list[str]]:
    """Choose the examples, and say where there are more of them."""
    label, first = next(iter(runs.items()))
    dim, notes = sum(opened.model.latent_dim for opened in runs.values()), list[str]()
    n_points = DEFAULT_POINTS if wanted.points is None else wanted.points
    if wanted.points is None and wanted.in_file and dim * n_points > MAX_NUMBERS:
        n_points = max(1, MAX_NUMBERS // dim)
        notes.append(
            f"No more than {count(n_points)} points are shown, since their codes have "
            f"{count(dim)} numbers; ask for more with --points."
        )
    split = splits[label]
    if wanted.data is None:
        assert split is not None
        check_input(first.recipe, split)
        points, total = points_of_split(split, n_points), sum(first.split.sizes.values())
        details = details_of_run(first, wanted.dataset)
        points = replace(points, details=details.at(points.index))
    else:
        points = _other_points(first, wanted, n_points)
        total = len(points.dataset)
    if not len(points):
        raise DataError("There is no example to show")
    if len(points) < total:
        notes.append(f"{count(len(points))} of {count(total)} examples are shown, drawn at random.")
    return points, notes


def _other_points(first: OpenRun, wanted: Wanted, n_points: int) -> Points:
    changes = conversions(first.recipe, wanted.changes)
    names = first.file.label_names
    stream, collector = stream_inputs(first.model, wanted.data, WHOLE, changes), Collector()
    dataset = read_stream(replace(stream, chunks=collector.watch(stream.chunks)), names)
    if first.recipe.model.condition and (
        dataset.labels is None or not set(dataset.label_names) <= set(names)
    ):
        raise ConfigError(
            f"The model is conditioned on labels, and {dataset.name} does not have these",
            expected=f"labels among {', '.join(names)}",
            fix="Name their column or file with --labels.",
        )
    points = points_of_data(dataset, n_points)
    return replace(points, details=collector.details.at(points.index))


def _compute(explored: Sequence[Explored], first_map: MapMethod | None) -> dict[str, list[Piece]]:
    """Return the pieces of each model by its key."""
    pieces: dict[str, list[Piece]] = {model.key: [] for model in explored}
    jobs = _jobs(explored, first_map)
    for job in steps("page", jobs, lambda job: f"{job.name} of {job.model.label}"):
        pieces[job.model.key].append(job.compute())
    return pieces


@stage("preparing")  # What draws maps takes seconds to import.
def _jobs(explored: Sequence[Explored], first_map: MapMethod | None) -> list[_Job]:
    """Return all that is to be computed; whatever takes long is a job of its own."""
    jobs = list[_Job]()
    for model in explored:
        jobs += [_Job(model, name, partial(part, model)) for name, part in _PARTS.items()]
        jobs += [
            _Job(model, f"map by {METHOD_NAMES[method]}", partial(maps.draw, model, method))
            for method in maps.choose_maps(model, first_map)
        ]
    return jobs


def _assemble(
    explored: Sequence[Explored],
    pieces: Mapping[str, Sequence[Piece]],
    wanted: Wanted,
    notes: Sequence[str],
) -> Exploration:
    points, dataset = explored[0].points, explored[0].points.dataset
    whole = [_joined(pieces[model.key]) for model in explored]
    models = [_model(*pair) for pair in zip(explored, whole, strict=True)]
    columns, of_columns = points.details.described()
    arrays = points.arrays() | of_columns
    for model, piece in zip(models, whole, strict=True):
        arrays |= {f"{model.key}/{name}": array for name, array in piece.arrays.items()}
    for place, model in enumerate(models[1:], 1):
        models[place], moved = _aligned(model, whole[place], whole[0])
        arrays |= moved
    small = thumbnail_shape(dataset.shape, len(points), in_file=wanted.in_file)
    manifest = Manifest(
        title=wanted.title,
        about=wanted.about,
        version=version("latentscape"),
        live=not wanted.in_file,
        count=len(points),
        shape=dataset.shape,
        range=dataset.value_range,
        byte_values=dataset.images.dtype == "uint8",
        thumbnails=Thumbnails(shape=small, reduced=small != dataset.shape),
        label_names=dataset.label_names if dataset.labels is not None else (),
        part_names=points.part_names,
        names=points.details.names,
        columns=columns,
        models=tuple(models),
        facts=describe_runs([(model.label, model.opened.findings) for model in explored]),
        notes=tuple(dict.fromkeys([*notes, *_notes(explored, whole)])),
        arrays={name: describe_array(array) for name, array in arrays.items()},
    )
    networks_by_key = {model.key: model.model for model in explored}
    runs_by_key = {model.key: model.opened.run for model in explored}
    return Exploration(manifest, arrays, dataset, points.index, networks_by_key, runs_by_key)


def describe_array(array: Array) -> ArrayFacts:
    """Return type and shape of an array."""
    return ArrayFacts.model_validate({"dtype": str(array.dtype), "shape": array.shape})


def _joined(pieces: Sequence[Piece]) -> Piece:
    """Join pieces; fields that are tuples become longer."""
    fields, arrays = dict[str, object](), dict[str, Array]()
    for piece in pieces:
        for name, value in piece.fields.items():
            before = fields.get(name)
            are_tuples = isinstance(before, tuple) and isinstance(value, tuple)
            fields[name] = (*before, *value) if are_tuples else value  # type: ignore[misc]
        arrays |= piece.arrays
    return Piece(fields, arrays, tuple(note for piece in pieces for note in piece.notes))


def _aligned(model: Model, piece: Piece, onto: Piece) -> tuple[Model, dict[str, Array]]:
    """Move the maps of a model onto those of another: the model anew, and their arrays."""
    aligned = maps.align(model.maps, piece.arrays, onto.arrays)
    arrays = {f"{model.key}/{name}": array for name, array in aligned.arrays.items()}
    return model.model_copy(update=aligned.fields), arrays


def _notes(explored: Sequence[Explored], whole: Sequence[Piece]) -> Iterator[str]:
    """Yield what was left out of each model, with its name where there are several."""
    for model, piece in zip(explored, whole, strict=True):
        lead = f"{model.label}: " if len(explored) > 1 else ""
        yield from (lead + note for note in piece.notes)


def _model(explored: Explored, piece: Piece) -> Model:
    config = explored.model.config
    facts = {
        "key": explored.key,
        "label": explored.label,
        "run": explored.opened.name,
        "recipe": recipe_text(explored.opened.findings),
        "latent_dim": explored.model.latent_dim,
        "kind": config.latent.kind,
        "quantises": config.latent.quantises,
        "conditional": bool(config.condition),
    }
    return Model.model_validate(facts | dict(piece.fields))
