"""Downloads that say how far they are, from one mirror after the other, verified by their hash."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from latentscape.core.errors import DataError
from latentscape.core.progress import Stage, stage
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

    with stage("downloading", detail=url.rpartition("/")[2]) as work:
        pooch.HTTPDownloader(progressbar=_Bar(work), chunk_size=_CHUNK, timeout=_TIMEOUT)(
            url, str(path), None
        )


class _Bar:
    """A progress bar with the methods that Pooch calls; it says what it is told to a stage."""

    def __init__(self, work: Stage) -> None:
        self._work = work

    @property
    def total(self) -> float | None:
        return self._work.total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._work.total = n_bytes or None  # 0 where the length is unknown

    def update(self, n_bytes: int) -> None:
        self._work.advance(n_bytes)

    def reset(self) -> None:
        self._work.advance_to(0)

    def close(self) -> None:
        """Leave it to the stage, which ends by itself."""
