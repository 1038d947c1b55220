"""What version 0.1.0 left out, and said in sentences."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from latentscape.core.findings import MISSING_PACKAGE, Json


class Sentence(NamedTuple):
    """A sentence of version 0.1.0.

    Attributes
    ----------
    reason : str
        The reason of today's `latentscape.core.findings.Skip`.
    pattern : str
        Matches the sentence without its full stop. Named groups are the detail, ``item`` the item.
    item : str
        The item, where no group says it.
    """

    reason: str
    pattern: str
    item: str = ""


_PACKAGE = Sentence(MISSING_PACKAGE, r"(?P<item>.+) left out: install it with: (?P<command>.+)")


def read_skips(texts: Iterable[str], sentences: Iterable[Sentence]) -> list[Json]:
    """Return the content of a `Skip` for each text; one that is not known stays as it is."""
    known = (*sentences, _PACKAGE)
    return [_read_skip(text, known) for text in texts]


def _read_skip(text: str, sentences: Iterable[Sentence]) -> Json:
    for reason, pattern, item in sentences:
        if match := re.fullmatch(pattern, text.rstrip(".")):
            detail = {key: _value(value) for key, value in match.groupdict().items()}
            return {"item": detail.pop("item", item), "reason": reason, "detail": detail}
    return {"item": "", "reason": "note", "detail": {"text": text}}


def _value(text: str) -> int | str:
    """Return a whole number, which may have separators, or text."""
    return int(text.replace(",", "")) if re.fullmatch(r"\d[\d,]*", text) else text
