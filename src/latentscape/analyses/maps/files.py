"""Maps in files."""

import io
import json
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from latentscape.analyses.maps.projections import Map, map_settings
from latentscape.analyses.maps.result import METHOD_NAMES
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.files import write_bytes
from latentscape.core.findings import Json
from latentscape.core.records import Array

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


def save_map(path: str | Path, projection: Map) -> None:
    """Write a map to an .npz file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Ends in ``.npz``.
    projection : Map
        The map.

    Raises
    ------
    ConfigError
        If the name does not end so.
    RunError
        If the file cannot be written.
    """
    path = Path(path)
    check_name(path)
    about = {
        "schema": SCHEMA,
        "name": projection.name,
        "method": projection.method,
        "settings": dict(projection.settings),
    }
    buffer = io.BytesIO()
    text = np.array(json.dumps(about))
    np.savez_compressed(
        buffer, allow_pickle=False, about=text, codes=projection.codes, places=projection.places
    )
    write_bytes(path, buffer.getvalue())


def check_name(path: Path) -> None:
    """Refuse a name that does not end in ``.npz``.

    Raises
    ------
    ConfigError
        Which says so.
    """
    if path.suffix != ".npz":
        raise ConfigError(f"A map cannot be saved as {path}", expected="a name ending in .npz")


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


def _read(path: Path) -> tuple[Json, Array, Array]:
    with path.open("rb") as file:
        content = np.load(file, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise ValueError("it is no archive of arrays")
        about = dict(json.loads(str(content["about"])))
        return about, content["codes"], content["places"]


def _valid(projection: Map) -> Map:
    """Return the map whose parts fit each other."""
    codes, places, settings = projection.codes, projection.places, projection.settings
    if projection.method not in METHOD_NAMES:
        raise ValueError(f"there is no method {projection.method!r}")
    if codes.ndim != 2 or places.shape != (len(codes), 2):
        raise ValueError(f"codes of shape {codes.shape} with places of shape {places.shape}")
    if any(a.dtype != np.float32 or not np.isfinite(a).all() for a in (codes, places)):
        raise ValueError("its arrays are not finite numbers of type float32")
    expected = dict.fromkeys(map_settings(projection.method, len(codes)), float)
    if {name: type(value) for name, value in dict(settings).items()} != expected:
        name = METHOD_NAMES[projection.method]
        raise ValueError(f"the settings {settings} are not those of {name}")
    return projection
