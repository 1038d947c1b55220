"""Which names of folders, files and arrays mean the training, validation or test part."""

import re
from collections.abc import Iterable

_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_COMPANIONS = {"data", "dataset", "image", "images", "img", "imgs", "seg", "set"}
"""Words that may stand beside that of a part in the name of a folder, as in ``train_images``."""


def part_of_folder(name: str) -> str | None:
    """Return the part that a folder holds; None if its name may as well be that of a class.

    Parameters
    ----------
    name : str
        Such as ``train``, ``Testing``, ``val2017``, ``seg_train`` or ``test_images``.
    """
    words = _split(name)
    return part_of_words([word for word in words if word not in _COMPANIONS])


def part_of_file(name: str) -> str | None:
    """Return the part that a file holds; None if no word of its name, or several, mean one.

    Parameters
    ----------
    name : str
        Such as ``train-00000-of-00002.parquet`` or ``test_32x32.mat``.
    """
    return part_of_words([word for word in _split(name) if word in _WORDS])


def part_of_words(words: Iterable[str]) -> str | None:
    """Return the part that the only word means; None for other words or several."""
    (word, *others) = [*words, ""]
    return None if others[:-1] else _WORDS.get(word)


def _split(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower())
