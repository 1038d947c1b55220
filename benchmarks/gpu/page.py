"""The part of the page about a GPU; without one, about the dry run."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.jobs import Row
from benchmarks.markdown import page, table
from latentscape.core.findings import Json
from latentscape.core.units import NONE, count, joined, number

Results = Json

FILES = {"cuda": "gpu.json", "cpu": "gpu-dry.json"}
"""Where results are kept, by the kind of the device; those of a GPU count."""

CHECKS = {
    "losses": "The first losses are those of the CPU",
    "capture": "Captured steps are those of the plain engine, a smaller last batch included",
    "shards": "So they are where batches are cut into 8 shards",
    "resume": "A training that is stopped within epochs comes to the same bits",
    "rollback": "So do both engines where weights become NaN twice",
    "group": "A process group of one carries numbers, and changes no bit",
}


@dataclass(frozen=True)
class Expectation:
    """What was expected of a GPU, before there was one.

    Attributes
    ----------
    what : str
        In words.
    most : float
        It should be no more.
    unit : str
        Of both.
    value : callable
        Finds what was obtained; None where it was not measured.
    """

    what: str
    most: float
    unit: str
    value: Callable[[Results], float | None]


def load_gpu(folder: Path) -> Results | None:
    """Read what was measured on a GPU, else in a dry run."""
    for name in FILES.values():
        if (folder / name).exists():
            results: Results = json.loads((folder / name).read_text("utf-8"))
            return results
    return None


def gpu(results: Results) -> str:
    """Write the part of the page."""
    if results["circumstances"]["device"] == "cpu":
        return _dry(results)
    machine, versions = results["circumstances"]["machine"], results["circumstances"]
    where = f"{machine['processor']}, PyTorch {versions['torch']}, CUDA {versions['cuda']}"
    return page(
        "## A GPU",
        f"""On one {where}. To repeat it: `make bench-gpu`, at most 8 minutes. Epochs are of 60,000
        MNIST images, of a third as many scenes; the last half of them is timed, their median
        stands here. Memory is that of tensors on the GPU.""",
        _checks(results),
        _expected(results),
        _epochs(results),
        _others(results),
        _sections(results),
    )


def _dry(results: Results) -> str:
    outcomes = {name: section["failure"] for name, section in results["sections"].items()}
    done = [f"`{name}`" for name, failure in outcomes.items() if not failure]
    failed = [f"`{name}` {failure}" for name, failure in outcomes.items() if failure]
    return page(
        "## A GPU",
        f"""No GPU was at hand. The script that measures one, `make bench-gpu`, was run on the CPU
        with small sizes (`make bench-gpu DEVICE=cpu`): the same code, which chooses by the device
        alone. Its times say nothing. It went through {joined(done)}.
        {"It failed: " + joined(failed) + "." if failed else ""}""",
        _checks(results),
        "What is expected of a GPU, an H200:",
        _expected({"sections": {}}),
    )


def rows_of(results: Results, section: str) -> list[Row]:
    """Return the rows of a section; none where it was not measured."""
    rows: list[Row] = results["sections"].get(section, {}).get("rows", [])
    return rows


def _epoch_of(results: Results) -> float | None:
    rows = [row for row in rows_of(results, "epochs") if row["work"] == "simple-20"]
    captured = [row["seconds"] for row in rows if row["engine"] == "auto"]
    return min(captured) * 1e3 if captured else None


def _seconds_to_quality(results: Results) -> float | None:
    rows = [row for row in rows_of(results, "quality") if row["work"] == "simple-20"]
    rows = [row for row in rows if row["whole_mnist"] and row["reached"]]
    return rows[0]["seconds"] if rows else None


def _sixty_four(results: Results) -> float | None:
    seconds = {row["models"]: row["seconds"] for row in rows_of(results, "many")}
    return seconds[64] / seconds[1] if {1, 64} <= seconds.keys() else None


EXPECTATIONS = (
    Expectation("simple-20: an epoch of 60,000 images, batches of 128", 25, "ms", _epoch_of),
    Expectation("simple-20: to 65.3 nats", 0.5, "s", _seconds_to_quality),
    Expectation("64 seeds of simple-20, in times of one", 3, "×", _sixty_four),
)


def _expected(results: Results) -> str:
    rows = [_expectation(each, each.value(results)) for each in EXPECTATIONS]
    return table(["What", "Expected", "Obtained", "Verdict"], rows)


def _expectation(each: Expectation, value: float | None) -> list[str]:
    expected = f"≤ {each.most:g} {each.unit}"
    if value is None:
        return [each.what, expected, NONE, "not measured"]
    verdict = "met" if value <= each.most else "**missed**"
    return [each.what, expected, f"{number(value, 3)} {each.unit}", verdict]


def _checks(results: Results) -> str:
    rows = [_check(CHECKS[name], results["sections"].get(name, {})) for name in CHECKS]
    return table(["Check", "Passed", "Failed"], rows)


def _check(what: str, section: Json) -> list[str]:
    rows = section.get("rows", [])
    failed = [row["what"] for row in rows if not row["passed"]]
    passed = f"{len(rows) - len(failed)} of {len(rows)}" if rows else "not measured"
    if section.get("failure"):
        passed = f"{passed}, then {section['failure']}"
    return [what, passed, joined(failed) if failed else NONE]


def _epochs(results: Results) -> str:
    rows = [row for name in ("epochs", "eager", "compiled") for row in rows_of(results, name)]
    works = list(dict.fromkeys(row["work"] for row in rows))
    lines = [_epoch(row) for work in works for row in rows if row["work"] == work]
    head = ["Work", "Who", "Precision", "s per epoch", "Fastest … slowest", "Memory, MB", "n"]
    return table(head, lines, words=3)


def _epoch(row: Row) -> list[str]:
    own = row["who"] == "Latentscape" and row["engine"] == "plain"
    return [
        row["work"],
        f"{row['who']}, not captured" if own else row["who"],
        row["precision"],
        number(row["seconds"], 3),
        f"{number(row['fastest'], 3)} … {number(row['slowest'], 3)}",
        number(row["peak_bytes"] / 1e6, 3),
        count(row["n"]),
    ]


def _others(results: Results) -> str:
    lines = [
        *(
            [f"{row['work']}: epoch, images {row['storage']}", f"{number(row['seconds'], 3)} s"]
            for row in rows_of(results, "storage")
        ),
        *(
            [f"{row['work']}: embedded", f"{number(row['images_per_second'], 3)} images/s"]
            for row in rows_of(results, "embedding")
        ),
        *(
            [f"{row['work']}: {count(row['models'])} at once", f"{number(row['seconds'], 3)} s"]
            for row in rows_of(results, "many")
        ),
        *map(_quality, rows_of(results, "quality")),
    ]
    return table(["What", "Obtained"], lines)


def _quality(row: Row) -> list[str]:
    data = "MNIST" if row["whole_mnist"] else "the 5,000 digits that come with the program"
    end = "" if row["reached"] else ", which was not reached"
    return [
        f"{row['work']}: to {row['aim']:g} on validation images of {data}{end}",
        f"{number(row['seconds'], 3)} s, {row['epochs']} epochs, test {number(row['test_error'])}",
    ]


def _sections(results: Results) -> str:
    rows = [
        [name, section["date"], section["failure"] or "done", number(section["seconds"], 3)]
        for name, section in results["sections"].items()
    ]
    return table(["Section", "Date", "Outcome", "s"], rows, words=3)
