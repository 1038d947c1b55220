"""What was found, in plain sentences made from the numbers."""

from collections.abc import Iterable, Sequence
from typing import Any

from latentscape.core.units import EXACT, count, joined, number, percent, shape
from latentscape.reporting.blocks import Aside, Block, Prose
from latentscape.reporting.subject import Row, Subject, collapse_of


def summary(subject: Subject) -> list[str]:
    """Write the paragraphs that open the report."""
    findings = [_best(subject), _against_pca(subject)]
    paragraphs = [" ".join(filter(None, findings)), _spread_of_sizes(subject)]
    return [*filter(None, paragraphs), " ".join(filter(None, _circumstances(subject)))]


def events(subject: Subject) -> list[str]:
    """Name what went wrong in training, mended or not, run by run."""
    failures = (subject.study or {}).get("failures", [])
    missing = [f"{f['label']}, seed {f['seed']}, is missing. {f['what']}" for f in failures]
    return missing + [
        f"{row.label} ({run.values['name']}), epoch {event['epoch']}: {event['what']}"
        for row in subject.rows
        for run in row.runs
        for event in run.values["events"]
        if event["what"] != collapse_of(run)  # is told in full on its own
    ]


def collapses(subject: Subject) -> list[str]:
    """Tell of every row whose code is not used: what that means, and what to change."""
    return [
        f"{_named(subject, row)}{row.collapse.rstrip('.')}. {_beside_the_mean(row)}"
        for row in subject.rows
        if row.collapse
    ]


def collapse_heading(subject: Subject) -> str:
    """Say how many models do not use their code."""
    collapsed = sum(bool(row.collapse) for row in subject.rows)
    if len(subject.rows) == 1:
        return "This model does not use its code."
    verb = "does not use its" if collapsed == 1 else "do not use their"
    return f"{collapsed} of {len(subject.rows)} models {verb} code."


def shortened(labels: Sequence[str]) -> str:
    """List the first few labels, and say how many more there are."""
    rest = len(labels) - 3
    return ", ".join([*labels[:3], *([f"and {rest} more"] if rest > 0 else [])])


def supervised(subject: Subject) -> list[str]:
    """Name the rows that were trained with labels; others are not comparable with them."""
    marked = [row for row in subject.rows if row.supervised]
    return [f"{_named(subject, row)}{row.values['labels_used']}" for row in marked]


def by_sentence(told: Iterable[tuple[str, str]]) -> list[str]:
    """Tell each sentence once, after the labels it is true of unless it is true of all.

    Parameters
    ----------
    told : iterable of (str, str)
        Label and sentence.
    """
    labels, groups = dict[str, None](), dict[str, dict[str, None]]()
    for label, sentence in told:
        labels[label] = None
        if sentence:
            groups.setdefault(f"{sentence.rstrip('.')}.", {})[label] = None
    return [
        sentence if len(true) == len(labels) else f"{shortened(list(true))}: {sentence}"
        for sentence, true in groups.items()
    ]


def protocols(rows: Iterable[Row], part: str, most: int | None = None) -> str:
    """Say how a part of the findings was measured, in so many sentences of each model at most."""
    told = ((row.label, row.values[part]["protocol"].rstrip(".")) for row in rows)
    return " ".join(by_sentence((label, ". ".join(s.split(". ")[:most])) for label, s in told))


def circumstances(rows: Sequence[Row], part: str) -> list[Block]:
    """Say how a part of the findings was measured, and what could not be done, and why."""
    found = [row.values[part] for row in rows]
    found += [code for values in found for code in values.get("rows", ())]
    told = (sentence for values in found for sentence in values.get("left_out", ()))
    sentences = list(dict.fromkeys(f"{sentence.rstrip('.')}." for sentence in told))
    protocol = protocols(rows, part)
    blocks: list[Block] = [Prose([protocol], small=True)] if protocol else []
    if sentences:
        blocks.append(Aside("note", "Left out.", sentences, len(sentences) > 1))
    return blocks


def _named(subject: Subject, row: Row) -> str:
    return f"{row.label}: " if len(subject.rows) > 1 else ""


def _beside_the_mean(row: Row) -> str:
    mean = row.values["evaluation"]["mean_image"]["metrics"]["mse"]
    return f"Its MSE is {number(row.mse)}; the mean image alone has {number(mean)}."


def _best(subject: Subject) -> str:
    ranked = sorted(subject.rows, key=lambda row: row.mse)
    best = ranked[0]
    error = f"a mean squared error of {number(best.mse)} per pixel on the test images"
    if len(ranked) == 1:
        return f"{best.label} reaches {error}, {_gap_to_pca(best)}."
    lead = f"Of {len(ranked)} models, {best.marked} has the lowest error: {error}"
    return f"{lead}, {_gap_to_pca(best)}. {_runner_up(best, ranked[1])}"


