"""Export models to every format, and print how far the files are from their models.

Each recipe is trained on 2,000 digits for two epochs first, or runs are given: ``python
tools/parity.py [RUN ...]``. What it prints is the table of docs/exports.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import latentscape
from latentscape.core.errors import ConfigError
from latentscape.exports.checked import Exported
from latentscape.exports.targets import TARGETS
from latentscape.runs import Run, open_run

BRIEFLY = {"data.train": 2000, "train.epochs": 2}
FILES = [(target, part) for target in TARGETS for part in ("encoder", "decoder")]


def runs(given: list[str], folder: Path) -> Iterator[Run]:
    """Open the runs that are given, or train every recipe."""
    if given:
        yield from map(open_run, given)
        return
    for name in latentscape.recipe_names():
        yield latentscape.train(name, data="mnist-5k", changes=BRIEFLY, folder=folder, quiet=True)


def export(run: Run, target: str, part: str, folder: Path) -> Exported | None:
    """Export half of a run; None where the format has nothing for it."""
    try:
        return latentscape.export(run, target, part=part, out=folder)[0]
    except ConfigError:
        return None


def main(given: list[str]) -> int:
    """Print a table in Markdown."""
    headings = ["recipe", "largest code", *(f"{target}, {part}" for target, part in FILES)]
    print(f"| {' | '.join(headings)} |\n{'|---' * len(headings)}|")
    with TemporaryDirectory() as folder:
        for run in runs(given, Path(folder)):
            found = [export(run, target, part, Path(folder)) for target, part in FILES]
            largest = next(one.largest for one in found if one and one.part == "encoder")
            cells = [f"{one.difference:.1e}" if one else "–" for one in found]
            print(f"| {run.recipe.name} | {largest:.3g} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
