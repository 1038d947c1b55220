"""The section that opens a report: what was measured, in plain sentences made from the numbers."""

from collections.abc import Sequence

from latentscape.api.pages import charts, tables
from latentscape.core.units import EXACT, joined, number, percent, shape
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.evaluation.against_pca import Outcome
from latentscape.evaluation.quantities.squared_error import MSE
from latentscape.evaluation.results import Latent
from latentscape.reporting.blocks import Aside, Block, Details, Prose, Section
from latentscape.reporting.duplicates import duplicates_of
from latentscape.reporting.sentences import (
    describe_left_out,
    describe_range,
    describe_store,
    describe_supervision,
    describe_tests_on_validation,
    describe_verdict,
    shortened,
    span,
)
from latentscape.reporting.subject import MAX_PICTURED, Row, Subject
from latentscape.runs import Environment, RunFindings
from latentscape.runs.facts import DataFacts, Event
from latentscape.runs.wording import (
    describe_collapse,
    describe_event,
    describe_fittings,
    describe_lineage,
)

_NOT_WON: tuple[Outcome, Outcome] = ("loses", "undecided")

MAX_NAMED = 4
"""Models that a sentence names; of more it says how many there are."""


def section(subject: Subject) -> Section:
    """Warn, say what the numbers say, and show them."""
    content = [*warnings(subject), Prose(paragraphs(subject))]
    content += [charts.against_pca(subject), *tables.results(subject)]
    return Section("summary", "What was found", "", [*content, *_verdicts(subject)])


def warnings(subject: Subject) -> list[Block]:
    """Warn of what a reader must know before any number."""
    blocks: list[Block] = []
    if sentences := collapses(subject):
        blocks.append(_aside("alarm", _collapse_heading(subject), sentences))
    if sentences := events(subject):
        blocks.append(Aside("warning", "Training did not go smoothly.", sentences, listed=True))
    if sentences := duplicates_of(subject.rows, only_if_any=True):
        blocks.append(_aside("warning", "Tested on what was trained on.", sentences))
    if names := [row.data.name for row in subject.rows if row.data.tests_on_validation]:
        sentences = list(map(describe_tests_on_validation, dict.fromkeys(names)))
        blocks.append(_aside("note", "Tested on the validation part.", sentences))
    if sentences := supervised(subject):
        blocks.append(_aside("note", "Trained with labels.", sentences))
    if sentences := lineage(subject):
        blocks.append(_aside("note", "Not trained in one go from new weights.", sentences))
    if sentences := left_out(subject):
        blocks.append(_aside("note", "Not all of the data are used.", sentences))
    return blocks


def paragraphs(subject: Subject) -> list[str]:
    """Write the paragraphs that open the report."""
    results = " ".join(filter(None, [_best(subject), _against_pca(subject)]))
    return [*filter(None, [results, _by_size(subject)]), " ".join(_circumstances(subject))]


def events(subject: Subject) -> list[str]:
    """Name what went wrong in training, mended or not, run by run."""
    failures = subject.study.failures if subject.study else ()
    missing = [f"{f.label}, seed {f.seed}, is missing. {f.message}" for f in failures]
    return missing + [
        f"{row.label} ({run.name}), epoch {event.epoch}: {describe_event(event)}"
        for row in subject.rows
        for run in row.runs
        for event in run.events
        if not _stays_collapsed(run, event)  # Its collapse is described on its own.
    ]


def collapses(subject: Subject) -> list[str]:
    """Say of every row whose code is not used what that means, and what to change."""
    return [
        f"{_named(subject, row)}{_collapse(row, row.facts.collapse)} Its MSE is "
        f"{number(row.mse)}; the mean image alone has "
        f"{number(row.facts.comparison.mean_image_mse)}."
        for row in subject.rows
        if row.facts.collapse and not (subject.is_single and _is_diagnosed(row))
    ]


def _is_diagnosed(row: Row) -> bool:
    """Whether the section before this one says what is wrong with the code."""
    diagnoses = row.get(Diagnoses)
    return diagnoses is not None and diagnoses.first is not None


