"""The sections on reconstructions: which test images come back how well, and what codes keep."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from latentscape.analyses.registry import analyses
from latentscape.api.pages.learning import pictured_rows
from latentscape.api.pages.samples import samples_per_row
from latentscape.core.records import Array
from latentscape.core.units import count, number
from latentscape.evaluation.results import Evaluation, Pairs
from latentscape.reporting.blocks import Panel, Plate, Section, figure_name
from latentscape.reporting.strips import code_pictures, strip
from latentscape.reporting.subject import Row, Subject, by_images, distinction, originals
from latentscape.runs.findings import Snapshots

ACROSS = 8  # Pictures side by side: still legible at the width of a phone.
PICKS_ACROSS, SNAPSHOTS_ACROSS = 10, 4

_NUMBERED = " Above each image stand its label and its number, as --example counts them."

_RANKS: dict[str, Callable[[Evaluation], Pairs]] = {
    "Best": lambda evaluation: evaluation.best,
    "Median": lambda evaluation: evaluation.median,
    "Worst": lambda evaluation: evaluation.worst,
}


@dataclass(frozen=True, eq=False)
class Source:
    """A row of images (n, C, H, W) and what they are called; see `sheet` for the opacity.

    `captions` stand above the images, or are empty.
    """

    label: str
    images: Array
    has_opacity: bool = False
    captions: Sequence[str] = ()


def sections(subject: Subject) -> Iterator[Section]:
    """Show test images and what models make of them; a sentence where the data are no images."""
    if not _takes_images(subject):
        yield _no_pictures()
        return
    content = [*compared(subject), *trained_on(subject)]
    yield Section("reconstructions", "Reconstructions", pictured_rows(subject), content)
    yield Section(
        "extremes",
        "Best, median and worst",
        "Test images in the order of their error: the eight that each model reconstructs best, "
        "the eight in the middle, and the eight it fails on.",
        [extremes(subject, row) for row in subject.pictured],
    )
    if content := progress(subject):
        yield Section("progress", "Epoch by epoch", "", content)
    yield Section("picks", "Random picks", "", [picks(subject)])


def codes_section(subject: Subject) -> Section | None:
    """Show the codes themselves; None where the data are no images."""
    if not _takes_images(subject):
        return None
    return Section("codes", "The code itself", "", codes(subject))


def compared(subject: Subject) -> list[Plate]:
    """Show originals, every model and PCA; a plate for each set of test images."""
    return [
        _side_by_side(
            subject,
            [_originals(rows[0]), *_models(rows), *_pcas(rows)],
            figure_name("reconstructions", *distinction(rows, subject)),
            f"The same test images as {_named(rows, subject)} and PCA with as many numbers "
            "reconstruct them. Look for what vanishes first (thin strokes, rare shapes) and for "
            "images that turn into something else."
            f"{_NUMBERED * bool(_originals(rows[0]).captions)}",
            "Test images",
        )
        for rows in by_images(subject.pictured, originals)
    ]


def trained_on(subject: Subject) -> list[Plate]:
    """Show training images and what the models make of them; nothing of earlier versions."""
    rows = [row for row in subject.pictured if row.evaluation.training is not None]
    return [
        _side_by_side(
            subject,
            [
                _pair_sources(group[0], _training(group[0]))[0],
                *(Source(row.label, _training(row).reconstructions) for row in group),
            ],
            figure_name("training-reconstructions", *distinction(group, subject)),
            "Images that were trained on, for comparison with the test images above. Where these "
            "come back much better, the model has learnt its training images by heart.",
            "Training images",
        )
        for group in by_images(rows, lambda row: _training(row).originals)
    ]


def _training(row: Row) -> Pairs:
    assert row.evaluation.training is not None
    return row.evaluation.training


def codes(subject: Subject) -> list[Plate]:
    """Show the codes themselves, as pictures under the images they stand for."""
    caption = (
        "What is left of each image between encoder and decoder: one square for every number of "
        "the code. Where a code has negative numbers, orange is positive, blue negative and white "
        "zero; otherwise the lighter the larger. Each model has its own scale. A square that is "
        "the same under every image carries no information."
    )
    groups = by_images(subject.pictured, originals)
    names = [figure_name("codes", *distinction(rows, subject)) for rows in groups]
    return [
        _side_by_side(
            subject,
            [_originals(rows[0]), *map(_code_source, rows)],
            name,
            caption,
        )
        for rows, name in zip(groups, names, strict=True)
    ]


def extremes(subject: Subject, row: Row) -> Plate:
    """Show a model's best, median and worst test images."""
    panels = []
    for rank, pairs_of in _RANKS.items():
        pairs = pairs_of(row.evaluation)
        errors = [number(float(error), 2) for error in (pairs.mse.min(), pairs.mse.max())]
        title = f"{rank} · MSE {errors[0]} to {errors[1]}"
        panels.append(_panel(subject, title, _pair_sources(row, pairs), ACROSS, row.label))
    return Plate(figure_name("extremes", row.label), row.label, "", panels, 270)


def picks(subject: Subject) -> Plate:
    """Show test images drawn at random, for those who suspect that examples are chosen."""
    panels = [
        _panel(
            subject, row.label, _pair_sources(row, row.evaluation.random), PICKS_ACROSS, row.label
        )
        for row in subject.pictured
    ]
    caption = "Ten test images per model, drawn at random: not chosen to please."
    return Plate("random-picks", "", caption, panels)


