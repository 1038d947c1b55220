"""Archives of images: zip and tar files, also as WebDataset writes them.

Members are read into memory one by one. Nothing is ever extracted, so names that lead out of the
archive, and links, do no harm.
"""

import bz2
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import LeftOut
from latentscape.data.compression import read_decompressed
from latentscape.data.contents import Contents
from latentscape.data.damage import refusing_damage
from latentscape.data.formats.encoded_images import IMAGE_SUFFIXES
from latentscape.data.formats.image_folders import contents_of_images
from latentscape.data.formats.image_layout import ImagePath, arrange_images, path_suffix, path_text
from latentscape.data.formats.webdataset import Members, find_sidecars, sidecar_labels
from latentscape.data.labels import NO_LABELS
from latentscape.data.limits import check_data_memory, read_within_memory

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_OPENERS: dict[str, Callable[[Path], BinaryIO]] = {
    "bz2": bz2.open,  # type: ignore[dict-item]
    "xz": lzma.open,  # type: ignore[dict-item]
}

# All that the modules for archives raise over damaged ones.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
    RuntimeError,  # also NotImplementedError; a member that needs a password
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class _Archive:
    """An archive's files by their places, how each is read, and what else it holds."""

    members: Members
    left_out: tuple[LeftOut, ...]


def is_archive(path: Path) -> bool:
    """Tell an archive by its name."""
    return path.is_file() and path.name.lower().endswith(_SUFFIXES)


def read_image_archive(path: Path, config: DataConfig, size: int) -> Contents:
    """Read a zip or tar file of images as the folder that it holds is read; see `Reader`.

    It may also be one of WebDataset: beside ``key.png`` lies ``key.cls`` with a label, or
    ``key.json`` with a field for it, which is called ``label``, ``labels``, ``target``, ``class``
    or as ``config.labels`` says. ``config.resize`` is applied.
    """
    archive = _read_archive(path)
    images = [place for place in archive.members if path_suffix(place) in IMAGE_SUFFIXES]
    others = [place for place in archive.members if path_suffix(place) not in IMAGE_SUFFIXES]
    if not images:
        raise _without_images(path, others)
    sidecars = find_sidecars(images, archive.members)
    choice = NO_LABELS if sidecars else config.labels
    layout = arrange_images(images, str(path), choice)
    if sidecars and config.labels != NO_LABELS:
        with _readable_archive(path):
            labels = sidecar_labels(
                layout.images, sidecars, archive.members, config.labels, str(path)
            )
        layout = replace(layout, labels=labels)
        others = [place for place in others if labels is None or place not in sidecars.values()]
    unused = _left_out(others, "not an image")
    layout = replace(layout, left_out=(*layout.left_out, *archive.left_out, *unused))
    return contents_of_images(layout, path, partial(_read_member, archive, path), config, size)


def _read_member(archive: _Archive, path: Path, *place: str) -> bytes:
    with _readable_archive(path):
        return archive.members[place]()


def _read_archive(path: Path) -> _Archive:
    with _readable_archive(path):
        if path.suffix.lower() == ".zip":
            return _read_zip(path)
        return _read_tar(path)


def _readable_archive(path: Path) -> AbstractContextManager[None]:
    expected = "a whole zip or tar file without a password"
    return refusing_damage(path, "an archive", _DAMAGE, expected)


def _read_zip(path: Path) -> _Archive:
    archive = zipfile.ZipFile(path)

    def read(member: zipfile.ZipInfo) -> bytes:
        check_data_memory(f"{member.filename} in {path}", member.file_size)
        return archive.read(member)

    infos = [info for info in archive.infolist() if not info.is_dir()]
    links = [info.filename for info in infos if stat.S_ISLNK(info.external_attr >> 16)]
    files = {info.filename: partial(read, info) for info in infos if info.filename not in links}
    return _select(files, links)


def _read_tar(path: Path) -> _Archive:
    source = _unpack(path)
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        members = tarfile.open(fileobj=file, mode="r:").getmembers()
    plain = [member for member in members if member.isfile() and not member.issparse()]
    files = {member.name: partial(_read_tar_member, source, member) for member in plain}
    others = [member.name for member in members if member not in plain and not member.isdir()]
    return _select(files, others)


def _read_tar_member(source: Path | bytes, member: tarfile.TarInfo) -> bytes:
    end = member.offset_data + member.size
    if isinstance(source, bytes):
        content = source[member.offset_data : end]
    else:
        with source.open("rb") as file:
            file.seek(member.offset_data)
            content = read_within_memory(file, member.name, member.size)[: member.size]
    if len(content) != member.size:
        raise tarfile.ReadError(f"it ends within {member.name}")
    return content


def _unpack(path: Path) -> Path | bytes:
    """Unpack a compressed tar file into memory, where members can be looked up."""
    name = path.name.lower()
    for ending, unpack in _OPENERS.items():
        if name.endswith(ending):
            with unpack(path) as file:
                return read_within_memory(file, str(path))
    return read_decompressed(path) if name.endswith("gz") else path


def _select(files: Mapping[str, Callable[[], bytes]], links: Sequence[str]) -> _Archive:
    """Drop hidden files, and name those that cannot be what they are called."""
    places = {_place(name): read for name, read in files.items()}
    outside = [place for place in places if ".." in place]
    members = {
        place: read
        for place, read in places.items()
        if place and not any(part.startswith(".") or part == "__MACOSX" for part in place)
    }
    left_out = (
        *_left_out(outside, "its name leads out of the archive"),
        *_left_out([_place(name) for name in links], "a link or a device, not a file"),
    )
    return _Archive(members, left_out)


def _place(name: str) -> ImagePath:
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _left_out(places: Sequence[ImagePath], reason: str) -> tuple[LeftOut, ...]:
    return LeftOut.of("file", [path_text(place) for place in places], reason)


def _without_images(path: Path, others: Sequence[ImagePath]) -> DataError:
    names = ", ".join(path_text(place) for place in others[:3])
    return DataError(
        f"{path} holds no images" + (f" but {len(others)} other file(s) ({names})" * bool(others)),
        expected="images in an archive",
        fix="Extract it, and give the path of what was in it." if others else "",
    )
