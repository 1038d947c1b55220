"""Writes the signatures of the functions of analyses for editors and type checkers.

The functions are made of the registry when they are first used, which nobody can see who reads the
source alone. Run by ``python -m tools.analysis_stub`` after an analysis or its settings change; a
test says when.
"""

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from pathlib import Path
from textwrap import indent
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from latentscape.analyses.registry import function_names
from latentscape.api.functions import function_of

FILE = Path(__file__).parents[1] / "src" / "latentscape" / "api" / "analysis_functions.pyi"
HEAD = '"""The functions of analyses, as tools/analysis_stub.py writes them."""'


def stub() -> str:
    """Return the text of the file."""
    imports: set[tuple[str, str]] = set()
    functions = [_written(function_of(name), imports) for name in function_names()]
    lines = [f"from {module} import {name}" for module, name in sorted(imports)]
    return "\n\n".join([HEAD, "\n".join(lines), *functions]) + "\n"


def _written(function: Callable[..., Any], imports: set[tuple[str, str]]) -> str:
    contents = signature(function)
    parameters = [_parameter(item, imports) for item in contents.parameters.values()]
    positional = sum(item.kind != Parameter.KEYWORD_ONLY for item in contents.parameters.values())
    parameters.insert(positional, "*")
    returned = _type(contents.return_annotation, imports)
    lines = "".join(f"    {parameter},\n" for parameter in parameters)
    head = f"def {function.__name__}(\n{lines}) -> {returned}:\n"
    return head + indent(f'"""{function.__doc__}\n"""', "    ")


def _parameter(parameter: Parameter, imports: set[tuple[str, str]]) -> str:
    default = "" if parameter.default is Parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {_type(parameter.annotation, imports)}{default}"


def _type(annotation: Any, imports: set[tuple[str, str]]) -> str:
    """Write a type as source, and note what has to be imported for it."""
    origin, members = get_origin(annotation), get_args(annotation)
    if annotation in (None, NoneType):
        return "None"
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(_type(member, imports) for member in members))
    if origin is Annotated:
        return _type(members[0], imports)
    if origin is Literal:
        imports.add(("typing", "Literal"))
        return f"Literal[{', '.join(map(repr, members))}]"
    if origin is tuple:  # Whatever has an order is taken.
        return f"{_type(Sequence, imports)}[{_type(members[0], imports)}]"
    if origin is np.ndarray:
        imports |= {("numpy.typing", "NDArray"), ("typing", "Any")}
        return "NDArray[Any]"
    if origin is not None:
        return f"{_type(origin, imports)}[{', '.join(_type(m, imports) for m in members)}]"
    if annotation.__module__ != "builtins":
        imports.add((annotation.__module__, annotation.__name__))
    return str(annotation.__name__)


if __name__ == "__main__":
    FILE.write_text(stub(), encoding="utf-8")