def progress(subject: Subject) -> list[Plate]:
    """Show the same images after more and more epochs: a plate for rows with the same epochs."""
    groups: dict[tuple[int, ...], list[tuple[Row, Snapshots]]] = {}
    for row in subject.pictured:
        snapshots = row.first.snapshots
        if snapshots is not None and snapshots.reconstructions.ndim == 5:
            groups.setdefault(snapshots.epochs, []).append((row, snapshots))
    return [_progress(subject, epochs, pairs) for epochs, pairs in groups.items()]


def _progress(
    subject: Subject, epochs: Sequence[int], pairs: Sequence[tuple[Row, Snapshots]]
) -> Plate:
    rows = [row for row, _ in pairs]
    panels = [_snapshots(subject, pairs, place) for place in range(len(epochs))]
    goals = [Source(row.label, originals(row)) for row in rows]
    if len(by_images(rows, originals)) == 1:
        goals = [Source("All models", originals(rows[0]))]
    panels.append(_panel(subject, "Original", goals, SNAPSHOTS_ACROSS, "originals"))
    caption = (
        "Sixteen fixed test images as each model reconstructs them while it learns, and the "
        "originals last. Count in each block how many you can read."
    )
    if any(snapshots.samples is not None for _, snapshots in pairs):
        caption += " Under them what the model makes of 64 codes drawn from its prior."
    name = figure_name("progress", *distinction(rows, subject))
    return Plate(name, "", caption, panels, 105)


def _snapshots(subject: Subject, pairs: Sequence[tuple[Row, Snapshots]], place: int) -> Panel:
    strips, epoch = [], pairs[0][1].epochs[place]
    for row, snapshots in pairs:
        alt, tile = f"{row.label}: after epoch {epoch}", subject.tile
        label, images = f"{row.label}{_note(row, epoch)}", snapshots.reconstructions[place]
        strips.append(strip(label, images, SNAPSHOTS_ACROSS, tile, alt))
        if snapshots.samples is not None and snapshots.samples.ndim == 5:
            label, alt = f"{row.label}, samples", f"{row.label}, samples: after epoch {epoch}"
            columns = samples_per_row(row)
            strips.append(strip(label, snapshots.samples[place], columns, tile, alt))
    return Panel(f"Epoch {epoch}", strips)


def _note(row: Row, epoch: int) -> str:
    """Return what analyses say of the reconstructions after an epoch."""
    pairs = [(item, row.get(item.result)) for item in analyses()]
    notes = [item.snapshot_note(result, epoch) for item, result in pairs if result is not None]
    text = ", ".join(filter(None, notes))
    return f": {text}" if text else ""


def _no_pictures() -> Section:
    lead = (
        "These data are plain vectors and not images, so there are no pictures of reconstructions, "
        "codes or progress to show. All numbers, curves and maps are there."
    )
    return Section("reconstructions", "Reconstructions", lead, [])


def _takes_images(subject: Subject) -> bool:
    return all(row.evaluation.takes_images for row in subject.pictured)


def _side_by_side(
    subject: Subject, sources: Sequence[Source], name: str, caption: str, group: str = "Images"
) -> Plate:
    """Put rows of the same images below each other, eight to a panel: panels wrap on a phone."""
    total = len(sources[0].images)
    panels = []
    for start in range(0, total, ACROSS):
        stop = min(start + ACROSS, total)
        part = [
            Source(s.label, s.images[start:stop], s.has_opacity, s.captions[start:stop])
            for s in sources
        ]
        title = f"{group} {start + 1} to {stop}"
        panels.append(_panel(subject, title, part, ACROSS, title.lower()))
    return Plate(name, "", caption, panels)


def _panel(
    subject: Subject, title: str, sources: Sequence[Source], columns: int, about: str
) -> Panel:
    tile = subject.tile
    strips = []
    for source in sources:
        label, alt = source.label, f"{source.label}: {about}"
        line = strip(label, source.images, columns, tile, alt, has_opacity=source.has_opacity)
        missing = [""] * (columns - len(source.captions)) if source.captions else []
        strips.append(replace(line, columns=[*source.captions, *missing]))
    return Panel(title, strips)


def _models(rows: Sequence[Row]) -> list[Source]:
    return [Source(row.label, row.evaluation.examples.reconstructions) for row in rows]


def _pcas(rows: Sequence[Row]) -> list[Source]:
    images = {row.evaluation.pca.dim: row.evaluation.examples.pca_reconstructions for row in rows}
    return [
        Source(f"PCA, {dim} component{'s' if dim > 1 else ''}", images[dim])
        for dim in sorted(images)
    ]


def _originals(row: Row) -> Source:
    examples = row.evaluation.examples
    captions = row.captions(examples.labels, examples.numbers)
    return Source("Original", examples.originals, captions=captions)


def _pair_sources(row: Row, pairs: Pairs) -> list[Source]:
    captions = row.captions(pairs.labels, pairs.numbers)
    return [
        Source("Original", pairs.originals, captions=captions),
        Source("Reconstruction", pairs.reconstructions),
    ]


def _code_source(row: Row) -> Source:
    examples = row.evaluation.examples
    pictures = code_pictures(examples.codes, examples.originals.shape[2:])
    return Source(f"{row.label}: {count(row.facts.latent_dim)} numbers", pictures, True)


def _named(rows: Sequence[Row], subject: Subject) -> str:
    if len(rows) == len(subject.pictured):
        return "the model" if subject.is_single else "the models"
    return " and ".join(row.label for row in rows)
