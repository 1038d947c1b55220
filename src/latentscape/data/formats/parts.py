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
    return _only_part([word for word in words_of(name) if word not in _COMPANIONS])


def part_of_file(name: str) -> str | None:
    """Return the part that a file or array holds; None if no word, or several, mean one.

    Parameters
    ----------
    name : str
        Such as ``train-00000-of-00002.parquet``, ``test_32x32.mat`` or ``x_val``.
    """
    return _only_part([word for word in words_of(name) if word in _WORDS])


def tests_on_validation(parts: Iterable[str]) -> bool:
    """Tell whether the last of the parts that a source holds is a validation part."""
    return list(parts)[1:] == ["validation"]


def other_words(name: str) -> list[str]:
    """Return the words of a name that mean no part."""
    return [word for word in words_of(name) if word not in _WORDS and word != "set"]


def words_of(name: str) -> list[str]:
    """Return the words in a name, in small letters; ``trainX`` has two."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]


def _only_part(words: list[str]) -> str | None:
    return _WORDS.get(words[0]) if len(words) == 1 else None
