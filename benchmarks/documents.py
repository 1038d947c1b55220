"""What documents say about speed: tables and phrases, made of results.json."""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from statistics import median

from benchmarks.commands import FULL, HELP, SMALL, SMALL_CONVOLUTIONAL
from benchmarks.jobs import Row
from benchmarks.quality import OWN as TRAINED
from benchmarks.quality import PUBLISHED, QUALITY, SEARCHED, Entrant, seconds_to
from benchmarks.results import load_results
from benchmarks.targets import OWN, Sections, all_threads, contest_row, contest_rows, slower
from benchmarks.works import CONTESTANTS, ESSENTIAL
from latentscape.core.units import NONE, count, joined, number


def contest() -> str:
    """Write a table of the contest for each number of cores."""
    sections = load_results()
    tables = [_table(sections, threads) for threads in all_threads(sections)]
    return "\n\n".join(tables)


def contest_circumstances() -> str:
    """Say on what the contest was held, and when."""
    section = load_results()["contest"]
    versions = section["versions"]
    where = f"{section['machine']['processor']}, PyTorch {versions['torch']}, {section['date']}."
    return f"{where} Medians of timed epochs; the full results show the fastest and the slowest."


def equal_precision() -> str:
    """Say how long the fastest of the others takes at equal precision, by precision and cores."""
    sections = load_results()
    clauses = [
        f"{_times(ratios)} as long in {precision} on {_cores(threads)}"
        for threads in all_threads(sections)
        for precision in OWN
        if (ratios := [*_fastest_ratios(sections, precision, threads)])
    ]
    return f"the fastest other program takes {joined(clauses)}"


def elaborate() -> str:
    """Say where small layers are trained faster elsewhere; nothing where it was not measured."""
    sections, name = load_results(), "Keras on JAX"
    peer = contest_row(sections, "elaborate-4", name)
    own = contest_row(sections, "elaborate-4", OWN["float32"])
    if not peer or not own or peer["seconds"] >= own["seconds"]:
        return ""
    seconds = [number(row["seconds"], 2) for row in (peer, own)]
    return (
        f"- {name} is faster where all layers are small: {seconds[0]} against {seconds[1]} s for "
        "`elaborate-4` in float32."
    )


def commands() -> str:
    """Say how long commands take, and how much memory."""
    rows = {row["command"]: row for row in load_results()["commands"]["commands"]}
    first, convolutional = (
        number(rows[command]["first_epoch_seconds"], 2) for command in (SMALL, SMALL_CONVOLUTIONAL)
    )
    return (
        f"- From the command to the first finished epoch on `mnist-5k`, `simple-20` takes {first} "
        f"s and `conv-bn` {convolutional} s. `--help` takes {number(rows[HELP]['seconds'], 1)} s.\n"
        f"- Training `simple-20` on the full MNIST, evaluation included, takes at most "
        f"{number(rows[FULL]['peak_bytes'] / 1e6, 3)} MB of memory."
    )


def time_to_quality() -> str:
    """Say how soon models are as good as their references, by default and in a tuned script."""
    works = load_results()[QUALITY]
    each = "; ".join(_sooner(recipe, work["rows"]) for recipe, work in works.items())
    return (
        "training takes so many seconds until a model is as good as its reference, by default, and "
        f"in a tuned PyTorch script at its best and at the published rate: {each} (medians)"
    )


def _sooner(recipe: str, rows: list[Row]) -> str:
    seconds = [_seconds_of(rows, entrant) for entrant in (TRAINED, SEARCHED, PUBLISHED)]
    return f"`{recipe}` {joined(seconds)}"


def _seconds_of(rows: list[Row], entrant: Entrant) -> str:
    """Write how long an entrant trains until a model is as good, or that it never was."""
    middle = median(seconds_to(rows, entrant) or [inf])
    return "(never seen)" if middle == inf else number(middle, 2)


WRITERS: Mapping[str, Callable[[], str]] = {
    "contest": contest,
    "contest-circumstances": contest_circumstances,
    "equal-precision": equal_precision,
    "elaborate": elaborate,
    "time-to-quality": time_to_quality,
    "commands": commands,
}
"""Name of a region of the documents to what writes it."""


def _table(sections: Sections, threads: int) -> str:
    works = [work for work in ESSENTIAL if contest_rows(sections, work, threads)]
    heads = [f"`{work}`, {count(_images(sections, work, threads))} images" for work in works]
    lines = [
        [f"**{_cores(threads)}**", "precision", *(cell for head in heads for cell in (head, ""))],
        ["---"] * (2 + 2 * len(works)),
    ]
    for contestant in sorted(CONTESTANTS, key=lambda each: each.precision):
        rows = [contest_row(sections, work, contestant.name, threads) for work in works]
        if any(rows):
            cells = [cell for row in rows for cell in _seconds(sections, row)]
            lines.append([contestant.name, contestant.precision, *cells])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _images(sections: Sections, work: str, threads: int) -> int:
    return int(contest_rows(sections, work, threads)[0]["images"])


def _seconds(sections: Sections, row: Row | None) -> tuple[str, str]:
    """Write seconds per epoch, and how many times Latentscape's of the same precision that is."""
    if row is None:
        return NONE, NONE
    if row["contestant"] in OWN.values():
        return f"**{number(row['seconds'], 3)}**", ""
    ratio = slower(sections, row)
    return number(row["seconds"], 3), NONE if ratio is None else f"{number(ratio, 2)} ×"


def _fastest_ratios(sections: Sections, precision: str, threads: int) -> Iterator[float]:
    """Yield, of each work, the ratio of the fastest of the others in the same precision."""
    for work in ESSENTIAL:
        ratios = [
            ratio
            for row in contest_rows(sections, work, threads)
            if row["precision"] == precision and row["contestant"] not in OWN.values()
            if (ratio := slower(sections, row)) is not None
        ]
        if ratios:
            yield min(ratios)


def _times(ratios: list[float]) -> str:
    lowest, highest = (number(each, 2) for each in (min(ratios), max(ratios)))
    return f"{lowest} times" if lowest == highest else f"{lowest} to {highest} times"


def _cores(threads: int) -> str:
    return f"{threads} core{'s' if threads > 1 else ''}"
