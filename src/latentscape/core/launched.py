"""What a launcher of several processes, such as ``torchrun``, says of this one."""

import os

from latentscape.core.errors import ConfigError


def launched_processes() -> int:
    """Return how many processes were launched together; 1 where this one is alone."""
    return number_of("WORLD_SIZE", 1)


def is_first_process() -> bool:
    """Tell whether this process speaks for all that were launched together."""
    return launched_processes() == 1 or number_of("RANK") == 0


def was_relaunched() -> bool:
    """Tell whether ``torchrun`` has launched all processes again, after one was lost."""
    return number_of("TORCHELASTIC_RESTART_COUNT", 0) > 0


def number_of(variable: str, default: int | None = None) -> int:
    """Return a number that a launcher has set in the environment.

    Raises
    ------
    ConfigError
        If it is no number, or is missing and has no default.
    """
    text = os.environ.get(variable, "" if default is None else str(default))
    if not text.isdecimal():
        raise ConfigError(
            f"The variable {variable} is {text!r}" if text else f"{variable} is not set",
            expected="a number, as torchrun sets it",
            fix="Start workers with: latentscape train --workers N, or torchrun; or unset it.",
        )
    return int(text)
