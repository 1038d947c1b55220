"""Maps in files."""

import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from latentscape.analyses.maps.projections import Map, map_settings
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.files import write_bytes
from latentscape.core.records import Array
from latentscape.core.units import MAPS

SCHEMA = 1

# What zipfile and NumPy raise, depending on where a byte has changed.
_DAMAGE = (
    BadZipFile,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zlib.error,
)


def save_map(path: str | Path, drawn: Map) -> None:
    """Write a map to an .npz file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.npz``.
    drawn : Map
        The map.

    Raises
    ------
    ConfigError
        If the name does not end so.
    RunError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ConfigError(f"A map cannot be saved as {path}", expected="a name ending in .npz")
    about = {
        "schema": SCHEMA,
        "name": drawn.name,
        "method": drawn.method,
        "settings": dict(drawn.settings),
    }
    buffer = io.BytesIO()
    text = np.array(json.dumps(about))
    np.savez_compressed(
        buffer, allow_pickle=False, about=text, codes=drawn.codes, places=drawn.places
    )
    write_bytes(path, buffer.getvalue())


def load_map(path: str | Path) -> Map:
    """Read what `save_map` wrote; nothing in the file is executed.

    Raises
    ------
    RunError
        If the file is missing, damaged, no map, or of another version.
    """
    path = Path(path)
    if not path.exists():
        raise RunError(f"There is no map at {path}")
    try:
        about, codes, places = _read(path)
        if about["schema"] == SCHEMA:
            name, method, settings = (about[key] for key in ("name", "method", "settings"))
            return _valid(Map(name, method, codes, places, settings))
    except _DAMAGE as error:
        raise RunError(f"{path} is damaged or no map: {error}", expected="a saved map") from error
    raise RunError(
        f"{path} is a map of version {about['schema']}",
        expected=f"version {SCHEMA}",
        fix="Save the map again with this version of Latentscape.",
    )


def _read(path: Path) -> tuple[Mapping[str, Any], Array, Array]:
    with path.open("rb") as file:
        content = np.load(file, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise ValueError("it is no archive of arrays")
        about = dict(json.loads(str(content["about"])))
        return about, content["codes"], content["places"]


def _valid(found: Map) -> Map:
    """Return the map whose parts fit each other."""
    codes, places, settings = found.codes, found.places, found.settings
    if found.method not in MAPS:
        raise ValueError(f"there is no method {found.method!r}")
    if codes.ndim != 2 or places.shape != (len(codes), 2):
        raise ValueError(f"codes of shape {codes.shape} with places of shape {places.shape}")
    if any(a.dtype != np.float32 or not np.isfinite(a).all() for a in (codes, places)):
        raise ValueError("its arrays are not finite numbers of type float32")
    expected = dict.fromkeys(map_settings(found.method, len(codes)), float)
    if {name: type(value) for name, value in dict(settings).items()} != expected:
        raise ValueError(f"the settings {settings} are not those of {MAPS[found.method]}")
    return found
