"""What was aimed at, and whether it was reached."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from statistics import median

from benchmarks.commands import FULL, HELP, SMALL
from benchmarks.flops import training_flops
from benchmarks.jobs import Row
from benchmarks.quality import AIMS, QUALITY, SEARCHED, ahead, seconds_to
from benchmarks.quality import OWN as OWN_ENTRANT
from benchmarks.study import ALL, EACH
from latentscape.core.findings import Json
from latentscape.core.units import NONE, number, share

Sections = Json
"""The content of results.json."""

OWN = {"bfloat16": "Latentscape", "float32": "Latentscape, float32"}
"""Precision to what Latentscape is called in it."""


@dataclass(frozen=True)
class Target:
    """A number to reach.

    Attributes
    ----------
    what : str
        In words.
    bound : float
        At least so much; where `is_limit`, at most.
    value : callable
        Finds what was obtained; None where it was not measured.
    write : callable
        Writes both with their unit.
    """

    what: str
    bound: float
    value: Callable[[Sections], float | None]
    write: Callable[[float], str]
    is_limit: bool = False

    def row(self, sections: Sections) -> list[str]:
        """Return what was aimed at, what was obtained, and whether that is enough."""
        value = self.value(sections)
        wanted = f"{'≤' if self.is_limit else '≥'} {self.write(self.bound)}"
        if value is None:
            return [self.what, wanted, NONE, "not measured"]
        met = value <= self.bound if self.is_limit else value >= self.bound
        return [self.what, wanted, self.write(value), "met" if met else "**missed**"]


def contest_rows(sections: Sections, work: str, threads: int) -> list[Row]:
    """Return the rows of a work, trained on so many cores."""
    rows = _rows(sections, "contest")
    return [row for row in rows if (row["work"], row["threads"]) == (work, threads)]


def all_threads(sections: Sections) -> list[int]:
    """Return on how many cores the contest was held, the most first."""
    rows = _rows(sections, "contest")
    return sorted({row["threads"] for row in rows}, reverse=True)


def contest_row(
    sections: Sections, work: str, contestant: str, threads: int | None = None
) -> Row | None:
    """Return the row of a contestant that trained a work, on the most cores unless it is said.

    It is None where nobody did.
    """
    for count in [threads] if threads else all_threads(sections)[:1]:
        for row in contest_rows(sections, work, count):
            if row["contestant"] == contestant and "seconds" in row:
                return row
    return None


def slower(sections: Sections, row: Row, precision: str | None = None) -> float | None:
    """Return how many times as long as Latentscape's an epoch of a contestant takes.

    Latentscape's is that of the same precision, unless another one is asked for.
    """
    name = OWN[precision or row["precision"]]
    own = contest_row(sections, row["work"], name, row["threads"])
    return float(row["seconds"] / own["seconds"]) if own and "seconds" in row else None


def limit(sections: Sections, precision: str) -> float | None:
    """Return the highest GFLOP/s that matrix products came to, in a precision."""
    found = [each[precision] for each in sections.get("contest", {}).get("limits", [])]
    return max(found, default=None)


def limit_share(sections: Sections, work: str, contestant: str = OWN["bfloat16"]) -> float | None:
    """Return which share of the limit of its precision the products of a work come to."""
    row = contest_row(sections, work, contestant)
    most = limit(sections, row["precision"]) if row else None
    if row is None or most is None:
        return None
    return float(training_flops(work) * row["images_per_second"] / 1e9 / most)


def _times(value: float) -> str:
    return "not reached" if value == inf else f"{number(value, 3)} ×"


def quality_rows(sections: Sections, work: str) -> list[Row]:
    """Return the trainings of a work that were to come to a quality."""
    return _rows(sections.get(QUALITY, {}), work)


def _rows(sections: Sections, name: str) -> list[Row]:
    rows: list[Row] = sections.get(name, {}).get("rows", [])
    return rows


def _ratio(work: str, contestant: str, bound: float) -> Target:
    def value(sections: Sections) -> float | None:
        row = contest_row(sections, work, contestant)
        return slower(sections, row, "bfloat16") if row else None

    return Target(
        f"{work}: seconds per epoch, {contestant} in float32 / Latentscape in bfloat16",
        bound,
        value,
        _times,
    )


def _step(work: str, contestant: str, bound: float) -> Target:
    def value(sections: Sections) -> float | None:
        row = contest_row(sections, work, contestant)
        return slower(sections, row) if row else None

    return Target(
        f"{work}: seconds per epoch, {contestant} / Latentscape in the same precision",
        bound,
        value,
        _times,
    )


def _time_to_quality(work: str, bound: float) -> Target:
    def value(sections: Sections) -> float | None:
        return ahead(quality_rows(sections, work), SEARCHED)

    return Target(
        f"{work}: seconds to the published error, {SEARCHED.name} / Latentscape",
        bound,
        value,
        _times,
    )


def _study_ratio(how: str, bound: float) -> Target:
    def value(sections: Sections) -> float | None:
        own, *others = sections.get("study", {}).get("rows", [None])
        return next(
            (row["seconds"] / own["seconds"] for row in others if row["contestant"].endswith(how)),
            None,
        )

    return Target(
        f"30 runs of simple-20 on mnist-5k: seconds of PyTorch, tuned, {how} / Latentscape",
        bound,
        value,
        _times,
    )


def _seconds_to(sections: Sections, work: str) -> float | None:
    seconds = seconds_to(quality_rows(sections, work), OWN_ENTRANT)
    return median(seconds) if seconds else None


def _command(what: str, command: str, key: str, bound: float, mega: bool = False) -> Target:
    def value(sections: Sections) -> float | None:
        rows = sections.get("commands", {}).get("commands", [])
        return next((row[key] for row in rows if row["command"] == command), None)

    def write(value: float) -> str:
        return f"{number(value / 1e6, 3)} MB" if mega else f"{number(value, 3)} s"

    return Target(what, bound, value, write, is_limit=True)


TARGETS = (
    _ratio("simple-20", "pythae", 4),
    _ratio("simple-20", "Keras on TensorFlow", 3.5),
    _ratio("simple-20", "PyTorch, DataLoader", 5),
    _ratio("simple-20", "Keras on JAX", 1.3),
    Target(
        "simple-20: share of the bfloat16 limit of matrix products",
        0.4,
        lambda sections: limit_share(sections, "simple-20"),
        share,
    ),
    _ratio("conv-bn", "Keras on TensorFlow", 3),
    _ratio("conv-bn", "Keras on JAX", 8),
    _ratio("conv-bn", "PyTorch, in memory", 2),
    *(
        _step(work, contestant, bound)
        for work in ("simple-20", "vae-20", "conv-bn", "conv-vae")
        for contestant, bound in (("PyTorch, tuned, bfloat16", 1.6), ("PyTorch, tuned", 1.3))
    ),
    *(_time_to_quality(aim.recipe, 3) for aim in AIMS),
    Target(
        "simple-20: seconds to the published error",
        10,
        lambda sections: _seconds_to(sections, "simple-20"),
        lambda value: f"{number(value, 3)} s",
        is_limit=True,
    ),
    _study_ratio(EACH, 3),
    _study_ratio(ALL, 3),
    _command("simple-20 on mnist-5k: first finished epoch", SMALL, "first_epoch_seconds", 1.5),
    _command(f"`{HELP}`", HELP, "seconds", 0.2),
    _command(f"`{FULL}`: peak memory", FULL, "peak_bytes", 600e6, mega=True),
)
