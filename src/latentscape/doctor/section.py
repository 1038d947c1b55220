"""The section that opens a report where something is wrong."""

from collections.abc import Iterator, Sequence

from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.doctor.registry import symptom
from latentscape.doctor.wording import FOLLOWING, heading, known, options
from latentscape.reporting.blocks import Aside, Block, Chart, Panel, Plate, Section, figure_name
from latentscape.reporting.curves import Curve, curve_chart, ends
from latentscape.reporting.strips import strip
from latentscape.reporting.subject import Row, Subject

SIZE = (420, 200)
"""Width without names, and height of a chart."""


def section(subject: Subject) -> Section | None:
    """Show what is wrong with the models, why, and what mends it; None where nothing is."""
    blocks = [block for row in subject.rows for block in _of_row(subject, row)]
    if not blocks:
        return None
    lead = (
        "What the doctor sees on held-out examples, the likeliest cause first. "
        "Its numbers are measured by: latentscape doctor RUN."
    )
    return Section("doctor", "What is wrong", lead, blocks)


def _of_row(subject: Subject, row: Row) -> Iterator[Block]:
    diagnoses = row.get(Diagnoses)
    if diagnoses is None:
        return
    items = known(diagnoses)
    if items:
        yield from _first(subject, row, items[0])
    if items[1:] and subject.is_single:
        yield following(items[1:])


def _first(subject: Subject, row: Row, diagnosis: Diagnosis) -> Iterator[Block]:
    """Show the likeliest cause, with its evidence."""
    yield alarm(diagnosis, "" if subject.is_single else f"{row.label}: ")
    if not subject.is_single:
        return
    if diagnosis.plot is not None:
        yield _chart(row, diagnosis)
    if diagnosis.strips and row.data.takes_images:
        yield _plate(subject, row, diagnosis)


def alarm(diagnosis: Diagnosis, name: str = "") -> Aside:
    """Say what is wrong, why, and what mends it."""
    item = symptom(diagnosis.symptom)
    sentences = [item.cause(diagnosis), item.advice(diagnosis), _mends(diagnosis)]
    return Aside("alarm", f"{name}{heading(diagnosis)}.", list(filter(None, sentences)))


def following(diagnoses: Sequence[Diagnosis]) -> Aside:
    """List what may follow from the likeliest cause."""
    sentences = [f"{heading(item)}. {_mends(item)}".strip() for item in diagnoses]
    return Aside("note", FOLLOWING, sentences, listed=True)


def _mends(diagnosis: Diagnosis) -> str:
    return f"What mends it: {options(diagnosis.changes)}" if diagnosis.changes else ""


def _chart(row: Row, diagnosis: Diagnosis) -> Chart:
    plot, title = diagnosis.plot, symptom(diagnosis.symptom).title
    assert plot is not None
    curves = [
        Curve(
            line.name if len(plot.lines) > 1 else "",
            list(zip(line.x.tolist(), line.y.tolist(), strict=True)),
            f"c{place}",
            name=line.name,
        )
        for place, line in enumerate(plot.lines)
    ]
    alt = f"{title}: {plot.y_label} over {plot.x_label}. {ends(curves)}"
    svg, crop = curve_chart(curves, SIZE, plot.y_label, alt, x_label=plot.x_label)
    caption = f"{title}: {plot.y_label} over {plot.x_label}."
    return Chart(figure_name("doctor", row.label, diagnosis.symptom), caption, svg, crop=crop)


def _plate(subject: Subject, row: Row, diagnosis: Diagnosis) -> Plate:
    title = symptom(diagnosis.symptom).title
    strips = [
        strip(shown.name, shown.images, len(shown.images), subject.tile, f"{title}: {shown.name}")
        for shown in diagnosis.strips
    ]
    caption = f"{title}: the same examples below each other."
    name = figure_name("doctor", row.label, diagnosis.symptom, "examples")
    return Plate(name, "", caption, [Panel("", strips)])
