"""Folders of files that together are one data set: shards of it, and files for each part."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import yaml

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import PARTS, LeftOut
from latentscape.data.compression import unreadable
from latentscape.data.contents import Contents, Reader, official_sizes
from latentscape.data.formats.encoded_images import IMAGE_SUFFIXES
from latentscape.data.formats.parts import part_of_file, part_of_folder, tests_on_validation
from latentscape.data.text import readable

_MAX_README = 1 << 16
"""Bytes of a page that are read."""


def is_folder_of(suffix: str) -> Callable[[Path], bool]:
    """Return a function that recognises folders of files with such names, and of no images."""

    def matches(path: Path) -> bool:
        if not path.is_dir():
            return False
        suffixes = {file.suffix.lower() for file in _files(path)}
        return suffix in suffixes and suffixes.isdisjoint(IMAGE_SUFFIXES)

    return matches


def read_shards(read: Reader, suffix: str) -> Reader:
    """Return a reader of folders whose files another reader reads.

    The names of files or of their folders tell the parts, as in ``train-00000-of-00002.parquet``,
    ``test_32x32.mat`` or ``val/0.tar``, unless a ``README.md`` declares splits as on hubs. Without
    such names, all files are one part. Files of other names beside those of parts are left out, and
    named.

    Parameters
    ----------
    read : Reader
        Reads one file.
    suffix : str
        The ending of its name.
    """

    def read_folder(path: Path, config: DataConfig, size: int) -> Contents:
        files = [file for file in _files(path) if file.suffix.lower() == suffix]
        parts, others = _parts(files, path)
        contents = [read(file, config, size) for part in parts for file in parts[part]]
        sizes = _sizes(parts, contents)
        n_train, n_validation = official_sizes(sizes)
        unused = [readable(os.fspath(file.relative_to(path))) for file in others]
        reason = "no part of training, validation or test by its name"
        return replace(
            contents[0],
            batches=chain.from_iterable(content.batches for content in contents),
            count=sum(sizes),
            n_official_train=n_train,
            n_official_validation=n_validation,
            left_out=(*contents[0].left_out, *LeftOut.of("file", unused, reason)),
            tests_on_validation=tests_on_validation(parts),
            regions=(),
            encoded=None,
            read=None,
        )

    return read_folder


def _files(folder: Path) -> list[Path]:
    """List files in a folder and in its folders that are not hidden."""
    try:
        entries = sorted(_visible(folder))
        inner = [sorted(_visible(entry)) for entry in entries if entry.is_dir()]
    except OSError as error:
        raise unreadable(folder, error) from error
    return [entry for entry in chain(entries, *inner) if entry.is_file()]


def _visible(folder: Path) -> Iterator[Path]:
    return (entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _parts(files: Sequence[Path], path: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """Sort files into parts; return the files of each, and those that are of none."""
    by_part: dict[str | None, list[Path]] = {}
    splits = _declared_splits(path / "README.md")
    for file in files:
        by_part.setdefault(_part(file, path, splits), []).append(file)
    others = by_part.pop(None, [])
    named = {part: by_part[part] for part in PARTS if part in by_part}
    if not named:
        named, others = {"train": others}, []
    _check_one_set(named, path)
    return named, others


def _part(file: Path, path: Path, splits: Mapping[str, str]) -> str | None:
    place = file.relative_to(path).as_posix()
    declared = next((splits[pattern] for pattern in splits if fnmatch(place, pattern)), None)
    part = part_of_file(declared or file.name.partition(".")[0])
    return part_of_folder(file.parent.name) if part is None and file.parent != path else part


def _declared_splits(readme: Path) -> dict[str, str]:
    """Return the split of each pattern of files that the page of a hub's data set declares.

    It is YAML in front of the text, as https://huggingface.co/docs/hub/datasets-manual-configuration
    describes. Without such, or with several sets, the names of files have to tell.
    """
    if not readme.is_file():
        return {}
    text = readme.read_bytes()[:_MAX_README].decode("utf-8", "replace")
    try:
        front = yaml.safe_load(text.removeprefix("---").partition("\n---")[0])
        configs = front["configs"]
        default = [config for config in configs if config.get("config_name") == "default"]
        (config,) = default or configs
        return {
            pattern: str(entry["split"])
            for entry in config["data_files"]
            for pattern in ([entry["path"]] if isinstance(entry["path"], str) else entry["path"])
        }
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _check_one_set(parts: Mapping[str, Sequence[Path]], path: Path) -> None:
    """Refuse a folder whose folders hold a data set each."""
    for files in parts.values():
        folders = sorted({file.parent.name for file in files})
        if len(folders) > 1:
            raise DataError(
                f"{path} holds files of the same part in {' and '.join(folders)}",
                expected="one data set",
                fix="Give the path of one of these folders.",
            )


def _sizes(parts: Mapping[str, Sequence[Path]], contents: Sequence[Contents]) -> list[int]:
    """Return the number of examples in each part."""
    counts = iter(contents)
    return [sum(next(counts).count or 0 for _ in files) for files in parts.values()]