def _collapse(row: Row, kind: str) -> str:
    return describe_collapse(kind, row.facts.latent_dim, row.facts.collapsed_seeds)


def supervised(subject: Subject) -> list[str]:
    """Name the rows that were trained with labels; others are not comparable with them."""
    return [
        f"{_named(subject, row)}{describe_supervision(row.facts.supervision)}"
        for row in subject.rows
        if row.supervised
    ]


def lineage(subject: Subject) -> list[str]:
    """Say of each run that began with weights of another, or was made longer, how that was."""
    return [
        sentence if subject.is_single else f"{row.label} ({run.name}): {sentence}"
        for row in subject.rows
        for run in row.runs
        for sentence in describe_lineage(run.start, run.extensions)
    ]


def left_out(subject: Subject) -> list[str]:
    """Say what the sources of the data hold that is not used."""
    entries = dict.fromkeys(entry for row in subject.rows for entry in row.data.left_out)
    return describe_left_out(entries)


def _aside(look: str, heading: str, sentences: Sequence[str]) -> Aside:
    return Aside(look, heading, sentences, listed=len(sentences) > 1)


def _collapse_heading(subject: Subject) -> str:
    """Say how many models do not use their code."""
    collapsed = sum(row.facts.collapse is not None for row in subject.rows)
    if subject.is_single:
        return "This model does not use its code."
    verb = "does not use its" if collapsed == 1 else "do not use their"
    return f"{collapsed} of {len(subject.rows)} models {verb} code."


def _stays_collapsed(run: RunFindings, event: Event) -> bool:
    """Whether an event is a collapse that lasted until the end of training."""
    latent = run.get(Latent)
    return event.collapse is not None and (latent is None or latent.collapse is not None)


def _verdicts(subject: Subject) -> list[Block]:
    """Say of a single model how it did, and in a study of those that do not beat PCA."""
    if subject.is_single:
        return [Prose([describe_verdict(subject.rows[0].facts.comparison)])]
    behind = [row for outcome in _NOT_WON for row in _with_outcome(subject, outcome)]
    sentences = [f"{row.label}: {describe_verdict(row.facts.comparison)}" for row in behind]
    if len(sentences) > MAX_PICTURED:
        heading = f"The {len(sentences)} models that do not beat PCA"
        return [Details(heading, "\n".join(sentences))]
    return [Prose(sentences, listed=True)] if sentences else []


def _with_outcome(subject: Subject, outcome: Outcome) -> list[Row]:
    return [row for row in subject.rows if row.facts.comparison.outcome == outcome]


def _named(subject: Subject, row: Row) -> str:
    return "" if subject.is_single else f"{row.label}: "


def _best(subject: Subject) -> str:
    ranked = sorted(subject.rows, key=lambda row: row.mse)
    best = ranked[0]
    error = f"a mean squared error of {number(best.mse)} per pixel on the test images"
    if not subject.has_one_dataset:
        return "The models were measured on different images or pixels: their errors do not rank."
    if len(ranked) == 1:
        return f"{best.label} reaches {error}, {_gap_to_pca(best)}."
    lead = f"Of {len(ranked)} models, {best.marked} has the lowest error: {error}"
    return f"{lead}, {_gap_to_pca(best)}. {_runner_up(best, ranked[1])}"


def _gap_to_pca(row: Row) -> str:
    pca = row.facts.comparison.pca_mse
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
    statistics = filter(None, (row.statistic(MSE.metric) for row in (best, second)))
    sd = max(statistic.sd or 0.0 for statistic in statistics)
    if sd and second.mse - best.mse < 2 * sd:
        return f"{text}; that is within what another seed can change, so it decides nothing."
    return f"{text}."


