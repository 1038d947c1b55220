"""The section on legibility: how many reconstructions a classifier still reads as the original."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from latentscape.analyses.legibility.result import (
    READABLE,
    READABLE_OF_16,
    Legibility,
    Reading,
)
from latentscape.analyses.notes import circumstances
from latentscape.analyses.registry import AnyAnalysis
from latentscape.analyses.summaries import baseline_statistics
from latentscape.core.findings import Images, Statistic
from latentscape.core.units import NONE, count
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
from latentscape.reporting.sentences import by_sentence, span
from latentscape.reporting.strips import misread, strip
from latentscape.reporting.subject import Row, Subject, by_images, distinction, originals

N_COLUMNS = 8


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show how many reconstructions of each model can be read, at the end and on the way."""
    rows = subject.having(Legibility)
    if not rows:
        return None
    blocks: list[Block] = circumstances(item, rows)
    judged = [row for row in rows if _result(row).reading is not None]
    lead = "A small classifier stands in for a person who counts what can be read. "
    if judged:
        lead += " ".join(by_sentence((row.label, _describe_judge(row)) for row in judged))
        blocks += [_of_16(judged), _shares(judged)]
        pictured = [row for row in judged if row in subject.pictured and _has_pictures(row)]
        blocks += [_plate(subject, rows) for rows in by_images(pictured, originals)]
    return Section("legibility", item.title, lead.strip(), blocks)


def _result(row: Row) -> Legibility:
    return row.first.require(Legibility)


def _reading(row: Row) -> Reading:
    reading = _result(row).reading
    assert reading is not None
    return reading


def _has_pictures(row: Row) -> bool:
    has_all = len(_reading(row).labels) == len(row.evaluation.examples.labels)
    return row.evaluation.takes_images and has_all


def _describe_judge(row: Row) -> str:
    result, facts = _result(row), _result(row).protocol
    originals = result.of_all(_reading(row).originals)
    return (
        f"It learned from {count(facts.n_fitted)} labelled training images and reads {originals} "
        f"of {count(facts.n_scored)} test images rightly: no number below can be trusted further "
        "than that."
    )


def _of_16(rows: Sequence[Row]) -> Table:
    """Count what can be read of the sixteen fixed images, epoch by epoch and at the end."""
    epochs = sorted({item.epoch for row in rows for item in _reading(row).snapshots})
    body = [
        [Cell(f"Epoch {epoch}", title=True), *(_at_epoch(row, epoch) for row in rows)]
        for epoch in epochs
    ]
    body.append([Cell("The model kept", title=True), *map(_at_end, rows)])
    cells = [Cell(READABLE_OF_16.write(_reading(row).originals_of_16)) for row in rows]
    body.append([Cell("The originals", title=True), *cells])
    head = [("Readable", "of 16"), *((row.label, "") for row in rows)]
    seeds = max(len(row.runs) for row in rows)
    over = " Means ± standard deviations over seeds." if seeds > 1 else ""
    same = len(by_images(rows, originals)) == 1
    which = "the same sixteen test images" if same else "sixteen test images of each split"
    return Table(f"Of {which}, so many are read rightly.{over}", head, body, 1)


def _at_epoch(row: Row, epoch: int) -> Cell:
    """Count what is read after an epoch, over seeds."""
    snapshots = [item for reading in _seeds(row) if (item := reading.at(epoch))]
    return _cell(Statistic.of(item.readable_of_16 for item in snapshots))


def _at_end(row: Row) -> Cell:
    """Count what is read of the model that was kept, over seeds."""
    return _cell(Statistic.of(reading.readable_of_16 for reading in _seeds(row)))


def _seeds(row: Row) -> list[Reading]:
    return [result.reading for result in row.seeds(Legibility) if result.reading is not None]


def _cell(statistic: Statistic | None) -> Cell:
    mean = None if statistic is None else statistic.mean
    return Cell(READABLE_OF_16.write(mean), note=READABLE_OF_16.write_spread(statistic))


def _shares(rows: Sequence[Row]) -> Table:
    """List the share of all test images that can be read, overall and label by label."""
    names = list(dict.fromkeys(name for row in rows for name in _reading(row).per_class))
    body = [
        [_title(row), _readable(row.statistic(READABLE)), *_by_class(row, names)] for row in rows
    ]
    baselines = [[*cells, *[Cell("")] * len(names)] for cells in _baselines(rows)]
    head = [("Model", ""), ("Readable", "of all"), *((name, "") for name in names)]
    caption = (
        f"Share of {span(_result(row).protocol.n_scored for row in rows)} test images that are "
        "read rightly when reconstructed; label by label for the first seed. The stronger the "
        "tint, the fewer."
    )
    return Table(caption, head, [*body, *baselines], len(baselines))


def _title(row: Row) -> Cell:
    return Cell(row.label, title=True, marks=row.marks)


def _readable(statistic: Statistic | None) -> Cell:
    mean = None if statistic is None else statistic.mean
    return Cell(READABLE.write(mean), note=READABLE.write_spread(statistic))


def _by_class(row: Row, names: Sequence[str]) -> list[Cell]:
    shares = _reading(row).per_class
    return [
        Cell(f"{100 * shares[name]:.0f}", heat=1 - shares[name]) if name in shares else Cell(NONE)
        for name in names
    ]


def _baselines(rows: Sequence[Row]) -> Iterator[list[Cell]]:
    """Name PCA and the originals of each kind of data, with the share of them that can be read."""
    codes = baseline_statistics([row.runs for row in rows])
    for code in sorted(codes, key=lambda code: code.kind in ("pixels", "guess")):
        if statistic := code.statistic(READABLE):
            name = code.name.replace("raw pixels", "The originals")
            yield [Cell(name, title=True), _readable(statistic)]


def _plate(subject: Subject, rows: Sequence[Row]) -> Plate:
    """Show sixteen images with what the judge read in each; rows are those that show the same."""
    examples = rows[0].evaluation.examples
    labels = [_name(rows[0], label) for label in examples.labels]
    sources = [("Original", examples.originals, labels)]
    sources += [(_counted(r), r.evaluation.examples.reconstructions, _labels(r)) for r in rows]
    panels = []
    for start in range(0, len(labels), N_COLUMNS):
        part = slice(start, start + N_COLUMNS)
        title = f"Images {start + 1} to {min(start + N_COLUMNS, len(labels))}"
        strips = [_strip(subject, name, i[part], above[part], title) for name, i, above in sources]
        panels.append(Panel(title, strips))
    caption = (
        "What is read in each reconstruction stands above it, with a cross where the original has "
        "another label."
    )
    return Plate(figure_name("legibility", *distinction(rows, subject)), "", caption, panels)


def _strip(
    subject: Subject, label: str, images: Images, labels: Sequence[str], title: str
) -> Strip:
    picture = strip(label, images, N_COLUMNS, subject.tile, f"{label}, read: {title}")
    return replace(picture, columns=[*labels, *[""] * (N_COLUMNS - len(labels))])


def _labels(row: Row) -> list[str]:
    """Return what the judge read in each reconstruction."""
    pairs = zip(_reading(row).labels, _reading(row).legible, strict=True)
    return [misread(_name(row, label), wrong=not legible) for label, legible in pairs]


def _name(row: Row, label: int) -> str:
    names = row.data.label_names
    return names[label] if 0 <= label < len(names) else str(label)


def _counted(row: Row) -> str:
    legible = _reading(row).legible
    return f"{row.label}: {int(legible.sum())} of {len(legible)}"
