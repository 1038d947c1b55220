"""The file that a network of the user's own is from: noted in its run, and compared later."""

import inspect
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

from latentscape.config import ModelConfig, ModuleConfig
from latentscape.core.progress import stage
from latentscape.core.trust import import_object
from latentscape.model.own.giving import class_of

_log = logging.getLogger("latentscape")

_told = set[tuple[str | None, ...]]()
"""Changes of which this process has told already."""


def with_sources(config: ModelConfig) -> ModelConfig:
    """Note in the settings of a model which files its own networks are from.

    Raises
    ------
    CodeError
        If one of them is not there, or its package is not trusted.
    """
    parts = {"encoder": config.encoder, "decoder": config.decoder}
    noted = {
        part: body.model_copy(update={"source": source_of(_origin(body, part))})
        for part, body in parts.items()
        if isinstance(body, ModuleConfig)
    }
    return config.model_copy(update=noted)


def tell_change(config: ModuleConfig, part: str, origin: Any) -> None:
    """Tell once that the file of a network is no longer what the model was trained with."""
    source = source_of(origin)
    if None in (config.source, source) or source == config.source:
        return
    change = (config.target, config.source, source)
    if change in _told:
        return
    _told.add(change)
    text = (
        f"The file of the {part} {config.target} has changed since the model was trained: its "
        "outputs may be others"
    )
    _log.warning(text)
    with stage("building the network") as work:
        work.note(text)


def source_of(origin: Any) -> str | None:
    """Return the start of the SHA-256 of the file of a class or function.

    None without a file, and for PyTorch's own, which the versions of a run name.
    """
    if str(getattr(origin, "__module__", "")).partition(".")[0] == "torch":
        return None
    try:
        file = inspect.getsourcefile(origin)
        return sha256(Path(str(file)).read_bytes()).hexdigest()[:16]
    except (TypeError, OSError):
        return None


def _origin(config: ModuleConfig, part: str) -> Any:
    """Return the class or function that a network is an object of, or is made by."""
    known = class_of(config, part)
    return import_object(config.target, part) if known is None else known