def _by_size(subject: Subject) -> str:
    sizes = sorted({row.numbers for row in subject.rows})
    if len(sizes) < 2 or len(sizes) == len(subject.rows) or not subject.has_one_dataset:
        return ""
    leaders = []
    for size in sizes:
        best = min((row for row in subject.rows if row.numbers == size), key=lambda row: row.mse)
        leaders.append(f"{best.label} with {size} ({number(best.mse)})")
    return (
        "A larger code can hold more of an image, so models are best compared at the same size; "
        f"the lowest errors by code size are {joined(leaders)}."
    )


def _against_pca(subject: Subject) -> str:
    if subject.is_single:
        return ""
    behind, undecided = (
        [row.label for row in _with_outcome(subject, outcome)] for outcome in _NOT_WON
    )
    if not behind and not undecided:
        return "Every model beats PCA with a code of its size."
    if len(behind) == len(subject.rows):
        return (
            "No model beats PCA with a code of its size: the linear method would have done better."
        )
    sentences = []
    if len(behind) > MAX_NAMED:
        sentences.append(
            f"{len(behind)} of the {len(subject.rows)} do not beat PCA of the same size."
        )
    elif behind:
        verb = "does" if len(behind) == 1 else "do"
        sentences.append(f"{joined(behind)} {verb} not beat PCA with a code of the same size.")
    if undecided:
        sentences.append(f"{shortened(undecided)} cannot be told from PCA of the same size.")
    return " ".join(sentences)


def _circumstances(subject: Subject) -> list[str]:
    data = subject.rows[0].data
    runs = [run for row in subject.rows for run in row.runs]
    sentences = [
        f"The data are {data.name} ({shape(list(data.shape))}): {_sizes(subject)}.",
        describe_range(data.range, data.range_reason),
        _store(data),
        _test_images(subject, runs),
        *_no_duplicates(subject),
        _seeds(subject),
        _machine([run.environment for run in runs]),
        describe_fittings(row.first.recipe for row in subject.rows),
    ]
    return [sentence for sentence in sentences if sentence]


def _store(data: DataFacts) -> str:
    """Say where images were kept, unless that was in memory."""
    if data.kept is None or data.kept.kind == "resident":
        return ""
    return describe_store(data.kept)


def _sizes(subject: Subject) -> str:
    sizes = [row.facts.sizes for row in subject.rows]
    return joined(
        [
            f"{span(size.train for size in sizes)} examples to train on",
            f"{span(size.validation for size in sizes)} to watch the training",
            f"{span(size.test for size in sizes)} to test on",
        ]
    )


def _test_images(subject: Subject, runs: Sequence[RunFindings]) -> str:
    if not subject.has_one_dataset:
        return ""  # It is said where models are ranked.
    tests = {(run.data.fingerprint, run.data.seed, run.data.sizes.test) for run in runs}
    if len(tests) == 1:
        return "" if subject.is_single else "All models were tested on the same images."
    return (
        "Not all models were tested on the same images, so small differences between them may come "
        "from those."
    )


def _no_duplicates(subject: Subject) -> list[str]:
    """Say that no test example was trained on; where some were, a warning says it already."""
    return [] if duplicates_of(subject.rows, only_if_any=True) else duplicates_of(subject.rows)


def _seeds(subject: Subject) -> str:
    if subject.seeds > 1:
        return (
            f"Numbers are the mean ± standard deviation over up to {subject.seeds} training seeds, "
            "all on one split; pictures show the first seed."
        )
    models = "The model" if subject.is_single else "Each model"
    return f"{models} was trained once: another seed would give slightly different numbers."


def _machine(environments: Sequence[Environment]) -> str:
    names = sorted({e.processor for e in environments if e.processor})
    devices = sorted({e.device for e in environments if e.device})
    threads = sorted({e.threads for e in environments if e.threads})
    precisions = sorted({e.precision for e in environments if e.precision})
    if not devices and not names:
        return ""
    where = f"Trained on {joined(devices)}" if devices else "Trained"
    cores = f" with {span(threads)} thread{'s' if threads[-1] > 1 else ''}" if threads else ""
    precision = f" in {joined(precisions)}" if precisions else ""
    return f"{where}{cores}{precision}{f' ({joined(names)})' if names else ''}."
