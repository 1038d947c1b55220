"""The section on legibility: how many reconstructions a classifier still reads as the original."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from latentscape.learned import summary
from latentscape.reporting import prose
from latentscape.reporting.generated import images
from latentscape.reporting.parts import Block, Cell, Panel, Plate, Section, Strip, Table
from latentscape.reporting.pictures import strip
from latentscape.reporting.rows import Row, Subject
from latentscape.units import NONE, count, share, uncertainty, written

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
        lead += _judge(judged[0])
        blocks += [_of_16(judged), _shares(judged)]
        pictured = [row for row in judged if row in subject.pictured and _has_pictures(row)]
        blocks += [_marked(subject, pictured)] if pictured else []
    return Section("legibility", "Legibility", lead.strip(), blocks)


def _has_pictures(row: Row) -> bool:
    return "legible" in row.arrays and images(row, "reconstructions") is not None


def misread(name: str, *, wrong: bool) -> str:
    """Write a label as it stands above a picture, with a cross where it is the wrong one."""
    return f"× {name}" if wrong else name


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
    return Table(f"Of the same sixteen test images, so many are read rightly.{over}", head, body, 1)


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
    others = _others(rows)
    blank = [Cell("")] * len(names)
    body += [[Cell(name, title=True), Cell(share(value)), *blank] for name, value in others.items()]
    head = [("Model", ""), ("Readable", "of all"), *((name, "") for name in names)]
    caption = (
        f"Share of {count(rows[0].found('legibility')['n'])} test images that are read rightly "
        "when reconstructed; label by label for the first seed. The stronger the tint, the fewer."
    )
    return Table(caption, head, body, len(others))


def _title(row: Row) -> Cell:
    return Cell(row.label, title=True, marks=row.marks)


def _overall(row: Row) -> Cell:
    readable = row.statistic("readable")
    return Cell(share(readable.get("mean")), note=uncertainty("readable", readable))


def _by_class(row: Row, names: Sequence[str]) -> list[Cell]:
    shares: Mapping[str, float] = row.found("legibility")["per_class"]
    return [
        Cell(f"{100 * shares[name]:.0f}", heat=1 - shares[name]) if name in shares else Cell(NONE)
        for name in names
    ]


def _others(rows: Sequence[Row]) -> dict[str, float | None]:
    """Return the share of PCA's reconstructions and of the originals that can be read."""
    found: dict[str, float | None] = {}
    for row in rows:
        dim = row.values["evaluation"]["pca"]["dim"]
        found.setdefault(f"PCA, {dim}", row.found("legibility").get("pca"))
    ordered = dict(sorted(found.items(), key=lambda item: len(item[0])))
    return {**ordered, "The originals": rows[0].found("legibility").get("originals")}


def _marked(subject: Subject, rows: Sequence[Row]) -> Plate:
    """Show the sixteen images with what the judge read in each."""
    names = rows[0].values["data"]["label_names"]
    labels = [str(names[label]) for label in rows[0].arrays["example_labels"]]
    panels = []
    for start in range(0, len(labels), ACROSS):
        part = slice(start, start + ACROSS)
        title = f"Images {start + 1} to {min(start + ACROSS, len(labels))}"
        sources = [("Original", rows[0].arrays["originals"], labels)]
        sources += [(_counted(r), r.arrays["reconstructions"], _read(r)) for r in rows]
        strips = [_strip(subject, name, i[part], above[part], title) for name, i, above in sources]
        panels.append(Panel(title, strips))
    caption = (
        "What is read in each reconstruction stands above it, with a cross where the original has "
        "another label."
    )
    return Plate("legibility", "", caption, panels)


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
