"""Run the benchmarks: ``python -m benchmarks [SECTION ...]``."""

import argparse
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from tools.evidence.pages import write_pages

from benchmarks.commands import run_commands
from benchmarks.contest import run_contest
from benchmarks.growth import run_growth
from benchmarks.precision import SEEDS, run_precision
from benchmarks.quality import AIMS, QUALITY, run_quality
from benchmarks.results import SECTIONS, load_results, save_section, write_report
from benchmarks.study import run_study
from benchmarks.works import CONTESTANTS, ESSENTIAL, WORKS, Contestant, Work
from latentscape import info
from latentscape.core.runtime import count_threads

REPORT = "report"
ALL = "all"

_Named = TypeVar("_Named", Work, Contestant)


def main() -> None:
    """Measure the sections that are asked for, keep each at once, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="SECTION",
        help=f"{', '.join(SECTIONS)} (all by default); {REPORT} only writes the pages anew",
    )
    parser.add_argument("--repetitions", type=int, default=3, help="of the commands")
    parser.add_argument(
        "--works",
        default="",
        help=f"of contest and quality; {','.join(ESSENTIAL)} of the one and all of the other by "
        "default; all is all of them",
    )
    parser.add_argument("--contestants", default="", help='as in "Latentscape;Keras on JAX"')
    given = parser.parse_args()
    sections = given.sections or list(SECTIONS)
    works = _chosen(parser, WORKS, given.works.removeprefix(ALL).split(","))
    contest = works if given.works else [work for work in WORKS if work.recipe in ESSENTIAL]
    contestants = _chosen(parser, CONTESTANTS, given.contestants.split(";"))
    if unknown := set(sections) - {*SECTIONS, REPORT}:
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    for name in SECTIONS:
        if name in sections:
            print(f"{name}:", flush=True)
            if name == QUALITY:
                _measure_quality(works)
            else:
                save_section(name, _measured(name, given.repetitions, contest, contestants))
    write_report()
    for page in write_pages():
        print(f"{page} is new")


def _chosen(
    parser: argparse.ArgumentParser, all_of_them: Sequence[_Named], names: Sequence[str]
) -> list[_Named]:
    """Return those of the names that are given; all where there are none."""
    wanted = {name.strip() for name in names} - {""}
    known = {_name(each) for each in all_of_them}
    if wanted - known:
        parser.error(f"{', '.join(sorted(wanted - known))}: choose from {'; '.join(sorted(known))}")
    return [each for each in all_of_them if not wanted or _name(each) in wanted]


def _name(each: Work | Contestant) -> str:
    return each.recipe if isinstance(each, Work) else each.name


def _measure_quality(works: Sequence[Work]) -> None:
    """Measure each work that has an aim, and keep it at once, beside others of another day."""
    recipes = {work.recipe for work in works}
    for aim in (aim for aim in AIMS if aim.recipe in recipes):
        measured = _described(run_quality(aim), len(SEEDS))
        save_section(QUALITY, {**load_results().get(QUALITY, {}), aim.recipe: measured})


def _measured(
    name: str, repetitions: int, works: Sequence[Work], contestants: Sequence[Contestant]
) -> dict[str, Any]:
    """Measure a section that is measured as a whole."""
    match name:
        case "contest":
            threads = sorted({count_threads(), 1}, reverse=True)
            return _described(run_contest(works, contestants, threads))
        case "study":
            return _described(run_study())
        case "commands":
            return _described(run_commands(repetitions), repetitions)
        case "growth":
            return _described(run_growth())
        case _:
            return _described(run_precision(), len(SEEDS))


def _described(content: dict[str, Any], repetitions: int = 1) -> dict[str, Any]:
    """Note when something was measured, how often, and on what."""
    machine = info("cpu")
    return {
        "date": _today(),
        "repetitions": repetitions,
        "versions": machine["versions"],
        "machine": machine["machine"],
        "precision": machine["training"]["precision"],
        **content,
    }


def _today() -> str:
    return date.today().isoformat()


if __name__ == "__main__":
    main()
