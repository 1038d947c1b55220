"""Copies of what stands at URLs, in the cache.

A copy is used again as long as the store says that nothing there has changed. A folder that was
sent has a list of checksums, which is written last: without it the folder is not whole.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from latentscape.core.cache import FETCHED, cache_folder, room
from latentscape.core.errors import LatentscapeError, brief
from latentscape.core.files import cannot_write, slug, write_folder, write_json
from latentscape.core.locks import take_lock
from latentscape.core.remote import Held, Remote, public
from latentscape.core.urls import url_of

SUMS = "SHA256SUMS"
"""File with the checksums of all others of a folder, as ``sha256sum`` writes and checks it."""

_ABOUT = ".fetched.json"


def local(place: str | Path, kind: type[LatentscapeError], *, sealed: bool = False) -> Path:
    """Return a path as it is, and of a URL where its copy in the cache is.

    Parameters
    ----------
    place : str or Path
        A path, or the URL of a file or a folder.
    kind : type
        Of the errors.
    sealed : bool
        Whether a folder has to have a list of checksums.

    Raises
    ------
    LatentscapeError
        If there is nothing at the URL, it cannot be reached or read, changes meanwhile, or does not
        arrive as it was sent.
    """
    url = url_of(place)
    if url is None:
        return Path(os.path.expanduser(place))
    if url.startswith("file://"):
        return Path(url.removeprefix("file://"))
    remote = Remote.open(url, kind)
    holds = remote.holds()
    entry = _entry(remote)
    with _alone(entry):
        if not _is_current(entry, holds):
            _fetch(remote, holds, entry, sealed=sealed)
    return entry / remote.name


def sums_of(folder: Path, names: Sequence[str]) -> str:
    """Return the checksums of files, as ``sha256sum`` writes them."""
    return "".join(f"{_sum(folder / name)}  {name}\n" for name in names)


def _fetch(remote: Remote, holds: Mapping[str, Held], entry: Path, *, sealed: bool) -> None:
    """Fetch all files, check them, and put them into the cache: all of them, or none."""
    size = sum(held.size or 0 for held in holds.values())
    if size > room():
        raise remote.kind(
            f"{public(remote.url)} takes {size / 1e6:,.0f} MB, and the disk of the cache has "
            f"{room() / 1e6:,.0f} MB left",
            fix="Let $LATENTSCAPE_CACHE name a folder on a disk with more room.",
        )
    with write_folder(entry) as building:
        target = building / remote.name
        for name in holds:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
        remote.fetch(list(holds), target)
        _check_sizes(remote, holds, target)
        _check_sums(remote, holds, target, sealed=sealed)
        if remote.holds() != holds:
            raise remote.kind(
                f"{public(remote.url)} has changed while it was fetched",
                expected="files that stay as they are while they are read",
                fix="Give the command again once nobody writes there.",
            )
        write_json(building / _ABOUT, {"url": public(remote.url), "version": _version(holds)})


def _check_sizes(remote: Remote, holds: Mapping[str, Held], folder: Path) -> None:
    for name, held in holds.items():
        file = folder / name if name else folder
        size = file.stat().st_size if file.exists() else 0
        if held.size not in (None, size):
            url = public(remote.below(name).url if name else remote.url)
            raise remote.kind(
                f"Of {url}, {size:,} bytes of {held.size:,} have arrived",
                fix="Nothing of it is kept. Give the command again.",
            )


def _check_sums(remote: Remote, holds: Mapping[str, Held], folder: Path, *, sealed: bool) -> None:
    """Compare files with the list of their checksums, where there is one."""
    if SUMS not in holds:
        if sealed and "" not in holds:
            raise remote.kind(
                f"{public(remote.url)} has no {SUMS}: it is no run, or has not been sent whole",
                fix="Send it again: latentscape runs copy RUN --to URL.",
            )
        return
    lines = (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    for line in filter(None, lines):
        expected, _, name = line.partition("  ")
        if name not in holds or _sum(folder / name) != expected:
            what = "is damaged" if name in holds else "is missing"
            raise remote.kind(
                f"{brief(name)} at {public(remote.url)} {what}: its checksum is not that in {SUMS}",
                fix="Send the folder again from where it is whole.",
            )


def _version(holds: Mapping[str, Held]) -> str:
    text = json.dumps([[name, held.version] for name, held in sorted(holds.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _entry(remote: Remote) -> Path:
    key = hashlib.sha256(remote.url.encode()).hexdigest()[:16]
    return cache_folder() / FETCHED / f"{slug(remote.name)[:40]}-{key}"


def _is_current(entry: Path, holds: Mapping[str, Held]) -> bool:
    try:
        about = json.loads((entry / _ABOUT).read_bytes())
        return bool(about["version"] == _version(holds))
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _alone(entry: Path) -> Iterator[None]:
    """Let one process fetch at a time: the next one takes what that has fetched."""
    lock = entry.with_name(f".{entry.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise cannot_write(entry, error) from error
    try:
        while take_lock(file) is False:
            time.sleep(0.1)
        yield
    finally:
        os.close(file)
