"""Downloads with a progress bar, from one mirror after the other, verified by their hash."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from latentscape.core.errors import DataError
from latentscape.data.compression import read_decompressed, verify

_CHUNK = 1 << 16
_TIMEOUT = 20.0  # seconds without an answer after which a mirror counts as dead


def download(urls: Sequence[str], sha256: str, fix: str) -> bytes:
    """Download a file from the first mirror that serves it with the expected hash.

    Parameters
    ----------
    urls : sequence of str
        The same file at several mirrors.
    sha256 : str
        Hash of its decompressed content.
    fix : str
        What to do if no mirror has it, for the message.

    Returns
    -------
    bytes
        The file as it was sent, gzipped or not.

    Raises
    ------
    DataError
        Naming the problem of each mirror, if none has the file.
    """
    failures = []
    with tempfile.TemporaryDirectory(prefix="latentscape-") as folder:
        for url in urls:
            path = Path(folder) / "download"
            try:
                _retrieve(url, path)
                verify(read_decompressed(path), sha256, url)
                return path.read_bytes()
            except DataError as error:
                failures.append(str(error))
            except OSError as error:  # also the base of the errors of requests
                failures.append(f"{url}: {_reason(error)}.")
    file = urls[0].rpartition("/")[2]
    raise DataError(f"{file} could not be downloaded. {' '.join(failures)}", fix=fix)


def _reason(error: OSError) -> str:
    """Shorten the long messages of requests."""
    status = getattr(getattr(error, "response", None), "status_code", "")
    return error.strerror or f"{type(error).__name__} {status}".strip()


def _retrieve(url: str, path: Path) -> None:
    import pooch

    bar = _Bar(url.rpartition("/")[2]) if sys.stderr.isatty() else None
    try:
        pooch.HTTPDownloader(progressbar=bar or False, chunk_size=_CHUNK, timeout=_TIMEOUT)(
            url, str(path), None
        )
    finally:
        if bar:
            bar.close()


class _Bar:
    """A progress bar with the methods that Pooch calls, drawn by Rich on the error stream."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(name, total=None)
        self._progress.start()

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._progress.update(self._task, total=n_bytes or None)  # 0 where the length is unknown

    def update(self, n_bytes: int) -> None:
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._progress.stop()
