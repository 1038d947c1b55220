"""Stores at URLs, as in ``s3://bucket``, by fsspec: listing, reading and writing files there."""

import hashlib
import posixpath
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from latentscape.core.errors import ConfigError, LatentscapeError, brief
from latentscape.core.extras import install
from latentscape.core.files import slug
from latentscape.core.findings import Json
from latentscape.core.progress import Stage, stage
from latentscape.core.secrets import without_passwords

ANSWERS_WITHIN = 8.0
"""Seconds until a store has to answer: clients of some try for minutes."""

_EXTRAS = {"s3": "s3", "s3a": "s3"}
"""The extra that installs the client of a protocol."""

T = TypeVar("T")


@dataclass(frozen=True)
class Held:
    """A file of a store.

    Attributes
    ----------
    size : int or None
        In bytes, if the store says so.
    version : str
        Is another one where the file is.
    """

    size: int | None
    version: str


@dataclass(frozen=True)
class Remote:
    """A file or a folder at a URL, which may not be there yet.

    Attributes
    ----------
    url : str
        Where.
    files : fsspec.AbstractFileSystem
        The store.
    path : str
        What it calls the place.
    kind : type
        Of the errors.
    """

    url: str
    files: Any
    path: str
    kind: type[LatentscapeError]

    @classmethod
    def open(cls, url: str, kind: type[LatentscapeError]) -> Self:
        """Find out which store a URL is of.

        Raises
        ------
        ConfigError
            If there is no client for it.
        """
        from fsspec.core import url_to_fs

        protocol = url.partition("://")[0]
        try:
            files, path = url_to_fs(url)
        except ImportError as error:
            extra = _EXTRAS.get(protocol)
            raise ConfigError(
                f"Nothing that is installed reads {protocol}:// ({brief(error)})",
                fix=f"Install it with: {install(extra)}" if extra else "Install that package.",
            ) from error
        except Exception as error:  # noqa: BLE001 - clients have errors of their own.
            raise ConfigError(
                f"{public(url)} cannot be opened: {brief(error)}",
                expected="a URL that fsspec knows, as in s3://bucket/images.npz",
            ) from error
        return cls(url, files, path, kind)

    @property
    def name(self) -> str:
        """The last part of the URL."""
        name = posixpath.basename(self.path.rstrip("/")).partition("?")[0]
        return name if name not in ("", "..") else slug(self.url)

    def below(self, name: str) -> "Remote":
        """Return a place below this one."""
        url, path = f"{self.url}/{name}", f"{self.path.rstrip('/')}/{name}"
        return Remote(url, self.files, path, self.kind)

    def exists(self) -> bool:
        """Whether anything is there."""
        with self._in_words("read"):
            self.files.invalidate_cache()
            return bool(_in_time(lambda: self.files.exists(self.path)))

    def holds(self) -> dict[str, Held]:
        """Return the files of a folder by their names below it; a file itself has the name ''."""
        with self._in_words("read"):
            self.files.invalidate_cache()
            about = _in_time(lambda: self.files.info(self.path))
            if about["type"] == "file":
                return {"": _held(about)}
            files = self.files.find(self.path, detail=True)
        holds = {
            _below(self.path, path): _held(about)
            for path, about in files.items()
            if about["type"] == "file"
        }
        names = [name for name in holds if not _is_safe(name)]
        if names or not holds:
            what = f"a file that no folder can hold, {brief(names[0])!r}" if names else "no file"
            raise self.kind(f"{public(self.url)} holds {what}", expected="files in folders")
        return holds

    def fetch(self, names: Sequence[str], folder: Path) -> None:
        """Copy files into a folder under their names; a file itself, '', takes its place."""
        targets = [str(folder / name) if name else str(folder) for name in names]
        sources = [f"{self.path.rstrip('/')}/{name}" if name else self.path for name in names]
        with self._transferring("fetching") as shown, self._in_words("read"):
            if names == [""]:
                self.files.get_file(self.path, targets[0], callback=shown)
            else:
                self.files.get(sources, targets, callback=shown)

    def send(self, names: Sequence[str], folder: Path) -> None:
        """Copy files of a folder to here, under their names."""
        with self._transferring("sending") as shown, self._in_words("written"):
            targets = [f"{self.path.rstrip('/')}/{name}" for name in names]
            self.files.put([str(folder / name) for name in names], targets, callback=shown)

    def write(self, content: str) -> None:
        """Write a text to here."""
        with self._in_words("written"):
            self.files.pipe_file(self.path, content.encode())

    def read(self) -> str:
        """Return the text that is here."""
        with self._in_words("read"):
            content: bytes = self.files.cat_file(self.path)
            return content.decode(errors="replace")

    def remove(self) -> None:
        """Remove it, with all that is below."""
        with self._in_words("written"):
            self.files.rm(self.path, recursive=True)

    @contextmanager
    def _transferring(self, what: str) -> Iterator[Any]:
        """Show how much of a transfer is done."""
        with stage(what, detail=self.name) as work:
            yield _shown(work)

    @contextmanager
    def _in_words(self, done: str) -> Iterator[None]:
        """Say what is wrong with a store, whose client has errors of its own."""
        url = public(self.url)
        try:
            yield
        except LatentscapeError:
            raise
        except FileNotFoundError as error:
            raise self.kind(
                f"There is nothing at {url}: {_reason(error)}",
                expected="a file, or a folder with files, in a bucket that exists",
            ) from error
        except TimeoutError as error:
            raise self.kind(f"The store of {url} does not answer", fix=_REACH) from error
        except Exception as error:  # noqa: BLE001
            is_refused = isinstance(error, PermissionError) or "credential" in str(error).lower()
            raise self.kind(
                f"{url} cannot be {done}: {_reason(error)}", fix=_ALLOW if is_refused else _REACH
            ) from error


