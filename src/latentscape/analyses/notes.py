"""How an analysis was done, and what it left out: on a page and on the terminal."""

from collections.abc import Iterable, Sequence

from latentscape.analyses.analysis import Result
from latentscape.analyses.codes import Guessing
from latentscape.analyses.registry import AnyAnalysis
from latentscape.core.units import count, joined
from latentscape.reporting.blocks import Aside, Block, Prose
from latentscape.reporting.sentences import (
    as_sentence,
    by_sentence,
    describe_cautions,
    describe_skip,
)
from latentscape.reporting.subject import Row
from latentscape.terminal.layout import print_line


def protocols(item: AnyAnalysis, rows: Iterable[Row], max_sentences: int | None = None) -> str:
    """Say how the results of rows were obtained, in so many sentences of each row at most."""
    sentences = []
    for row in rows:
        if (result := row.get(item.result)) is not None:
            own = [*describe_method(item, result), *describe_cautions(row.first)]
            sentences.append((row.label, " ".join(map(as_sentence, own[:max_sentences]))))
    return " ".join(by_sentence(sentences))


def circumstances(item: AnyAnalysis, rows: Sequence[Row]) -> list[Block]:
    """Say how results were obtained, and what was not measured, and why."""
    results = [result for row in rows if (result := row.get(item.result)) is not None]
    sentences = dict.fromkeys(text for result in results for text in skip_sentences(item, result))
    protocol = protocols(item, rows)
    blocks: list[Block] = [Prose([protocol], small=True)] if protocol else []
    if sentences:
        blocks.append(Aside("note", "Left out.", list(sentences), len(sentences) > 1))
    return blocks


def describe_method(item: AnyAnalysis, result: Result) -> list[str]:
    """Say which examples were looked at, where these are not all, and then how."""
    return [*describe_drawn(result), *item.protocol(result)]


def describe_drawn(result: Result) -> list[str]:
    """Say how many examples were drawn of large parts, if there are any."""
    parts = {} if result.drawn is None else result.drawn.parts()
    counts = [
        f"{count(drawn)} drawn of {count(every)} {'training' if part == 'train' else part} examples"
        for part, (drawn, every) in parts.items()
    ]
    return [f"On {joined(counts)}"] if counts else []


def skip_sentences(item: AnyAnalysis, result: Result) -> list[str]:
    """Say what was not measured, and why, each sentence once."""
    return list(dict.fromkeys(describe_skip(skip, item.skip_reasons) for skip in result.skips()))


def print_notes(item: AnyAnalysis, result: Result) -> None:
    """Print how a result was obtained, and what it leaves out."""
    for sentence in dict.fromkeys(map(as_sentence, describe_method(item, result))):
        print_line(sentence, "dim", indent=2)
    for sentence in skip_sentences(item, result):
        print_line(sentence, "yellow", indent=2)


def describe_guessing(guessing: Guessing) -> str:
    """Say what accuracy takes no code to reach."""
    return f"Without looking: {guessing}."
