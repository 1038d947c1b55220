"""Code that a file names: it is imported only from packages that the user trusts, by their names.

A recipe, and so a run, may name a class of somebody's own. To import its module is to run it, and a
file may come from anywhere. So nothing is imported that the user has not allowed: with ``--trust
PACKAGE``, with `trust` or ``load(trust=...)`` in Python, or in the environment.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any

from latentscape.core.errors import CodeError, ConfigError, UntrustedCode, brief

VARIABLE = "LATENTSCAPE_TRUST"
"""Variable of the environment: packages that are trusted, with commas between them."""

_within = ContextVar[tuple[str, ...]]("trusted", default=())


def trust(*packages: str) -> None:
    """Trust packages of code in this process, and in those that it starts.

    A recipe or a run may name a class of your own (``kind: module``), and to import a class is to
    run the code of its package. Trust only what you would run.

    Parameters
    ----------
    *packages : str
        Names: ``"mypkg"`` with all its modules, or ``"mypkg.nets"`` alone.

    Raises
    ------
    ConfigError
        If one of them is no name.
    """
    known = [*_of_environment(), *_checked(packages)]
    os.environ[VARIABLE] = ",".join(dict.fromkeys(known))


@contextmanager
def trusting(packages: Iterable[str]) -> Iterator[None]:
    """Trust packages within a block, in this thread alone; see `trust`."""
    token = _within.set((*_within.get(), *_checked(packages)))
    try:
        yield
    finally:
        _within.reset(token)


def is_trusted(module: str) -> bool:
    """Whether a module, or a package that it belongs to, is trusted."""
    names = (*_of_environment(), *_within.get())
    return any(module == name or module.startswith(f"{name}.") for name in names)


def is_target(text: str) -> bool:
    """Whether a text names an object by its module, as in ``mypkg.nets:Encoder``."""
    module, colon, name = text.partition(":")
    return bool(colon) and _is_dotted(module) and name.isidentifier()


def import_object(target: str, part: str) -> Any:
    """Import an object from a package that is trusted.

    A module in the working directory is found too, after those that are installed.

    Parameters
    ----------
    target : str
        ``mypkg.nets:Encoder``.
    part : str
        What it is, for messages: ``encoder``.

    Raises
    ------
    UntrustedCode
        If its package is not trusted. Nothing has been imported.
    CodeError
        If there is no such object, or its module cannot be imported.
    """
    home, _, name = target.partition(":")
    _check_trust(home, f"The {part} {target} is code of the package {home.partition('.')[0]}")
    module = _import(home, part, target)
    try:
        item = getattr(module, name)
    except AttributeError as error:
        near = get_close_matches(name, dir(module), n=1, cutoff=0.5)
        raise CodeError(
            f"The {part} {target} cannot be imported: {home} has no {name}",
            fix=f"Did you mean {near[0]}?" if near else "",
        ) from error
    # A module also holds what it has imported itself, from anywhere.
    origin = str(getattr(item, "__module__", ""))
    _check_trust(origin, f"The {part} {target} is code of {origin or 'an unknown module'}")
    return item


def _check_trust(module: str, subject: str) -> None:
    if is_trusted(module):
        return
    package = module.partition(".")[0]
    raise UntrustedCode(
        f"{subject}, which is not trusted, and importing it would run that code",
        fix=f"If you trust it: --trust {package}, in Python latentscape.trust({package!r}), or "
        f"{VARIABLE}={package} in the environment.",
    )


def _import(home: str, part: str, target: str) -> ModuleType:
    # What it prints is no answer of a command.
    with _working_directory_last(), redirect_stdout(sys.stderr):
        try:
            return import_module(home)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{home}.".startswith(f"{error.name}."):
                raise _cannot_import(part, target, error) from error
            raise CodeError(
                f"The {part} {target} cannot be imported: there is no module {error.name}",
                expected="a module that is installed, or stands in the working directory",
            ) from error
        except (Exception, SystemExit) as error:
            raise _cannot_import(part, target, error) from error


def _cannot_import(part: str, target: str, error: BaseException) -> CodeError:
    return CodeError(
        f"The {part} {target} cannot be imported: {type(error).__name__}: {brief(error)}"
    )


@contextmanager
def _working_directory_last() -> Iterator[None]:
    """Find modules in the working directory too, which only ``python`` itself does."""
    folder = os.getcwd()
    sys.path.append(folder)
    try:
        yield
    finally:
        if folder in sys.path:  # The module may have changed the list.
            del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]


def _of_environment() -> tuple[str, ...]:
    return _checked(filter(None, os.environ.get(VARIABLE, "").split(",")))


def _checked(packages: Iterable[str]) -> tuple[str, ...]:
    names = (packages,) if isinstance(packages, str) else tuple(packages)
    stripped = tuple(str(name).strip() for name in names)
    for name in stripped:
        if not _is_dotted(name):
            raise ConfigError(
                f"{brief(repr(name))} is not the name of a package",
                expected="a name as in an import: mypkg, or mypkg.nets",
            )
    return stripped


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
