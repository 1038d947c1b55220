"""The section on legibility: how many reconstructions a classifier still reads as the original."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from latentscape.core.units import NONE, count, share, uncertainty, written
from latentscape.reporting import prose
from latentscape.reporting.blocks import (
    Block,
    Cell,
    Panel,
    Plate,
    Section,
    Strip,
    Table,
    figure_name,
)
from latentscape.reporting.learned import learned_baselines, summary
from latentscape.reporting.strips import misread, strip
from latentscape.reporting.subject import Row, Subject, by_images, distinction, images

ACROSS = 8


def section(subject: Subject) -> Section | None:
    """Show how many reconstructions of each model can be read, at the end and on the way."""
    rows = subject.having("legibility")
    if not rows:
        return None
    blocks: list[Block] = [*prose.circumstances(rows, "legibility")]
    judged = [row for row in rows if row.found("legibility").get("judge")]
    lead = "A small classifier stands in for a person who counts what can be read. "
    if judged:
        lead += " ".join(prose.by_sentence((row.label, _judge(row)) for row in judged))
        blocks += [_of_16(judged), _shares(judged)]
        pictured = [row for row in judged if row in subject.pictured and _has_pictures(row)]
        blocks += [_marked(subject, alike) for alike in by_images(pictured, "originals")]
    return Section("legibility", "Legibility", lead.strip(), blocks)


def _has_pictures(row: Row) -> bool:
    return "legible" in row.arrays and images(row, "reconstructions") is not None


def _judge(row: Row) -> str:
    judge = row.found("legibility")["judge"]
    return (
        f"It learned from {count(judge['n_train'])} labelled training images and reads "
        f"{share(judge['accuracy'])} of {count(judge['n_test'])} test images rightly: no number "
        "below can be trusted further than that."
    )


def _of_16(rows: Sequence[Row]) -> Table:
    """Count what can be read of the sixteen fixed images, epoch by epoch and at the end."""
    histories = [row.found("legibility")["by_epoch"] for row in rows]
    body = [
        [Cell(f"Epoch {epoch}", title=True), *(_at(row, epoch) for row in rows)]
        for epoch in sorted({entry["epoch"] for history in histories for entry in history})
    ]
    body.append([Cell("The model kept", title=True), *(_at(row) for row in rows)])
    originals = [row.found("legibility").get("originals_of_16") for row in rows]
    cells = [Cell(written("readable_of_16", number)) for number in originals]
    body.append([Cell("The originals", title=True), *cells])
    head = [("Readable", "of 16"), *((row.label, "") for row in rows)]
    seeds = max(len(row.runs) for row in rows)
    over = " Means ± standard deviations over seeds." if seeds > 1 else ""
    same = len(by_images(rows, "originals")) == 1
    which = "the same sixteen test images" if same else "sixteen test images of each split"
    return Table(f"Of {which}, so many are read rightly.{over}", head, body, 1)


def _at(row: Row, epoch: int | None = None) -> Cell:
    """Count over seeds what is read at an epoch, or by the model that was kept."""
    found = [run.values["legibility"] for run in row.runs if "legibility" in run.values]
    if epoch is None:
        counts = [values["readable_of_16"] for values in found]
    else:
        entries = [entry for values in found for entry in values["by_epoch"]]
        counts = [entry["readable_of_16"] for entry in entries if entry["epoch"] == epoch]
    numbers = summary(counts)
    mean = written("readable_of_16", (numbers or {}).get("mean"))
    return Cell(mean, note=uncertainty("readable_of_16", numbers))


def _shares(rows: Sequence[Row]) -> Table:
    """List the share of all test images that can be read, overall and label by label."""
    names = list(dict.fromkeys(n for row in rows for n in row.found("legibility")["per_class"]))
    body = [[_title(row), _overall(row), *_by_class(row, names)] for row in rows]
    others = [[title, readable, *[Cell("")] * len(names)] for title, readable in _others(rows)]
    body += others
    head = [("Model", ""), ("Readable", "of all"), *((name, "") for name in names)]
    caption = (
        f"Share of {prose.span(row.found('legibility')['n'] for row in rows)} test images that are "
        "read rightly when reconstructed; label by label for the first seed. The stronger the "
        "tint, the fewer."
    )
    return Table(caption, head, body, len(others))


def _title(row: Row) -> Cell:
    return Cell(row.label, title=True, marks=row.marks)


def _overall(row: Row) -> Cell:
    return _readable(row.statistic("readable"))


def _readable(found: Mapping[str, Any]) -> Cell:
    return Cell(share(found.get("mean")), note=uncertainty("readable", found))


def _by_class(row: Row, names: Sequence[str]) -> list[Cell]:
    shares: Mapping[str, float] = row.found("legibility")["per_class"]
    return [
        Cell(f"{100 * shares[name]:.0f}", heat=1 - shares[name]) if name in shares else Cell(NONE)
        for name in names
    ]


def _others(rows: Sequence[Row]) -> Iterator[tuple[Cell, Cell]]:
    """Name PCA and the originals of each kind of data, with the share of them that can be read."""
    codes = learned_baselines([run.values for run in row.runs] for row in rows)
    for code in sorted(codes, key=lambda code: code["kind"] == "pixels"):
        if readable := code["learned"].get("readable"):
            name = code["name"].replace("raw pixels", "The originals")
            yield Cell(name, title=True), _readable(readable)


def _marked(subject: Subject, rows: Sequence[Row]) -> Plate:
    """Show sixteen images with what the judge read in each; rows are those that show the same."""
    names = rows[0].values["data"]["label_names"]
    labels = [str(names[label]) for label in rows[0].arrays["example_labels"]]
    sources = [("Original", rows[0].arrays["originals"], labels)]
    sources += [(_counted(r), r.arrays["reconstructions"], _read(r)) for r in rows]
    panels = []
    for start in range(0, len(labels), ACROSS):
        part = slice(start, start + ACROSS)
        title = f"Images {start + 1} to {min(start + ACROSS, len(labels))}"
        strips = [_strip(subject, name, i[part], above[part], title) for name, i, above in sources]
        panels.append(Panel(title, strips))
    caption = (
        "What is read in each reconstruction stands above it, with a cross where the original has "
        "another label."
    )
    return Plate(figure_name("legibility", *distinction(rows, subject)), "", caption, panels)


def _strip(subject: Subject, label: str, shown: Any, above: Sequence[str], about: str) -> Strip:
    made = strip(label, shown, ACROSS, subject.tile, f"{label}, read: {about}")
    return replace(made, columns=[*above, *[""] * (ACROSS - len(above))])


def _read(row: Row) -> list[str]:
    """Return what the judge read in each reconstruction."""
    names = row.values["data"]["label_names"]
    pairs = zip(row.arrays["legible_read"], row.arrays["legible"], strict=True)
    return [misread(str(names[int(read)]), wrong=not right) for read, right in pairs]


def _counted(row: Row) -> str:
    return f"{row.label}: {int(row.arrays['legible'].sum())} of {len(row.arrays['legible'])}"
