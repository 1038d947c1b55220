"""The section on a search: what was tried, what mattered, and the best recipe."""

from collections.abc import Iterator

from latentscape.api.pages import search_charts as charts
from latentscape.core.units import NONE, count, duration, memory_size, number
from latentscape.evaluation.search import MEASURES, Search, SearchTrial
from latentscape.reporting.blocks import Block, Cell, Details, Gallery, Prose, Section, Table
from latentscape.reporting.search import cautions, describe_best, describe_search, write_key
from latentscape.reporting.subject import Subject

LISTED = 10
"""Trials that the table lists."""


def section(subject: Subject) -> Section | None:
    """Show a search; None where nothing was searched."""
    search = None if subject.study is None else subject.study.members.search
    if search is None:
        return None
    blocks: list[Block] = [Prose([*paragraphs(search)]), charts.history(search)]
    if any(len(trial.curve) > 1 for trial in search.trials):
        blocks.append(charts.curves(search))
    if search.importance:
        blocks.append(charts.importance(search))
    if len(search.trials) > 1:
        blocks += [charts.coordinates(search), Gallery(charts.slices(search))]
    blocks += [trials(search), Details("The best recipe: train it as best.yaml", search.recipe)]
    return Section("search", "Search", "", blocks)


def paragraphs(search: Search) -> Iterator[str]:
    """Say what was tried and what came of it; and what its numbers do not say."""
    yield f"{describe_search(search)} {describe_best(search)}"
    yield from cautions(search)
    yield (
        f"All trials take {memory_size(search.bytes)} on disk. Only the best keeps its weights; "
        "the others keep their settings and histories."
    )


def trials(search: Search) -> Table:
    """List the best trials, and what became of the others."""
    measure, paths = MEASURES[search.metric], [*search.space]
    ordered = sorted(
        search.trials,
        key=lambda trial: (trial.value is None, trial.value or 0.0, trial.number),
    )
    head = [("Trial", ""), (measure.name.capitalize(), measure.unit)]
    head += [(path, "") for path in paths] + [("Epochs", ""), ("Training", "time")]
    body = [_row(trial, paths, trial.number == search.best) for trial in ordered[:LISTED]]
    more = len(ordered) - len(body)
    caption = f"The best {len(body)} trials of {len(ordered)}." if more else "All trials."
    caption += " ★ marks the best. A trial without a value was stopped, or has failed."
    return Table(caption, head, body)


def _row(trial: SearchTrial, paths: list[str], is_best: bool) -> list[Cell]:
    note = "" if trial.state == "finished" else trial.state
    return [
        Cell(str(trial.number), title=True, note=note),
        Cell(NONE if trial.value is None else number(trial.value), best=is_best),
        *(Cell(write_key(trial.params[path]) if path in trial.params else NONE) for path in paths),
        Cell(count(len(trial.curve))),
        Cell(duration(trial.seconds)),
    ]