_REACH = (
    "See whether the store can be reached from here; of one that is not Amazon's, "
    "$AWS_ENDPOINT_URL has the address."
)
_ALLOW = (
    "Give the credentials that its client looks for ($AWS_PROFILE, or $AWS_ACCESS_KEY_ID and "
    "$AWS_SECRET_ACCESS_KEY); of a public bucket, set FSSPEC_S3_ANON=true."
)


def _held(about: Json) -> Held:
    # Servers redirect to an address that is signed anew each time.
    values = sorted((name, str(value)) for name, value in about.items() if name != "url")
    return Held(about.get("size"), hashlib.sha256(repr(values).encode()).hexdigest())


def _below(path: str, file: str) -> str:
    """Return the name of a file below a folder, as a store writes both."""
    return file.strip("/").removeprefix(path.strip("/")).strip("/")


def _is_safe(name: str) -> bool:
    """Whether a name stays in the folder that it is written into."""
    return not {"", ".", ".."} & set(name.split("/")) and not set("\\\0") & set(name)


def _in_time(call: Callable[[], T]) -> T:
    """Call a function, and wait no longer than a store may take to answer."""
    future = Future[T]()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits.
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future.result(ANSWERS_WITHIN)


def _shown(work: Stage) -> Any:
    """Return what fsspec tells of a transfer, passed on to a stage."""
    from fsspec.callbacks import Callback

    class Shown(Callback):  # type: ignore[misc]
        def set_size(self, size: int | None) -> None:
            work.total = size

        def relative_update(self, inc: int = 1) -> None:
            work.advance(inc)

        def absolute_update(self, value: int) -> None:
            work.advance_to(value)

    return Shown()


def _reason(error: BaseException) -> str:
    return without_passwords(brief(error)) or type(error).__name__


def public(url: str) -> str:
    """Return a URL without passwords and without what is signed in it."""
    return without_passwords(url).partition("?")[0]
