"""Optional packages: imported when they are used, with a message if they are missing."""

import warnings
from importlib import import_module
from typing import Any

from latentscape.core.errors import ConfigError


def install(extra: str) -> str:
    """Return the command that installs an extra of Latentscape."""
    return f"pip install 'latentscape[{extra}]'"


def load(package: str) -> Any:
    """Import a package that may be missing.

    Raises
    ------
    ImportError
        If it, or something that it needs, is not installed.
    """
    with warnings.catch_warnings():
        # Packages warn about deprecations in each other; users can do nothing about that.
        warnings.simplefilter("ignore")
        return import_module(package)


def require(package: str, extra: str, purpose: str) -> Any:
    """Import a package that an extra installs.

    Parameters
    ----------
    package : str
        Dotted name of the module.
    extra : str
        The extra that installs it.
    purpose : str
        What needs it, for the message, as in ``"The export to ONNX"``.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ConfigError
        If it, or something that it needs, is not installed.
    """
    try:
        return load(package)
    except ImportError as error:
        name = error.name or package
        raise ConfigError(
            f"{purpose} needs the package {name.partition('.')[0]}, which is not installed",
            fix=f"Install it with: {install(extra)}",
        ) from error
