"""Reading and writing the parameters of docstrings."""

import re
from collections.abc import Callable, Iterable
from inspect import cleandoc
from typing import Any

_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\w[\w, ]*?)(?: : .*)?\n((?:[ ]{4}.*\n?|\n)*)", re.MULTILINE)


def parameter_docs(function: Callable[..., Any]) -> dict[str, str]:
    """Return what a numpydoc docstring says of each parameter, on one line."""
    section = _SECTION.search(cleandoc(function.__doc__ or ""))
    if section is None:
        return {}
    docs = {}
    for names, text in _ENTRY.findall(section[1]):
        for name in names.split(", "):
            docs[name] = " ".join(text.split())
    return docs


def write_parameters(parameters: Iterable[tuple[str, str, str]]) -> str:
    """Write the section on parameters.

    Parameters
    ----------
    parameters : iterable of (str, str, str)
        Name, type and description of each.
    """
    entries = [f"{name} : {kind}\n    {text}" for name, kind, text in parameters]
    return "\n".join(["Parameters", "----------", *entries])
