"""Texts that may hold a password, and are kept or shown."""

import re

_PASSWORD = re.compile(r"(://[^/:@\s]*):[^@\s]*@")


def without_passwords(text: str) -> str:
    """Replace the passwords of all addresses in a text, as in ``mysql://user:***@host/name``."""
    return _PASSWORD.sub(r"\1:***@", text)
