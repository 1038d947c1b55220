"""Commands made of functions and of analyses: their options, choices and help follow."""

from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature, signature
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from latentscape.cli.options import pop_reading, reading_parameters
from latentscape.core.numpydoc import parameter_docs


def option(name: str, annotation: Any, text: str, *flags: str) -> Any:
    """Make the annotation of an option.

    Parameters
    ----------
    name : str
        Of the parameter.
    annotation : type
        As a Python function takes it.
    text : str
        Help.
    *flags : str
        Other than ``--<name>``.
    """
    kind, choices = _cli_type(annotation), _choices(annotation)
    names = flags or (f"--{name.replace('_', '-')}",)
    help_ = _help(text, kind, choices)

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    settings = typer.Option(*names, help=help_, autocompletion=complete if choices else None)
    return Annotated[kind if kind is bool else kind | None, settings]


def make_command(
    parameters: Iterable[Parameter], call: Callable[..., None], name: str, help_: str
) -> Callable[..., None]:
    """Give a function the signature that Typer reads options from.

    Parameters
    ----------
    parameters : iterable of Parameter
        Whose annotations are those of `option` or of `latentscape.cli.options`.
    call : callable
        Is called with them by keyword.
    name, help_ : str
        Of the command.
    """

    def command(**options: Any) -> None:
        call(**options)

    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in parameters]
    command.__name__, command.__doc__ = name.replace("-", "_"), help_
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def reading_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options for how data are read, in place of its parameter ``changes``."""
    parameters = []
    for parameter in signature(command).parameters.values():
        parameters += reading_parameters() if parameter.name == "changes" else [parameter]

    def call(**options: Any) -> None:
        command(changes=pop_reading(options), **options)

    return make_command(parameters, call, command.__name__, command.__doc__ or "")


def function_parameters(
    function: Callable[..., Any],
    known: Mapping[str, object],
    flags: Mapping[str, str],
    shared_docs: Mapping[str, str],
) -> list[Parameter]:
    """Return the parameters of a command that is a Python function's.

    Parameters
    ----------
    function : callable
        Its signature says names, types and defaults, its docstring the help.
    known : mapping of str to annotation
        Parameters whose annotation is written elsewhere; None leaves a parameter out.
    flags : mapping of str to str
        Flags other than ``--<name>``.
    shared_docs : mapping of str to str
        Help of parameters that the docstring describes as those of another function.
    """
    docs = dict(shared_docs) | parameter_docs(function)
    parameters = []
    for name, parameter in signature(function).parameters.items():
        if known.get(name, "") is None:
            continue
        text = docs.get(name, "")
        text = shared_docs.get(name, text) if text.startswith("As for") else text
        own = (flags[name],) if name in flags else ()
        annotation = known.get(name) or option(name, parameter.annotation, text, *own)
        default = parameter.default
        default = None if default == () else default
        parameters.append(parameter.replace(annotation=annotation, default=default))
    return parameters


def _cli_type(annotation: Any) -> Any:
    """Return what Typer can read: a type for a value of text, or a list of such."""
    members = [a for a in _members(annotation) if a is not type(None)]
    for member in members:
        if get_origin(member) in (tuple, list) or _is_sequence(member):
            return list[int] if int in get_args(member) else list[str]
    simple = (bool, int, float, Path)
    if len(members) == 1 and members[0] in simple:
        return members[0]
    if set(members) == {str, Path}:
        return Path
    return str


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _is_sequence(annotation: Any) -> bool:
    return getattr(get_origin(annotation), "__name__", "") == "Sequence"


def _choices(annotation: Any) -> list[str]:
    """List the words that an annotation allows."""
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    return [c for argument in get_args(annotation) for c in _choices(argument)]


def _help(text: str, kind: Any, choices: list[str]) -> str:
    text = text.replace("``", "")
    named = choices and not all(choice in text for choice in choices)
    words = f" Of: {', '.join(choices)}." if named else ""
    return f"{text}{words}{' Repeatable.' if get_origin(kind) is list else ''}"
