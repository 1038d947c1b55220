"""The exceptions that Latentscape raises on purpose.

::

    LatentscapeError
    ├── DataError        data that cannot be read, or do not fit what is asked of them
    │   └── MissingData  data that a model was trained on and that are not where they were
    ├── ConfigError      a recipe, a study or an option that is wrong
    │   └── CodeError        a network of the user's own that is not there, or does not fit
    │       └── UntrustedCode    one whose package nobody has allowed to be imported
    ├── RunError         a run directory or model file that cannot be written or read
    └── TrainingError    training that cannot go on
        ├── HookError    a hook of a user that has failed; training saved itself
        └── Interrupted  training that was asked to stop, and saved itself

Each message says what was got, what was expected and what to do about it. Data and settings that
are wrong are a `ValueError` too, which is what users of scikit-learn catch.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class LatentscapeError(Exception):
    """Base of every error that a user can understand and mend.

    Parameters
    ----------
    got : str
        What was found, as a sentence without its full stop.
    expected : str, optional
        What was expected instead, completing "Expected ...".
    fix : str, optional
        What to do, as a sentence.
    """

    exit_code = 2
    is_told = False
    """Whether another process says it too."""

    def __init__(self, got: str, *, expected: str = "", fix: str = "") -> None:
        parts = [got, f"Expected {expected}" if expected else "", fix]
        super().__init__(" ".join(_sentence(part) for part in parts if part))


class DataError(LatentscapeError, ValueError):
    """Data that cannot be read, or do not fit what is asked of them."""


class MissingData(DataError):
    """Data that a model was trained on, and that are not where they were."""


class ConfigError(LatentscapeError, ValueError):
    """A recipe, a study or an option that is wrong."""


class CodeError(ConfigError):
    """A network of the user's own that is not there, raises, or does not fit the model."""


class UntrustedCode(CodeError):
    """Code whose package nobody has allowed to be imported: nothing of it has run."""


class RunError(LatentscapeError):
    """A run directory or model file that cannot be written or read."""


class TrainingError(LatentscapeError):
    """Training that cannot go on."""


class HookError(TrainingError):
    """A hook that has raised an error; training stopped, and saved a checkpoint first."""


class Interrupted(TrainingError):
    """Training that was asked to stop (Ctrl-C) and saved a checkpoint first."""

    exit_code = 130


def unknown(
    what: str, name: str, choices: Iterable[str], error: type[LatentscapeError]
) -> LatentscapeError:
    """Build the error for a name that does not exist, with the nearest name that does.

    Parameters
    ----------
    what : str
        The kind of thing, as in ``"recipe"``.
    name : str
        The name that was asked for.
    choices : iterable of str
        The names that exist.
    error : type
        The exception class to build.

    Returns
    -------
    LatentscapeError
        To be raised by the caller.
    """
    known = sorted(choices)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return error(
        f"There is no {what} called {name!r}",
        expected=f"one of {', '.join(known)}",
        fix=f"Did you mean {near[0]!r}?" if near else "",
    )


def brief(text: object, length: int = 300) -> str:
    """Write what may quote a file on one line that any terminal can show, cut off at a length."""
    line = " ".join(str(text).split())
    line = line if len(line) <= length else f"{line[:length]}…"
    return "".join(character if character.isprintable() else "?" for character in line)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else text + "."


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuse a number that is too small to mean anything.

    Raises
    ------
    ConfigError
        If it is smaller than `least`.
    """
    if value < least:
        raise ConfigError(f"{name} is {value}", expected=f"{least} or more")
