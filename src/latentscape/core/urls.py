"""What is a URL, as in ``s3://bucket/images.npz``, and what is a path."""

import re
from pathlib import Path, PurePath

from latentscape.core.errors import ConfigError

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.DOTALL | re.IGNORECASE)


def url_of(place: object) -> str | None:
    """Return the URL that a text or a path is; None of all else.

    A path has one slash where a URL has two.
    """
    text = place.as_posix() if isinstance(place, PurePath) else place
    match = _URL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    protocol, rest = match[1].lower(), match[2].rstrip("/")
    return f"{protocol}://{'/' * (protocol == 'file')}{rest}"


def refuse_url(place: str | Path, what: str) -> None:
    """Refuse to write to a URL what has to be in a folder.

    Raises
    ------
    ConfigError
        Which says how it gets to the URL.
    """
    if (url := url_of(place)) is not None:
        raise ConfigError(
            f"{what} cannot be written to {url}",
            expected="a folder: files at URLs are neither locked nor renamed",
            fix=f"Give a folder, and send what is finished there: latentscape runs copy RUN "
            f"--to {url}.",
        )
