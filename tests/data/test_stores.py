"""Stores on disk: the same data as in memory, from every format, and what may go wrong."""

import errno
import gzip
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import latentscape
from data.format_samples import SAMPLES
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.locks import take_lock
from latentscape.core.progress import Listener, Stage, listening
from latentscape.core.records import Dataset
from latentscape.core.stores import Kept
from latentscape.data import (
    as_dataset,
    binarize_split,
    limits,
    load_dataset,
    objects,
    regions,
    show_data,
    split_dataset,
    stores,
    summarize,
)
from latentscape.data.disk import DiskStore, MappedStore
from latentscape.data.formats import tensors
from latentscape.data.regions import Region, RegionFile
from latentscape.runs import load_run_split

TOLD = (
    "value_range",
    "range_reason",
    "label_names",
    "n_official_train",
    "n_official_validation",
    "left_out",
    "origin",
)
PLACES = np.array([5, 0, 29, 5, -1])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let each test have a cache of its own."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(path: Path, store: str = "mapped", **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), store=store, **settings))  # type: ignore


def save_images(folder: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{number:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    """Return a folder of 30 images, the last of them in colour."""
    save_images(tmp_path / "photos", images * 15, labels)
    Image.fromarray(np.full((8, 8, 3), (200, 3, 4), np.uint8)).save(tmp_path / "photos/9/zz.png")
    return tmp_path / "photos"


def assert_same(one: Dataset, other: Dataset) -> None:
    """Compare all that can change a result, and all that is told of the data."""
    assert (one.images.shape, one.images.dtype) == (other.images.shape, other.images.dtype)
    np.testing.assert_array_equal(one.images[:], other.images[:])
    np.testing.assert_array_equal(one.images.take(PLACES), other.images.take(PLACES))
    np.testing.assert_array_equal(one.images.read(3, 8), other.images.read(3, 8))
    assert one.images.extent == other.images.extent
    for name in ("value_range", "range_reason", "label_names", "n_official_train", "origin"):
        assert getattr(one, name) == getattr(other, name), name
    assert (one.left_out, one.n_official_validation) == (
        other.left_out,
        other.n_official_validation,
    )
    assert (one.labels is None) == (other.labels is None)
    assert one.labels is None or np.array_equal(one.labels, other.labels)
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_is_the_same_in_memory_and_on_disk(
    name: str, tmp_path: Path, images: np.ndarray, labels: np.ndarray, cache: Path
) -> None:
    path = tmp_path / SAMPLES[name].name
    SAMPLES[name].write(path, images, labels)
    resident = load(path, "resident")
    for _ in range(2):  # The second time, the cache knows it.
        mapped = load(path)
        assert mapped.images.kind == "mapped"
        assert_same(resident, mapped)
    assert len(list((cache / "stores").iterdir())) == 1


ARRAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bytes": lambda images: images,
    "channels first": lambda images: images[:, np.newaxis],
    "channels last": lambda images: np.repeat(images[..., np.newaxis], 3, 3),
    "vectors": lambda images: images.reshape(30, 64),
    "float64": lambda images: images / 16,
    "float32": lambda images: (images / 16).astype(np.float32),
    "big-endian": lambda images: images.astype(">f4"),
    "truth values": lambda images: images > 7,
    "integers": lambda images: images.astype(np.int64) * 15,
    "wide at the end": lambda images: np.r_[images[:-1], images[-1:].astype(">i8") + 500],
    "Fortran order": lambda images: np.asfortranarray(images),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_any_array_is_mapped_as_it_is_read(
    kind: str, tmp_path: Path, images: np.ndarray, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHUNK", 1000)  # Several batches; the wide number is in the last.
    np.save(tmp_path / "x.npy", ARRAYS[kind](images))
    limits = {"range": (0, 600)} if kind in ("wide at the end", "channels last") else {}
    mapped = load(tmp_path / "x.npy", **limits)
    assert_same(load(tmp_path / "x.npy", "resident", **limits), mapped)
    is_packed = any(cache.rglob("images.bin"))
    assert is_packed == (kind == "Fortran order"), "a file of plain numbers is never copied"


LARGE = ["x.npz", "plain.npz", "x-idx3-ubyte.gz", "x.pt", "x.safetensors", "x.npy"]


@pytest.mark.parametrize("name", LARGE)
def test_more_than_memory_is_packed_a_part_at_a_time(
    name: str, tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = np.tile(images, (100, 1, 1)) * 15
    save_large(tmp_path / name, many)
    resident = load(tmp_path / name, "resident")
    monkeypatch.setattr(limits, "available_memory", lambda: many.nbytes / 2)
    monkeypatch.setattr(stores, "CHUNK", 4096)
    monkeypatch.setattr(tensors, "MAX_RESIDENT", 1000)
    with pytest.raises(DataError, match="of memory. Expected at most"):
        load(tmp_path / name, "resident")
    assert_same(resident, load(tmp_path / name))


def save_large(path: Path, images: np.ndarray) -> None:
    """Save images (N, H, W) of bytes in the format of a path."""
    if path.suffix == ".npz":
        save = np.savez if path.stem == "plain" else np.savez_compressed
        save(path, images=images, other=images[:3])
    elif path.suffix == ".gz":
        header = b"\0\0\x08\3" + np.array(images.shape, ">u4").tobytes()
        path.write_bytes(gzip.compress(header + images.tobytes(), 1))
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(images), path)
    elif path.suffix == ".safetensors":
        save_file({"images": torch.from_numpy(images)}, path)
    else:
        np.save(path, images)


@pytest.mark.parametrize("name", ["x.mat", "old.pt"])
def test_what_has_to_be_read_whole_says_what_to_do(
    name: str, tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "x.mat":
        pytest.importorskip("scipy.io").savemat(tmp_path / name, {"images": images})
    else:
        tensor = torch.from_numpy(images.copy())
        torch.save(tensor, tmp_path / name, _use_new_zipfile_serialization=False)
    monkeypatch.setattr(limits, "available_memory", lambda: 1000)
    with pytest.raises(DataError, match=r"of memory\..* Save it with .*read whole"):
        load(tmp_path / name)


@pytest.mark.parametrize("store", ["mapped", "encoded"])
@pytest.mark.parametrize("settings", [{}, {"grey": True}, {"resize": (4, 4)}])
def test_a_folder_of_images_is_packed_or_decoded(
    photos: Path, store: str, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHUNK", 500)
    resident = load(photos, "resident", **settings)
    on_disk = load(photos, store, **settings)
    assert on_disk.images.kind == store
    assert_same(resident, on_disk)
    assert_same(resident, pickle.loads(pickle.dumps(on_disk)))
    assert_same(resident, load(photos, store, **settings))


class Heard(Listener):
    """Remembers the stages."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []

    def on_begin(self, stage: Stage) -> None:
        """Keep the stage."""
        self.stages.append(stage)


def test_packing_says_how_far_it_is_and_finds_the_fingerprint_on_the_way(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "9" / "zz.png").unlink()
    with listening(heard := Heard()):
        dataset = load(photos)
    (packing,) = [stage for stage in heard.stages if stage.name == "packing images"]
    assert (packing.total, packing.done) == (30, 30)
    monkeypatch.setattr(MappedStore, "read", None)
    assert dataset.fingerprint
    with listening(heard := Heard()):
        assert load(photos).fingerprint == dataset.fingerprint
    assert not [stage for stage in heard.stages if stage.name == "packing images"]


def test_a_range_that_is_asked_for_packs_nothing_anew(photos: Path, cache: Path) -> None:
    first = load(photos)
    assert first.range_reason == "format"
    (facts,) = cache.rglob("inventory.json")
    for high in (255, 300, 255):
        dataset = load(photos, range=(0, high))
        assert_same(dataset, load(photos, "resident", range=(0, high)))
    assert [file.parent for file in cache.rglob("images.bin")] == [facts.parent]
    assert_same(load(photos), load(photos, "resident"))
    with pytest.raises(DataError, match=r"range of values \[9, 3\] is none"):
        load(photos, range=(9, 3))


def test_what_was_packed_for_a_range_says_nothing_of_others(photos: Path) -> None:
    load(photos, range=(0, 300))
    assert_same(load(photos), load(photos, "resident"))


def test_a_source_that_has_changed_is_packed_anew(photos: Path, cache: Path) -> None:
    before = load(photos)
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(photos / "0" / "more.png")
    after = load(photos)
    assert len(after) == len(before) + 1
    assert_same(load(photos, "resident"), after)
    assert len(list((cache / "stores").iterdir())) == 1, "what is out of date goes"
    np.testing.assert_array_equal(before.images[0], after.images[0])  # It is still open.


def test_a_link_to_a_folder_is_followed(photos: Path, tmp_path: Path) -> None:
    (photos / "0").rename(tmp_path / "elsewhere")
    (photos / "0").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(photos)
    before = load(photos)
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(tmp_path / "elsewhere" / "more.png")
    assert len(load(photos)) == len(before) + 1


def test_another_file_of_the_same_size_and_time_is_another_one(
    photos: Path, tmp_path: Path
) -> None:
    file, other = photos / "9" / "zz.bmp", tmp_path / "zz.bmp"
    for path, value in ((file, 1), (other, 2)):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(path)
        os.utime(path, ns=(0, 0))
    before = load(photos)
    other.replace(file)
    assert load(photos).fingerprint != before.fingerprint


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_labels_that_come_later_are_taken(
    tmp_path: Path,
    write_idx: Callable[[Path, np.ndarray], Path],
    images: np.ndarray,
    labels: np.ndarray,
    ending: str,
) -> None:
    file = write_idx(tmp_path / f"train-images-idx3-ubyte{ending}", images)
    assert load(file).labels is None
    write_idx(tmp_path / f"train-labels-idx1-ubyte{ending}", labels.astype(np.uint8))
    assert load(file).labels is not None


def test_a_pack_that_another_process_makes_meanwhile_is_used(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, others = Path.rename, []

    def overtaken(self: Path, target: Path) -> Path:
        if not others:
            others.append(target)
            load(photos)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", overtaken)
    assert_same(load(photos), load(photos, "resident"))
    assert others


def test_a_damaged_pack_is_made_anew(photos: Path, cache: Path) -> None:
    for damage in ("images.bin", "inventory.json", "labels.npy"):
        fingerprint = load(photos).fingerprint
        (file,) = cache.rglob(damage)
        file.write_bytes(file.read_bytes()[:-3])
        assert load(photos).fingerprint == fingerprint


def test_auto_chooses_by_size_and_free_memory(
    photos: Path, tmp_path: Path, images: np.ndarray, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", images)
    for path in (photos, tmp_path / "x.npy"):
        dataset = load(path, "auto")
        assert (dataset.images.kind, dataset.store_reason) == ("resident", "small")
    monkeypatch.setattr(stores, "_ON_DISK", 0)
    monkeypatch.setattr(stores, "available_memory", lambda: 4 * 30 * 64 - 1)
    for path in (photos, tmp_path / "x.npy"):
        dataset = load(path, "auto")
        assert (dataset.images.kind, dataset.store_reason) == ("mapped", "large")
    assert load(photos, "resident").store_reason == "setting"
    monkeypatch.setattr(stores, "room", lambda: 100.0)
    assert load(tmp_path / "x.npy", "auto").images.kind == "mapped"
    assert load(photos, "auto").images.kind == "mapped", "it is packed already"
    shutil.rmtree(cache)
    dataset = load(photos, "auto")
    assert (dataset.images.kind, dataset.store_reason) == ("encoded", "no_room")


def test_a_summary_says_which_store_and_why(photos: Path) -> None:
    summary = show_data(photos, changes={"store": "mapped"})
    assert summary.kept == Kept(kind="mapped", reason="setting", n_bytes=31 * 3 * 64)
    other = show_data(photos)
    assert other.kept == Kept(kind="resident", reason="small", n_bytes=31 * 3 * 64)
    assert summary.model_dump(exclude={"kept"}) == other.model_dump(exclude={"kept"})


def test_only_images_are_decoded_one_by_one(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", images)
    with pytest.raises(DataError, match=r"holds no images that could be.*data.store=mapped"):
        load(tmp_path / "x.npy", "encoded")


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_pixels_are_drawn_alike_in_memory_and_on_disk(photos: Path, mode: str) -> None:
    parts = []
    for store in ("resident", "mapped"):
        split = split_dataset(load(photos, store, range=(0, 255)), DataConfig())
        drawn = binarize_split(split, mode, seed=3)
        assert drawn.dataset.images.kind == store
        parts.append(drawn)
    assert_same(parts[0].dataset, parts[1].dataset)
    assert_same(parts[0].dataset, pickle.loads(pickle.dumps(parts[1].dataset)))


def test_an_array_that_is_mapped_already_stays_so(
    tmp_path: Path, images: np.ndarray, cache: Path
) -> None:
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    dataset = as_dataset(mapped, DataConfig(store="mapped"))
    assert dataset.images.kind == "mapped"
    assert dataset.fingerprint == as_dataset(images).fingerprint
    assert (dataset.name, dataset.origin) == (as_dataset(images).name, "")
    for part, kind in ((mapped[3:9], "mapped"), (np.asfortranarray(images), "resident")):
        dataset = as_dataset(part, DataConfig(store="mapped"))
        assert dataset.images[:].tobytes() == part[:, np.newaxis].tobytes()
        assert dataset.images.kind == kind


def test_a_mapped_array_that_is_written_to_twice_is_known_anew(tmp_path: Path) -> None:
    """The second time, its pages are dirty already: the file's time would stay as it was."""
    np.save(tmp_path / "x.npy", np.zeros((30, 8, 8), np.uint8))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    config, fingerprints = DataConfig(store="mapped", range=(0, 255)), set()
    for value in range(3):
        time.sleep(0.02)  # The clock of a file system may tick every 10 ms.
        mapped[15] = value
        fingerprints.add(as_dataset(mapped, config).fingerprint)
    assert len(fingerprints) == 3


def test_parts_of_a_file_that_are_mapped_are_told_apart(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "x.bin").write_bytes(images.tobytes())
    halves = [
        np.memmap(tmp_path / "x.bin", np.uint8, "r", offset, (15, 8, 8)) for offset in (0, 15 * 64)
    ]
    for half, values in zip(halves, (images[:15], images[15:]), strict=True):
        dataset, resident = as_dataset(half, DataConfig(store="mapped")), as_dataset(values)
        assert dataset.images.extent == resident.images.extent
        assert dataset.fingerprint == resident.fingerprint


def test_labels_that_come_with_a_mapped_array_are_its_own(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", images)
    monkeypatch.setattr(objects, "CHUNK", 7 * 64)  # Seven images at a time.
    mapped, config = np.load(tmp_path / "x.npy", mmap_mode="r"), DataConfig(store="mapped")
    names = np.array([f"class {label}" for label in labels], object)
    for own in (labels, labels[::-1], labels[:, None] + 1, names, names[::-1]):
        dataset, resident = as_dataset((mapped, own), config), as_dataset((images, own))
        assert dataset.images.kind == "mapped"
        np.testing.assert_array_equal(dataset.labels, resident.labels)
        assert dataset.label_names == resident.label_names
        assert dataset.fingerprint == resident.fingerprint
        assert as_dataset((mapped, own)).fingerprint == resident.fingerprint
    assert as_dataset(mapped, config).labels is None


def test_a_dataset_of_a_mapped_array_stays_mapped(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    images = images * 15
    colours = np.repeat(images[..., np.newaxis], 3, axis=3)
    for values in (images, images[:, np.newaxis], colours, images.reshape(30, 64)):
        np.save(tmp_path / "x.npy", values)
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        for facts in ({}, {"value_range": (0.0, 99.0)}, {"n_official_train": 20}):
            datasets = [
                Dataset("blots", array, labels, tuple("0123456789"), **facts)
                for array in (mapped, values)
            ]
            on_disk = as_dataset(datasets[0], DataConfig(store="mapped"))
            assert (on_disk.images.kind, on_disk.store_reason) == ("mapped", "setting")
            assert_same(as_dataset(datasets[1]), on_disk)
            assert as_dataset(datasets[0]).images.kind == "resident", "it is small"


def test_mapped_arrays_by_name_stay_mapped(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    arrays = {"x_train": images[:20], "x_test": images[20:]}
    arrays |= {"y_train": labels[:20], "y_test": labels[20:]}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in arrays}
    for chosen in (mapped, {**mapped, "y_test": labels[20:][::-1]}):
        on_disk = as_dataset(chosen, DataConfig(store="mapped"))
        assert on_disk.images.kind == "mapped"
        resident = as_dataset({name: np.array(array) for name, array in chosen.items()})
        assert_same(resident, on_disk)
    alone = as_dataset({"images": mapped["x_test"]}, DataConfig(store="mapped"))
    assert alone.fingerprint == as_dataset({"images": images[20:]}).fingerprint
    with (tmp_path / "x_test.npy").open("r+b") as file:  # Not the first file.
        file.seek(200)
        file.write(bytes([1, 2, 3]))
    changed = as_dataset(mapped, DataConfig(store="mapped"))
    assert_same(as_dataset({name: np.array(array) for name, array in mapped.items()}), changed)


def test_what_is_mapped_of_another_file_than_the_one_there_now_is_read_from_memory(
    tmp_path: Path, images: np.ndarray
) -> None:
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.save(tmp_path / "y.npy", images[::-1])
    (tmp_path / "y.npy").replace(tmp_path / "x.npy")
    config = DataConfig(store="mapped")
    assert as_dataset(mapped, config).fingerprint == as_dataset(images).fingerprint
    (tmp_path / "x.npy").unlink()
    assert as_dataset(mapped, config).fingerprint == as_dataset(images).fingerprint


def test_a_run_of_mapped_data_goes_on_with_them_mapped(tmp_path: Path, digits: Dataset) -> None:
    np.save(tmp_path / "x.npy", digits.images[:200])
    mapped = Dataset("few", np.load(tmp_path / "x.npy", mmap_mode="r"))
    changes = {"data.store": "mapped", "model.encoder.widths": [8], "train.schedule": "constant"}
    shared = {"folder": tmp_path, "quiet": True}
    run = latentscape.train("simple-20", data=mapped, changes=changes, epochs=1, **shared)
    assert run.data.kept is not None
    assert run.data.kept.kind == "mapped"
    assert latentscape.resume(run, data=mapped, epochs=2, quiet=True).finished
    assert load_run_split(run, mapped).dataset.images.kind == "mapped"


@pytest.mark.parametrize("store", ["auto", "mapped"])
def test_one_example_that_is_mapped_is_enough_to_be_encoded(
    tmp_path: Path, images: np.ndarray, store: str
) -> None:
    np.save(tmp_path / "one.npy", images[:1])
    mapped = np.load(tmp_path / "one.npy", mmap_mode="r")
    config = DataConfig(store=store, range=(0, 15))  # type: ignore
    assert len(as_dataset(mapped, config, least=1)) == 1
    with pytest.raises(DataError, match="holds 1 example"):
        as_dataset(mapped, config)


def test_the_origin_is_where_the_file_is_however_it_was_named_first(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    assert load(Path(photos.name)).origin == str(photos)
    assert load(photos).origin == str(photos)


def test_a_dataset_on_disk_is_taken_as_it_is(photos: Path) -> None:
    dataset = load(photos)
    assert as_dataset(dataset).images is dataset.images
    assert as_dataset(dataset, DataConfig(grey=True)).shape == (1, 8, 8)


def test_a_file_that_shrinks_or_changes_is_refused_and_nobody_is_killed(
    tmp_path: Path, images: np.ndarray
) -> None:
    path = tmp_path / "x.npy"
    for look in (lambda s: s.take(PLACES), lambda s: s.read(0, 30), lambda s: list(s.chunks())):
        np.save(path, images)
        store = load(path).images
        store.take(PLACES)
        os.truncate(path, 200)
        with pytest.raises(DataError, match=r"x.npy has changed since it was opened: it had 2,"):
            look(store)
        np.save(path, images)
        store = load(path).images
        with path.open("r+b") as file:
            file.seek(500)
            file.write(b"other")
        os.utime(path, ns=(1, 1))
        with pytest.raises(DataError, match="it has been written to"):
            look(store)


def test_a_file_that_is_shorter_than_it_says_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", images)
    os.truncate(tmp_path / "x.npy", 1000)
    with pytest.raises(DataError, match=r"x.npy"):
        load(tmp_path / "x.npy")


def test_a_mapped_file_may_be_replaced_or_taken_away(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "here").mkdir()
    np.save(tmp_path / "here" / "x.npy", images)
    store = load(tmp_path / "here" / "x.npy").images
    shutil.rmtree(tmp_path / "here")
    np.testing.assert_array_equal(store.take(PLACES)[:, 0], images[PLACES])
    np.testing.assert_array_equal(store[:][:, 0], images)
    with pytest.raises(DataError, match=r"x.npy cannot be read"):
        pickle.loads(pickle.dumps(store))


@pytest.mark.parametrize("knows", [True, False])
def test_a_mapped_array_whose_file_was_replaced_is_used_as_it_is(
    tmp_path: Path, images: np.ndarray, knows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by one that begins and ends alike, and where the system does not say what is mapped."""
    if not knows:
        monkeypatch.setattr(regions, "_is_mapped_from", lambda address, path: False)
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    region = regions.region_of(mapped)
    assert region is not None
    assert region.path == tmp_path / "x.npy"
    other = images.copy()
    other[len(other) // 2] += 1
    np.save(tmp_path / "y.npy", other)
    os.replace(tmp_path / "y.npy", tmp_path / "x.npy")
    assert regions.region_of(mapped) is None
    (tmp_path / "x.npy").unlink()
    assert regions.region_of(mapped) is None


def test_what_is_being_removed_from_the_cache_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "images.bin").write_bytes(bytes(8))
    file = RegionFile(Region(tmp_path / "images.bin", 0, (2, 4), np.dtype(np.uint8)))
    file.hold()
    with (tmp_path / "images.bin").open() as other:
        assert take_lock(other.fileno()) is False
    late = RegionFile(file.region)
    file.close()
    with (tmp_path / "images.bin").open() as remover:
        assert take_lock(remover.fileno())
        timer = threading.Timer(0.05, remover.close)
        (tmp_path / "images.bin").rename(tmp_path / "gone")
        timer.start()
        with pytest.raises(DataError, match="has just been removed from the cache"):
            late.hold()


def test_an_image_that_changes_or_goes_is_named(photos: Path) -> None:
    store = load(photos, "encoded").images
    first = sorted((photos / "0").iterdir())[0]
    content = first.read_bytes()
    first.write_bytes(content + b"more")
    with pytest.raises(DataError, match=rf"{first.name} has changed since it was opened"):
        store.take(PLACES)
    first.unlink()
    with pytest.raises(DataError, match=rf"There is no file .*{first.name}"):
        store.take(PLACES)


@pytest.mark.parametrize("store", ["mapped", "encoded"])
def test_images_of_different_sizes_are_named(
    photos: Path, store: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHUNK", 64)  # A batch each.
    Image.fromarray(np.zeros((9, 7), np.uint8)).save(photos / "4" / "odd.png")
    with pytest.raises(DataError, match=r"odd.png on, examples have the.*--resize 8x8"):
        load(photos, store)
    assert not any(cache.rglob("*.*")), "nothing is half-written"
    assert load(photos, store, resize=(8, 8)).images.shape == (32, 3, 8, 8)


def test_a_full_disk_leaves_nothing_and_says_what_to_do(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(stores.os, "fsync", full)
        with pytest.raises(DataError, match=r"No space left.*LATENTSCAPE_CACHE.*encoded"):
            load(photos)
    assert not any(cache.rglob("*.*"))
    assert_same(load(photos, "encoded"), load(photos))


@pytest.mark.skipif(os.name == "nt", reason="permissions of folders are those of POSIX")
def test_what_is_mapped_needs_no_cache(
    tmp_path: Path, images: np.ndarray, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_bytes(b"")  # A file where the folder should be.
    np.save(tmp_path / "x.npy", images)
    assert_same(load(tmp_path / "x.npy", "resident"), load(tmp_path / "x.npy"))


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    values = np.zeros((30, 4), np.float32)
    values[20, 2] = np.nan
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(DataError, match="NaN or infinite in examples 0 to 29"):
        load(tmp_path / "x.npy")


def test_all_as_one_array_needs_memory_for_it(
    tmp_path: Path, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", images)
    store = load(tmp_path / "x.npy").images
    monkeypatch.setattr("latentscape.core.memory.available_memory", lambda device: 100.0)
    with pytest.raises(ConfigError, match=r"One array of all 30 examples needs .*images.chunks"):
        np.asarray(store)


def test_a_summary_is_that_of_data_in_memory(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", (images / 16).astype(np.float32))
    one, other = (load(tmp_path / "x.npy", store) for store in ("resident", "mapped"))
    assert isinstance(other.images, DiskStore)
    one, other = (summarize(data, split_dataset(data, DataConfig())) for data in (one, other))
    assert one.model_dump(exclude={"kept"}) == other.model_dump(exclude={"kept"})
