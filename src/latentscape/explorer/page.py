"""The page as one HTML file: with all arrays in it, or for a server that has them."""

import gzip
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from latentscape.core.errors import ConfigError
from latentscape.core.files import write_text
from latentscape.core.progress import stage
from latentscape.core.records import Array
from latentscape.explorer.bundle import RUNTIME, SCRIPT, STYLE, bundle_file
from latentscape.explorer.contents import Manifest
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import describe_array

LARGEST_HALF = float(np.finfo(np.float16).max)

CHUNK = 1024
"""Thumbnails that are made at once."""

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; connect-src {connect}; worker-src blob:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing may be asked of any other machine."""


@dataclass(frozen=True)
class Written:
    """A page that was written.

    Attributes
    ----------
    file : Path
        Where it is.
    bytes : int
        Its size.
    points, models : int
        What it shows.
    notes : tuple of str
        What was left out, and why.
    """

    file: Path
    bytes: int
    points: int
    models: int
    notes: tuple[str, ...]


def check_name(file: Path) -> None:
    """Refuse a name that no browser would open as a page.

    Raises
    ------
    ConfigError
        Which says so.
    """
    if file.suffix.lower() not in (".html", ".htm") or file.is_dir():
        raise ConfigError(
            f"The page cannot be written to {file}", expected="a file whose name ends in .html"
        )


@stage("page")
def write_page(exploration: Exploration, file: Path) -> Written:
    """Write a page that opens from disk, whole or not at all: it needs no network and no server.

    Raises
    ------
    ConfigError
        If the name does not end in ``.html``.
    RunError
        If the bundle was not built, or the file cannot be written.
    """
    check_name(file)
    arrays = dict(arrays_for_file(exploration))
    described = {name: describe_array(array) for name, array in arrays.items()}
    manifest = exploration.manifest.model_copy(
        update={"live": False, "arrays": described, "report": _report(exploration, file)}
    )
    runtime = np.frombuffer(bundle_file(RUNTIME).read_bytes(), np.uint8)
    packed = ((name, pack(array)) for name, array in {**arrays, RUNTIME: runtime}.items())
    write_text(file, _render(manifest, packed, connect="'none'"))
    return Written(
        file,
        file.stat().st_size,
        manifest.count,
        len(manifest.models),
        manifest.notes,
    )


def live_page(manifest: Manifest) -> str:
    """Return the page that asks a server for the arrays."""
    return _render(manifest.model_copy(update={"live": True}), (), connect="'self'")


def arrays_for_file(exploration: Exploration) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of a file: thumbnails among them, and codes in half precision."""
    yield from ((name, _smaller(name, a)) for name, a in exploration.arrays.items())
    n_points = len(exploration)
    starts = range(0, n_points, CHUNK)
    yield "images", np.concatenate([exploration.images(s, s + CHUNK) for s in starts])


def pack(array: Array) -> str:
    """Write the little-endian bytes of an array as text: gzipped, then in base 64."""
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data
    return b64encode(gzip.compress(data, 6, mtime=0)).decode()


def _smaller(name: str, array: Array) -> Array:
    """Return codes as float16 where that holds them, and other arrays as they are."""
    is_codes = name.endswith(("/codes", "/samples"))
    if is_codes and np.abs(array).max(initial=0.0) < LARGEST_HALF:
        return array.astype(np.float16)
    return array


def _report(exploration: Exploration, file: Path) -> str | None:
    """Return where the report of the first run is, if that is beside the page or below it."""
    run = next(iter(exploration.runs.values()))
    report, folder = run.path.resolve() / "report.html", file.resolve().parent
    if not report.is_file() or not report.is_relative_to(folder):
        return None
    return report.relative_to(folder).as_posix()


def _render(manifest: Manifest, arrays: Iterable[tuple[str, str]], connect: str) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = resources.files("latentscape.explorer").joinpath("page.html").read_text("utf-8")
    return environment.from_string(template).render(
        title=manifest.title,
        version=manifest.version,
        policy=POLICY.format(connect=connect),
        manifest=Markup(manifest.to_text()),
        arrays=arrays,
        script=Markup(_inlined(SCRIPT, "script")),
        style=Markup(_inlined(STYLE, "style")),
    )


def _inlined(name: str, element: str) -> str:
    """Read a file of the bundle; nothing in it can end the element that it stands in."""
    text = bundle_file(name).read_text("utf-8")
    return text.replace(f"</{element}", f"<\\/{element}")
