"""Names that people give, of which folders, headings and rows of tables are made."""

import unicodedata
from collections.abc import Iterator

MAX_NAME = 150
"""Most bytes of a name: files may have 255, and temporary ones add a few to it."""


def control_characters(text: str) -> Iterator[str]:
    """Yield the characters of a text that no terminal shows (ESC, newline), or no file can hold."""
    return (character for character in text if unicodedata.category(character) in ("Cc", "Cs"))


def check_printable(name: str) -> str:
    """Return a name that can be shown on one line.

    Raises
    ------
    ValueError
        Naming the first character that cannot be.
    """
    if control := next(control_characters(name), None):
        raise ValueError(f"the name {name!r} has the character U+{ord(control):04X}")
    return name


def check_folder_name(name: str) -> str:
    """Return a name that a visible folder can have.

    Raises
    ------
    ValueError
        Saying what is wrong with it.
    """
    check_printable(name)
    if not name.strip():
        raise ValueError("the name is empty")
    if "/" in name or "\\" in name:
        raise ValueError(f"the name {name!r} names a folder too")
    if name.startswith("."):
        raise ValueError(f"the name {name!r} begins with a full stop, as those of hidden files do")
    if len(name.encode()) > MAX_NAME:
        raise ValueError(f"the name has {len(name.encode())} bytes, and {MAX_NAME} at most fit")
    return name