def _gap_to_pca(row: Row) -> str:
    pca = float(row.facts["pca"]["mse"])
    if pca < EXACT:
        return "where PCA with a code of the same size makes no error at all"
    gap = row.mse / pca - 1
    direction = "below" if gap < 0 else "above"
    numbers = f"{row.numbers} number{'s' if row.numbers > 1 else ''}"
    return f"{percent(abs(gap))} {direction} that of PCA with {numbers} ({number(pca)})"


def _runner_up(best: Row, second: Row) -> str:
    if number(best.mse) == number(second.mse):
        return f"{second.marked} does as well."
    if best.mse <= 0:
        return f"{second.marked} follows with {number(second.mse)}."
    ratio = second.mse / best.mse
    more = f"{percent(ratio - 1)} more" if ratio < 2 else f"{number(ratio, 2)} times as much"
    text = f"{second.marked} follows with {number(second.mse)}, {more}"
    spread = max((row.facts["metrics"]["mse"].get("sd") or 0.0) for row in (best, second))
    if spread and second.mse - best.mse < 2 * spread:
        return f"{text}; that is within what another seed can change, so it decides nothing."
    return f"{text}."


def _spread_of_sizes(subject: Subject) -> str:
    sizes = sorted({row.numbers for row in subject.rows})
    if len(sizes) < 2 or len(sizes) == len(subject.rows):
        return ""
    best = [
        (
            size,
            min((row for row in subject.rows if row.numbers == size), key=lambda row: row.mse),
        )
        for size in sizes
    ]
    leaders = [f"{row.label} with {size} ({number(row.mse)})" for size, row in best]
    return (
        "A larger code can hold more of an image, so models are best compared at the same size; "
        f"the lowest errors by code size are {joined(leaders)}."
    )


def _against_pca(subject: Subject) -> str:
    if len(subject.rows) == 1:
        return ""
    behind = [row.label for row in subject.rows if not row.facts["beats_pca"]]
    if not behind:
        return "Every model beats PCA with a code of its size."
    if len(behind) == len(subject.rows):
        return (
            "No model beats PCA with a code of its size: the linear method would have done better."
        )
    if len(behind) > 4:
        return f"{len(behind)} of the {len(subject.rows)} do not beat PCA of the same size."
    verb = "does" if len(behind) == 1 else "do"
    return f"{joined(behind)} {verb} not beat PCA with a code of the same size."


def _circumstances(subject: Subject) -> list[str]:
    data = subject.rows[0].values["data"]
    sentences = [
        f"The data are {data['name']} ({shape(data['shape'])}): {_sizes(subject)}.",
        _same_test(subject),
        _seeds(subject),
        _machine([run.values["environment"] for row in subject.rows for run in row.runs]),
    ]
    return sentences


def _sizes(subject: Subject) -> str:
    sizes = [row.facts["sizes"] for row in subject.rows]
    parts = [f"{span(size[part] for size in sizes)} {what}" for part, what in _PARTS]
    return joined(parts)


_PARTS = (
    ("train", "examples to train on"),
    ("validation", "to watch the training"),
    ("test", "to test on"),
)


def span(values: Iterable[int]) -> str:
    """Write whole numbers by the smallest and the largest, or the one that they all are."""
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return count(distinct[0])
    return f"{count(distinct[0])} to {count(distinct[-1])}"


def _same_test(subject: Subject) -> str:
    tests = {
        (data["fingerprint"], data["seed"], data["sizes"]["test"])
        for data in (run.values["data"] for row in subject.rows for run in row.runs)
    }
    if len(tests) == 1:
        return "All models were tested on the same images." if len(subject.rows) > 1 else ""
    return (
        "Not all models were tested on the same images, so small differences between them may come "
        "from those."
    )


def _seeds(subject: Subject) -> str:
    if subject.seeds > 1:
        return (
            f"Numbers are the mean ± standard deviation over up to {subject.seeds} training seeds, "
            "all on one split; pictures show the first seed."
        )
    what = "Each model" if len(subject.rows) > 1 else "The model"
    return f"{what} was trained once: another seed would give slightly different numbers."


def _machine(environments: Sequence[dict[str, Any]]) -> str:
    names = sorted({str(e["processor"]) for e in environments if e.get("processor")})
    devices = sorted({str(e["device"]) for e in environments if e.get("device")})
    threads = sorted({int(e["threads"]) for e in environments if e.get("threads")})
    precisions = sorted({str(e["precision"]) for e in environments if e.get("precision")})
    if not devices and not names:
        return ""
    where = f"Trained on {joined(devices)}" if devices else "Trained"
    cores = f" with {span(threads)} thread{'s' if threads[-1] > 1 else ''}" if threads else ""
    precision = f" in {joined(precisions)}" if precisions else ""
    return f"{where}{cores}{precision}{f' ({joined(names)})' if names else ''}."
