"""How far exported files are from their models: each recipe, trained briefly, in every format."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import latentscape
from latentscape.core.errors import ConfigError
from latentscape.exports.targets import TARGETS
from tools.evidence.measuring import measured_now
from tools.evidence.records import Evidence, Number, ResultRow

BRIEFLY = {"data.train": 2000, "train.epochs": 2}
PARTS = ("encoder", "decoder")
FILES = {f"{target}, {part}": (target, part) for target in TARGETS for part in PARTS}
"""What the difference of a file is called, and which file it is."""
LARGEST = "largest code"


def measure_parity() -> Evidence:
    """Train every recipe on some digits, and export it to every format that takes it."""
    with TemporaryDirectory() as folder:
        rows = tuple(_rows(Path(folder)))
    return measured_now(
        "exports",
        "The largest absolute differences between exported files and their models.",
        rows,
        latentscape.load_recipe(rows[0].recipe),
    )


def _rows(folder: Path) -> Iterator[ResultRow]:
    for recipe in latentscape.recipe_names():
        run = latentscape.train(
            recipe,
            data="mnist-5k",
            changes=BRIEFLY,
            as_published=True,
            folder=folder,
            quiet=True,
        )
        numbers = {}
        for name, (target, part) in FILES.items():
            try:
                exported = latentscape.export(run, target, part=part, out=folder)[0]
            except ConfigError:  # The format has nothing for it.
                continue
            numbers[name] = exported.difference
            if part == "encoder":
                numbers.setdefault(LARGEST, exported.largest)
        print(recipe, numbers, flush=True)
        kept = {name: Number.of((value,)) for name, value in numbers.items()}
        yield ResultRow(label=recipe, recipe=recipe, numbers=kept)
