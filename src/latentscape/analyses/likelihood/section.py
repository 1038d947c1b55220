"""The section on log-likelihoods, with the protocol beside them."""

from collections.abc import Mapping, Sequence

from latentscape.analyses.likelihood.result import BITS_PER_DIM, NLL, STANDARD_ERROR, Likelihood
from latentscape.analyses.likelihood.sentences import describe_protocol, describe_warning
from latentscape.analyses.notes import describe_drawn
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.metrics import Metric
from latentscape.core.units import number
from latentscape.reporting.blocks import Aside, Block, Cell, Numbers, Quantity, Section, Table
from latentscape.reporting.likelihoods import Group, by_kind, name_kind, set_apart
from latentscape.reporting.sentences import as_sentence, by_sentence
from latentscape.reporting.subject import Row, Subject


def section(item: AnyAnalysis, subject: Subject) -> Section | None:
    """Show estimated log-likelihoods."""
    rows = subject.having(Likelihood)
    if not rows:
        return None
    blocks: list[Block] = []
    if warnings := by_sentence((row.label, describe_warning(_of(row))) for row in rows):
        blocks.append(Aside("warning", "Beware when comparing.", warnings, len(warnings) > 1))
    if subject.is_single:
        blocks.append(_numbers(rows[0]))
    else:
        blocks += [_table(group) for group in by_kind(rows, (NLL, BITS_PER_DIM), _has)]
    return Section("likelihood", item.title, "", blocks)


def describe_protocols(rows: Sequence[Row]) -> list[str]:
    """Say how likelihoods were estimated, each protocol once."""
    return by_sentence((row.label, _protocol(_of(row))) for row in rows)


def _of(row: Row) -> Likelihood:
    return row.first.require(Likelihood)


def _protocol(result: Likelihood) -> str:
    return " ".join(map(as_sentence, [*describe_drawn(result), *describe_protocol(result)]))


def _numbers(row: Row) -> Numbers:
    result = _of(row)
    error = "" if result.se is None else f" ± {number(result.se, 2)}"
    quantities = [Quantity(NLL.name, f"{NLL.write(result.nll)}{error}", NLL.unit, NLL.about)]
    if result.bits_per_dim is not None:
        bits = BITS_PER_DIM.write(result.bits_per_dim)
        quantities.append(Quantity(BITS_PER_DIM.name, bits, "", BITS_PER_DIM.about))
    return Numbers(quantities, _protocol(result))


def _table(group: Group) -> Table:
    columns = list(group.metrics)
    if any(_has(row, STANDARD_ERROR) for row in group.rows):
        columns.insert(1, STANDARD_ERROR)
    kind = "" if group.kind is None else name_kind(group.kind)
    head = [("Model", kind), *((metric.name, metric.unit) for metric in columns)]
    body = [
        [Cell(row.label, title=True, marks=row.marks), *(_cell(row, metric) for metric in columns)]
        for row in group.rows
    ]
    sentences = [f"NLL: {NLL.about}", *describe_protocols(group.rows), *set_apart(group)]
    return Table(" ".join(sentences), head, body)


def _has(row: Row, metric: Metric) -> bool:
    return _first(row)[metric] is not None


def _cell(row: Row, metric: Metric) -> Cell:
    """Write a number: the mean over seeds where a study has it, otherwise of the first."""
    statistic = row.statistic(metric)
    value = _first(row)[metric] if statistic is None else statistic.mean
    return Cell(metric.write(value), note=metric.write_spread(statistic))


def _first(row: Row) -> Mapping[Metric, float | None]:
    result = _of(row)
    return {NLL: result.nll, STANDARD_ERROR: result.se, BITS_PER_DIM: result.bits_per_dim}
