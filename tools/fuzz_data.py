"""Damage data files of every format in every way we can think of, and read them.

Run: ``python tools/fuzz_data.py --count 10000``. A damaged file must be refused with one of our own
errors that names it, or be read as something. Nothing may be executed, written to or warned about,
and nothing may end the process. Prints what came of it, as ``tools/fuzz.py`` does, whose ways of
damage and watch it uses. The samples are those of the tests.
"""

import argparse
import codecs
import sys
import warnings
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import torch

from fuzz import (  # type: ignore[import-not-found]
    Target,
    damage_bytes,
    fuzz,
    limit_memory,
)
from latentscape.config import DataConfig
from latentscape.data import load_dataset

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from data.format_samples import SAMPLES  # type: ignore[import-not-found]  # noqa: E402

NUMBERS = [b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 3, b"\xff" * 7 + b"\x7f", b"\0" * 8]
NUMBERS += [b"99999999", b"-1", b"\x80" * 4]


def damage_sizes(random: Random, content: bytes, other: bytes) -> bytes:
    """Put numbers that are huge, negative or zero into a file, most of them near its start."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(min(len(changed), random.choice([64, 400, len(changed)])))
        number = random.choice(NUMBERS)
        changed[place : place + len(number)] = number
    return bytes(changed)


def targets(folder: Path) -> list[Target]:
    """Write a sample of each format; every file in a folder is a target of its own."""
    dataset = load_dataset(DataConfig(source="digits"))
    images, labels = np.asarray(dataset.images)[:30, 0], dataset.labels
    assert labels is not None
    all_files = []
    for number, (name, sample) in enumerate(SAMPLES.items()):
        path = folder / str(number) / sample.name
        path.parent.mkdir()
        sample.write(path, images, labels[:30])
        read = partial(_fingerprint, path)
        files = [file for file in sorted([path, *path.rglob("*")]) if file.is_file()]
        damages = (damage_bytes, damage_sizes)
        all_files += [Target(file, file.read_bytes(), name, read, damages) for file in files[:3]]
    return [target for target in all_files if target.content]


def _fingerprint(path: Path) -> str:
    return load_dataset(DataConfig(source=str(path))).fingerprint


def main() -> int:
    """Damage `--count` files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many files to damage")
    parser.add_argument("--seed", type=int, default=0, help="draws the damage")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    with TemporaryDirectory() as temporary:
        all_targets = targets(Path(temporary))
        for encoding in ("utf_16_be", "utf_16_le", "utf_32_be", "utf_32_le"):
            codecs.lookup(encoding)
        # Without a look: libraries import some modules over damaged files only.
        fuzz(all_targets, 4 * len(all_targets), asked.seed + 1)
        limit_memory()
        watch = fuzz(all_targets, asked.count, asked.seed)
        watch.show("Data files")
    return int(bool(watch.failures))


if __name__ == "__main__":
    sys.exit(main())
