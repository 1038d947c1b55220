"""The picture plates of a report: what was reconstructed, and how well."""

from collections.abc import Iterable, Sequence

from latentscape.api.pages.generated import SAMPLES_ACROSS, columns_of
from latentscape.core.records import Array
from latentscape.core.units import count, number
from latentscape.reporting.blocks import Panel, Plate, Strip, figure_name
from latentscape.reporting.strips import code_pictures, strip
from latentscape.reporting.subject import Row, Subject, by_images, distinction

ACROSS = 8  # pictures side by side: still legible at the width of a phone

Source = tuple[str, Array]


def reconstructions(subject: Subject) -> list[Plate]:
    """Show originals, every model and PCA; a plate for each set of test images."""
    return [
        _compared(
            subject,
            [("Original", rows[0].arrays["originals"]), *_models(rows), *_pcas(rows)],
            figure_name("reconstructions", *distinction(rows, subject)),
            f"The same test images as {_named(rows, subject)} and PCA with as many numbers "
            "reconstruct them. Look for what vanishes first (thin strokes, rare shapes) and for "
            "images that turn into something else.",
        )
        for rows in by_images(subject.pictured, "originals")
    ]


def codes(subject: Subject) -> list[Plate]:
    """Show the codes themselves, as pictures under the images they stand for."""
    plates = []
    for rows in by_images(subject.pictured, "originals"):
        originals = rows[0].arrays["originals"]
        size = (originals.shape[2], originals.shape[3])
        pictures = [
            (
                f"{row.label}: {count(row.latent_dim)} numbers",
                code_pictures(row.arrays["example_codes"], size),
            )
            for row in rows
        ]
        caption = (
            "What is left of each image between encoder and decoder: one square for every number "
            "of the code. Where a code has negative numbers, orange is positive, blue negative and "
            "white zero; otherwise the lighter the larger. Each model has its own scale. A square "
            "that is the same under every image carries no information."
        )
        name = figure_name("codes", *distinction(rows, subject))
        plates.append(_compared(subject, [("Original", originals), *pictures], name, caption))
    return plates


def extremes(subject: Subject, row: Row) -> Plate:
    """Show a model's best, median and worst test images."""
    panels = []
    for rank in ("best", "median", "worst"):
        errors = row.arrays[f"{rank}_mse"]
        span = f"MSE {number(float(errors.min()), 2)} to {number(float(errors.max()), 2)}"
        pairs = [("Original", row.arrays[f"{rank}_originals"])]
        pairs += [("Reconstruction", row.arrays[f"{rank}_reconstructions"])]
        panels.append(_panel(subject, f"{rank.capitalize()} · {span}", pairs, ACROSS, row.label))
    return Plate(figure_name("extremes", row.label), row.label, "", panels, 270)


def picks(subject: Subject) -> Plate:
    """Show test images drawn at random, for those who suspect that examples are chosen."""
    rows = subject.pictured
    panels = [
        _panel(
            subject,
            row.label,
            [
                ("Original", row.arrays["random_originals"]),
                ("Reconstruction", row.arrays["random_reconstructions"]),
            ],
            10,
            row.label,
        )
        for row in rows
    ]
    caption = "Ten test images per model, drawn at random: not chosen to please."
    return Plate("random-picks", "", caption, panels)


def progress(subject: Subject) -> list[Plate]:
    """Show the same images after more and more epochs: a plate for runs that kept the same ones."""
    groups: dict[tuple[int, ...], list[Row]] = {}
    for row in subject.pictured:
        if epochs := _epochs(row):
            groups.setdefault(epochs, []).append(row)
    return [_progress(subject, rows) for rows in groups.values()]


def _progress(subject: Subject, rows: Sequence[Row]) -> Plate:
    name = figure_name("progress", *distinction(rows, subject))
    panels = [_snapshots(subject, rows, epoch) for epoch in _epochs(rows[0])]
    same = len(by_images(rows, "originals")) == 1
    goals = [("All models" if same else r.label, r.arrays["originals"]) for r in rows]
    panels.append(_panel(subject, "Original", goals[: 1 if same else None], 4, "originals"))
    caption = (
        "Sixteen fixed test images as each model reconstructs them while it learns, and the "
        "originals last. Count in each block how many you can read."
    )
    if any("snapshot_samples" in row.arrays for row in rows):
        caption += " Under them what the model makes of 64 codes drawn from its prior."
    return Plate(name, "", caption, panels, 105)


def _snapshots(subject: Subject, rows: Sequence[Row], epoch: int) -> Panel:
    strips = []
    for row in rows:
        at = _epochs(row).index(epoch)
        across = len(columns_of(row)) or SAMPLES_ACROSS
        for name, label, columns in (
            ("snapshots", row.label, 4),
            ("snapshot_samples", f"{row.label}, samples", across),
        ):
            if name in row.arrays:
                alt, pictures = f"{label}: after epoch {epoch}", row.arrays[name][at]
                if name == "snapshots":
                    label += _readable(row, at)
                strips.append(strip(label, pictures, columns, subject.tile, alt))
    return Panel(f"Epoch {epoch}", strips)


def _readable(row: Row, at: int) -> str:
    """Say how many of the images of a snapshot a classifier reads, where one has tried."""
    read = row.arrays.get("legible_snapshots")
    return "" if read is None or at >= len(read) else f": {int(read[at].sum())} read"


def _epochs(row: Row) -> tuple[int, ...]:
    """Return the epochs after which a run kept snapshots."""
    return tuple(int(epoch) for epoch in row.arrays.get("snapshot_epochs", ()))


def _compared(subject: Subject, sources: Sequence[Source], name: str, caption: str) -> Plate:
    """Rows of the same images, eight to a panel so that panels wrap on a phone."""
    total = len(sources[0][1])
    panels = []
    for start in range(0, total, ACROSS):
        stop = min(start + ACROSS, total)
        part = [(label, images[start:stop]) for label, images in sources]
        title = f"Images {start + 1} to {stop}"
        panels.append(_panel(subject, title, part, ACROSS, title.lower()))
    return Plate(name, "", caption, panels)


def _panel(
    subject: Subject, title: str, sources: Iterable[Source], columns: int, about: str
) -> Panel:
    strips: list[Strip] = [
        strip(label, images, columns, subject.tile, f"{label}: {about}")
        for label, images in sources
    ]
    return Panel(title, strips)


def _models(rows: Sequence[Row]) -> list[Source]:
    return [(row.label, row.arrays["reconstructions"]) for row in rows]


def _pcas(rows: Sequence[Row]) -> list[Source]:
    found = {
        int(row.values["evaluation"]["pca"]["dim"]): row.arrays["pca_reconstructions"]
        for row in rows
    }
    return [
        (f"PCA, {dim} component{'s' if dim > 1 else ''}", images)
        for dim, images in sorted(found.items())
    ]


def _named(rows: Sequence[Row], subject: Subject) -> str:
    if len(rows) == len(subject.pictured):
        return "the model" if len(rows) == 1 else "the models"
    return " and ".join(row.label for row in rows)
