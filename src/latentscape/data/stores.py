"""Which store holds the images of a source, and opening it.

What takes little of the free memory is read into it. What takes more stays in its file where that
holds plain numbers. Anything else is packed once into such a file in the cache. Images for which
there is no room there are decoded whenever they are needed.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from latentscape.core.cache import STORES, cache_folder, make_room, mark_used, room
from latentscape.core.errors import DataError, RunError
from latentscape.core.files import slug, write_folder, write_json
from latentscape.core.memory import available_memory
from latentscape.core.records import Dataset
from latentscape.core.stores import CHUNK, ImageStore, StoreKind, StoreReason
from latentscape.data.contents import Contents
from latentscape.data.disk import EncodedStore, Known, MappedStore
from latentscape.data.inventory import VERSION, Inventory, Labels, Reading, take_inventory
from latentscape.data.limits import check_data_memory
from latentscape.data.regions import Region, RegionFile, changed_source
from latentscape.data.streams import convert
from latentscape.data.whole import to_dataset

SMALL = 0.25
"""Share of the free memory that images are kept in at most, where nothing else is asked for."""

_ON_DISK = 1 << 24
"""Bytes of files that are small whatever is in them."""

_MAX_BATCH = 1 << 16
"""Examples that are looked at together, at most."""

_PACKED, _LABELS, _FACTS = "images.bin", "labels.npy", "inventory.json"


def read_dataset(reading: Reading) -> Dataset:
    """Read a source into the store that suits it, or that ``data.store`` asks for.

    Parameters
    ----------
    reading : Reading
        The source.

    Returns
    -------
    Dataset
        Of the same values, whatever the store is.

    Raises
    ------
    DataError
        If the source cannot be read or changes meanwhile, the settings do not fit it, or it has no
        room.
    """
    if (packed := _packed_before(reading)) is not None:
        return packed
    contents = reading.open(sys.maxsize)
    kind, reason = _choose(reading, contents)
    if kind == "resident":
        for region in contents.regions:
            check_data_memory(f"All {len(region):,} examples of {region.path}", region.nbytes)
        about = reading.name, reading.origin, reading.config, reading.known, reading.least
        dataset = to_dataset(contents, *about)
    else:
        dataset = _on_disk(reading, contents, kind)
    return replace(dataset, store_reason=reason)


def _packed_before(reading: Reading) -> Dataset | None:
    """Return what has been packed before and is asked for, without a look at each file in it."""
    asked = reading.config.store
    if asked not in ("auto", "mapped"):
        return None
    folder, kept = _look_up(reading, "packed")
    if kept is None:
        return None
    inventory, labels = kept
    region = _packed_region(folder, inventory)
    if asked == "auto" and region.nbytes <= SMALL * available_memory():
        return None
    reason: StoreReason = "large" if asked == "auto" else "setting"
    dataset = inventory.dataset(reading, _packed_store(folder, inventory), labels)
    return replace(dataset, store_reason=reason)


def _choose(reading: Reading, contents: Contents) -> tuple[StoreKind, StoreReason]:
    """Choose a kind of store, and say why."""
    asked = reading.config.store
    if asked == "encoded" and contents.encoded is None:
        raise DataError(
            f"data.store is 'encoded', and {reading.origin} holds no images that could be decoded "
            "one by one",
            expected="a folder or an archive of images",
            fix="Leave data.store out, or say data.store=mapped.",
        )
    if asked != "auto":
        return asked, "setting"
    needed = _bytes_needed(reading, contents)
    if needed <= SMALL * available_memory():
        return "resident", "small"
    is_packed = not _is_plain(reading, contents)
    if is_packed and contents.encoded is not None and needed > room():
        return "encoded", "no_room"
    return "mapped", "large"


def _bytes_needed(reading: Reading, contents: Contents) -> float:
    """Estimate how much memory all images take."""
    own = () if reading.path is None else _files(reading.path)
    on_disk = float(sum(map(_size, (*own, *map(str, contents.beside)))))
    if on_disk <= _ON_DISK or contents.count is None:
        return on_disk
    return float(contents.count * _example_bytes(reading, contents))


def _example_bytes(reading: Reading, contents: Contents) -> int:
    """Return how much memory an example takes, by the first one."""
    if contents.encoded is not None and contents.encoded.count:
        return contents.encoded.decode(0).nbytes
    first = next(convert(reading.open(1), reading.origin, reading.config), None)
    return 1 if first is None else max(1, first[1].images.nbytes)


def _is_plain(reading: Reading, contents: Contents) -> bool:
    """Whether the files hold plain numbers that are used as they are."""
    return bool(contents.regions) and not (reading.config.resize or reading.config.grey)


def _on_disk(reading: Reading, contents: Contents, kind: StoreKind) -> Dataset:
    """Open a source whose images stay on disk; go over it first if nobody has."""
    is_packed = kind == "mapped" and not _is_plain(reading, contents)
    folder, kept = _look_up(reading, "packed" if is_packed else kind)
    if kept is None:
        beside = tuple(os.fspath(file.absolute()) for file in contents.beside)
        identity = _identity(reading, beside)
        size = max(1, min(CHUNK // _example_bytes(reading, contents), _MAX_BATCH))
        make = _packed if is_packed else _inventoried
        make_room(_bytes_needed(reading, contents) * is_packed)
        kept = make(reading, folder, identity, size)
        if _identity(reading, beside) != identity:
            shutil.rmtree(folder, ignore_errors=True)
            raise changed_source(reading.origin)
    inventory, labels = kept
    store = (
        _packed_store(folder, inventory)
        if is_packed
        else _store(reading, contents, kind, inventory, folder)
    )
    return inventory.dataset(reading, store, labels)


def _store(
    reading: Reading, contents: Contents, kind: StoreKind, inventory: Inventory, folder: Path
) -> ImageStore:
    known = _known(folder, inventory)
    if kind == "encoded":
        return EncodedStore(reading.open, reading.config, known)
    files = [RegionFile(region) for region in contents.regions]
    return MappedStore(files, reading.config.shape, contents.channels_first, known)


def _packed_store(folder: Path, inventory: Inventory) -> ImageStore:
    file = RegionFile(_packed_region(folder, inventory))
    file.hold()
    return MappedStore([file], None, True, _known(folder, inventory))


def _known(folder: Path, inventory: Inventory) -> Known:
    remember = partial(_remember, folder, inventory)
    return Known(inventory.layout, inventory.extent, inventory.digests, remember)


def _packed(reading: Reading, folder: Path, identity: str, size: int) -> tuple[Inventory, Labels]:
    """Write all images as plain numbers into a folder of the cache."""
    try:
        with write_folder(folder) as building:
            building.mkdir(parents=True)
            with (building / _PACKED).open("wb") as file:
                kept = take_inventory(reading, "packing images", size, identity, file)
                file.flush()
                os.fsync(file.fileno())
            _write_facts(building, *kept)
    except RunError as error:
        if (of_another := _kept(folder, reading)) is not None:  # Another process was faster.
            return of_another
        raise DataError(
            f"{reading.origin} could not be packed into the cache: {error}",
            expected="room for all of its images as plain numbers",
            fix="Let $LATENTSCAPE_CACHE name a folder on a disk with more room, or have images of "
            "a folder decoded whenever they are needed: --set data.store=encoded.",
        ) from error
    return kept


def _inventoried(
    reading: Reading, folder: Path, identity: str, size: int
) -> tuple[Inventory, Labels]:
    """Go over a source that stays as it is, and keep what is known of it then."""
    kept = take_inventory(reading, "looking at all examples", size, identity)
    with suppress(RunError), write_folder(folder) as building:  # It costs another look.
        building.mkdir(parents=True)
        _write_facts(building, *kept)
    return kept


def _write_facts(folder: Path, inventory: Inventory, labels: Labels) -> None:
    if labels is not None:
        np.save(folder / _LABELS, labels)
    write_json(folder / _FACTS, inventory.model_dump(mode="json"))


def _remember(folder: Path, inventory: Inventory, digests: dict[str, str]) -> None:
    """Keep another digest; without it, it is computed again."""
    more = inventory.model_copy(update={"digests": digests})
    with suppress(RunError):
        if folder.is_dir():
            write_json(folder / _FACTS, more.model_dump(mode="json"))


def _look_up(reading: Reading, what: str) -> tuple[Path, tuple[Inventory, Labels] | None]:
    """Return what the cache holds of a source, and where that is or belongs.

    A range that is asked for changes no value. So what is kept of the source without one holds too:
    a run asks for the range that was chosen when it was trained.
    """
    folder = _folder(reading, what)
    without_range = replace(reading, config=reading.config.model_copy(update={"range": None}))
    for place in dict.fromkeys((folder, _folder(without_range, what))):
        if (kept := _kept(place, reading)) is not None:
            return place, kept
    return folder, None


def _kept(folder: Path, reading: Reading) -> tuple[Inventory, Labels] | None:
    """Return what the cache holds of a source; None if that is nothing, damaged, or out of date."""
    try:
        inventory = Inventory.model_validate(json.loads((folder / _FACTS).read_bytes()))
        labels_file, packed = folder / _LABELS, folder / _PACKED
        labels = np.load(labels_file) if labels_file.exists() else None
        whole = not packed.exists() or _size(packed) == _packed_region(folder, inventory).nbytes
    except (OSError, ValueError, ValidationError):
        return None
    count = 0 if labels is None else len(labels)
    has_all = count == (inventory.shape[0] if inventory.label_names else 0)
    if not (whole and has_all and inventory.version == VERSION):
        return None
    if inventory.identity != _identity(reading, inventory.beside):
        return None
    mark_used(folder / _FACTS)
    return inventory, labels


def _packed_region(folder: Path, inventory: Inventory) -> Region:
    return Region(folder / _PACKED, 0, inventory.shape, np.dtype(inventory.dtype))


def _folder(reading: Reading, what: str) -> Path:
    """Return where the cache keeps what is made of a source with these settings."""
    settings = reading.config.model_dump(
        mode="json", include={"labels", "shape", "range", "resize", "grey"}
    )
    source = reading.name if reading.path is None else str(reading.path.resolve())
    about = json.dumps([VERSION, what, source, reading.view, settings, reading.known])
    key = hashlib.sha256(about.encode(errors="surrogatepass")).hexdigest()[:16]
    return cache_folder() / STORES / f"{slug(reading.name)[:40]}-{key}"


def _identity(reading: Reading, beside: Sequence[str]) -> str:
    """Return what tells whether the files of a source are what they were."""
    own = [] if reading.path is None else [*_files(reading.path), *_label_files(reading)]
    digest = hashlib.sha256()
    for file in [*own, *beside]:
        try:
            status = os.stat(file)
        except OSError:
            continue  # Gone, or a link to nothing: so it has no line.
        # The time of the last change of any kind: an archive that is unpacked over older files
        # may leave size and time of writing as they were.
        times = f"{status.st_mtime_ns}\0{status.st_ctime_ns}"
        line = f"{file}\0{status.st_size}\0{times}\n"
        digest.update(line.encode(errors="surrogatepass"))
    return digest.hexdigest()


def _label_files(reading: Reading) -> Iterator[str]:
    """Yield the files that ``data.labels`` may name: here, in the source or beside it."""
    assert reading.path is not None
    name = Path(reading.config.labels or "").expanduser()
    if name.suffix:
        places = (name, reading.path / name, reading.path.parent / name)
        yield from (os.fspath(place.absolute()) for place in places if os.path.isfile(place))


def _files(path: Path) -> Iterator[str]:
    """Yield the files below a path in a fixed order; the path itself if it is a file.

    Readers follow links to folders, and so does this, but for those that lead back.
    """
    if path.is_dir():
        yield from _files_below(os.fspath(path), ())
    else:
        yield os.fspath(path)


def _files_below(folder: str, above: tuple[str, ...]) -> Iterator[str]:
    resolved = os.path.realpath(folder)
    if resolved in above:
        return
    entries: list[os.DirEntry[str]] = []
    with suppress(OSError), os.scandir(folder) as seen:  # Readers say what cannot be read.
        entries = sorted(seen, key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from _files_below(entry.path, (*above, resolved))
        else:
            yield entry.path


def _size(file: str | Path) -> int:
    try:
        return os.stat(file).st_size
    except OSError:
        return 0
