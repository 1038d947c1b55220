"""Archives are read as the folders that they hold, and nothing in them is ever extracted."""

import io
import json
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.format_samples import encode, tar_of, zip_of
from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, LeftOut
from latentscape.data import load_dataset, stream_data


def load(path: Path, **settings: object) -> Dataset:
    return load_dataset(DataConfig(source=str(path), **settings))


def test_names_that_lead_out_and_links_are_left_out(tmp_path: Path, images: np.ndarray) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encode(images[9]))
    archive = zipfile.ZipFile(tmp_path / "x.zip", "w")
    with archive:
        for index, name in enumerate(["a.png", "b.png", "../out.png", "__MACOSX/._a.png"]):
            archive.writestr(name, encode(images[index]))
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    dataset = load(tmp_path / "x.zip")
    np.testing.assert_array_equal(dataset.images[:, 0], images[:2])
    assert dataset.left_out == (
        LeftOut("file", ("../out.png",), 1, "its name leads out of the archive"),
        LeftOut("file", ("link.png",), 1, "a link or a device, not a file"),
    )
    assert sorted(os.listdir(tmp_path)) == ["secret.png", "x.zip"]


def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "x.tar"
    tar_of({"a.png": encode(images[0]), "b.png": encode(images[1])}, path)
    with tarfile.open(path, "a") as archive:
        kinds = {"s.png": tarfile.SYMTYPE, "h.png": tarfile.LNKTYPE, "f.png": tarfile.FIFOTYPE}
        for name, kind in kinds.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    dataset = load(path)
    assert len(dataset) == 2
    assert dataset.left_out[0].names == ("s.png", "h.png", "f.png")


def test_other_files_are_left_out_and_named(tmp_path: Path, images: np.ndarray) -> None:
    files = {"cat/a.png": encode(images[0]), "dog/b.png": encode(images[1]), "LICENSE": b"free"}
    zip_of(files, tmp_path / "x.zip")
    dataset = load(tmp_path / "x.zip")
    assert dataset.label_names == ("cat", "dog")
    assert dataset.left_out == (LeftOut("file", ("LICENSE",), 1, "not an image"),)


def test_images_are_resized_and_named_while_they_are_streamed(
    tmp_path: Path, images: np.ndarray
) -> None:
    zip_of({f"cat/{index}.png": encode(images[index]) for index in range(3)}, tmp_path / "x.zip")
    changes = {"resize": (4, 4)}
    chunks = list(stream_data(tmp_path / "x.zip", (1, 4, 4), 2, changes=changes).chunks)
    assert [len(chunk.images) for chunk in chunks] == [2, 1]
    assert chunks[1].metadata.to_pydict() == {"id": ["cat/2.png"], "label": ["cat"]}


def test_an_archive_with_a_password(tmp_path: Path, images: np.ndarray) -> None:
    path = tmp_path / "x.zip"
    zip_of({"a.png": encode(images[0]), "b.png": encode(images[1])}, path)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(mark)
        while start >= 0:
            content[start + place] |= 1
            start = content.find(mark, start + 1)
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="password"):
        load(path)


def test_an_archive_of_other_things(tmp_path: Path) -> None:
    zip_of({"train.csv": b"a,b\n1,2\n"}, tmp_path / "x.zip")
    with pytest.raises(DataError, match=r"no images but 1 other file.* \(train.csv\).*Extract it"):
        load(tmp_path / "x.zip")
    zip_of({}, tmp_path / "x.zip")
    with pytest.raises(DataError, match=r"x.zip holds no images\."):
        load(tmp_path / "x.zip")


def test_a_damaged_image_in_an_archive_is_named(tmp_path: Path, images: np.ndarray) -> None:
    zip_of({"a.png": encode(images[0]), "b/c.png": b"no image"}, tmp_path / "x.zip")
    with pytest.raises(DataError, match="x.zip/b/c.png cannot be read as an image"):
        load(tmp_path / "x.zip", labels="none")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_bombs(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentscape.data.limits.available_memory", lambda: 10_000_000)
    files = {"a.png": bytes(60_000_000)}
    if name == "x.zip":
        zip_of(files, tmp_path / name)
    else:
        tar_of(files, tmp_path / name, "w:gz")
    with pytest.raises(DataError, match="of memory. Expected at most 8 MB"):
        load(tmp_path / name)


def test_a_member_that_declares_more_than_there_is(tmp_path: Path, images: np.ndarray) -> None:
    member = tarfile.TarInfo("a.png")
    member.size = 2**40
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + encode(images[0]))
    with pytest.raises(DataError, match="cannot be read as an archive"):
        load(tmp_path / "x.tar")


def webdataset(path: Path, images: np.ndarray, sidecars: dict[str, bytes]) -> Path:
    pictures = {f"shard/{index:03}.png": encode(images[index]) for index in range(4)}
    tar_of({**pictures, **{f"shard/{name}": text for name, text in sidecars.items()}}, path)
    return path


def test_labels_of_webdataset(tmp_path: Path, images: np.ndarray) -> None:
    classes = {f"{index:03}.cls": b"%d\n" % (index % 2) for index in range(4)}
    texts = {f"{index:03}.txt": b"a caption" for index in range(4)}
    path = webdataset(tmp_path / "x.tar", images, {**classes, **texts})
    dataset = load(path)
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert [unused.count for unused in dataset.left_out] == [4]
    assert load(path, labels="none").labels is None


def test_a_field_of_json_is_the_label(tmp_path: Path, images: np.ndarray) -> None:
    fields = [{"kind": name, "target": index} for index, name in enumerate("abab")]
    sidecars = {f"{index:03}.json": json.dumps(tree).encode() for index, tree in enumerate(fields)}
    path = webdataset(tmp_path / "x.tar", images, sidecars)
    assert load(path).label_names == ("0", "1", "2", "3")
    assert load(path, labels="kind").label_names == ("a", "b")
    with pytest.raises(DataError, match="4 of 4 images .* no label in a field 'size'"):
        load(path, labels="size")


@pytest.mark.parametrize(
    ("sidecars", "message"),
    [
        ({"000.cls": b"1"}, "3 of 4 images in .*x.tar have no label, the first .*001.png"),
        ({f"{index:03}.json": b"{" for index in range(4)}, "000.json is not JSON"),
        ({f"{index:03}.json": b"[" * 99_999 for index in range(4)}, "000.json is not JSON"),
    ],
)
def test_damaged_labels_of_webdataset(
    tmp_path: Path, images: np.ndarray, sidecars: dict[str, bytes], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load(webdataset(tmp_path / "x.tar", images, sidecars))


def test_json_without_a_label_is_left_out(tmp_path: Path, images: np.ndarray) -> None:
    sidecars = {f"{index:03}.json": b"{}" for index in range(4)}
    dataset = load(webdataset(tmp_path / "x.tar", images, sidecars))
    assert dataset.labels is None
    assert dataset.left_out[0].count == 4


def test_names_that_are_not_utf8(tmp_path: Path, images: np.ndarray) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", encoding="latin-1") as archive:
        for index, name in enumerate(["é/a.png", "è/b.png"]):
            member = tarfile.TarInfo(name)
            content = encode(images[index])
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    assert len(load(tmp_path / "x.tar").label_names) == 2
