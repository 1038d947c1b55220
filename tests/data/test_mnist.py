"""MNIST and Fashion-MNIST: where they are looked for, and downloads from a server of the test's."""

import gzip
import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from latentscape.config import DataConfig
from latentscape.core.errors import DataError
from latentscape.core.progress import Listener, Stage, listening
from latentscape.data import download, load_dataset
from latentscape.data.mnist import FASHION_MNIST, FILES, MNIST, Archive

DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def contents(
    images: np.ndarray, labels: np.ndarray, idx_bytes: Callable[[np.ndarray], bytes]
) -> dict[str, bytes]:
    """Return four small files: 20 real digits to train on and 10 to test on."""
    parts = images[:20], labels[:20], images[20:], labels[20:]
    return {name: idx_bytes(part.astype(np.uint8)) for name, part in zip(FILES, parts, strict=True)}


@pytest.fixture
def small(contents: dict[str, bytes]) -> Archive:
    """Return an archive like MNIST, of those files."""
    hashes = tuple(hashlib.sha256(content).hexdigest() for content in contents.values())
    return replace(MNIST, name="small", torchvision="Small", sha256=hashes)


def write(folder: Path, contents: dict[str, bytes], suffix: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        packed = gzip.compress(content) if suffix else content
        (folder / (name + suffix)).write_bytes(packed)


@dataclass
class Server:
    """A mirror: what it serves and what it was requests for."""

    folder: Path
    url: str
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    requests: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments: object) -> None:
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(folder, f"http://127.0.0.1:{httpd.server_port}", requests)
        httpd.shutdown()
        thread.join()


def test_real_mnist(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(real_data))
    dataset = load_dataset(DataConfig(source="mnist"))
    assert dataset.images.shape == (70000, 1, 28, 28)
    assert dataset.images.dtype == np.uint8
    assert dataset.n_official_train == 60000
    assert dataset.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert dataset.labels[60000:60010].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert dataset.origin == str(real_data / "mnist")


def test_fashion_mnist_names_its_classes() -> None:
    assert len(FASHION_MNIST.label_names) == 10
    assert FASHION_MNIST.label_names[7] == "Sneaker"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("place", ["named", "cache", "torchvision", "here", "system"])
def test_places(
    small: Archive,
    contents: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    suffix: str,
) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(tmp_path / "data"))
    small = replace(small, folders=(str(tmp_path / "system"),))
    folders = {
        "named": tmp_path / "data" / "small",
        "cache": tmp_path / "cache" / "small",
        "torchvision": tmp_path / "data" / "Small" / "raw",
        "here": Path("data/Small/raw"),
        "system": tmp_path / "system",
    }
    write(folders[place], contents, suffix)
    contents = small.load()
    assert contents.n_official_train == 20
    assert contents.origin == str(folders[place])
    assert contents.count == 30
    assert sum(len(batch.labels) for batch in contents.batches) == 30


def test_files_may_lie_in_different_places(
    small: Archive, contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(tmp_path / "data"))
    write(tmp_path / "data" / "small", {name: contents[name] for name in FILES[:2]})
    write(tmp_path / "cache" / "small", {name: contents[name] for name in FILES[2:]}, ".gz")
    assert small.load().count == 30


def test_a_recompressed_archive_is_the_same(
    small: Archive, contents: dict[str, bytes], own_cache: Path
) -> None:
    write(own_cache / "small", contents)
    for name in FILES:
        path = own_cache / "small" / name
        path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))
        path.unlink()
    assert small.load().count == 30


def test_other_content_is_refused_with_both_hashes(
    small: Archive, contents: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATENTSCAPE_DATA", str(tmp_path / "data"))
    forged = {name: content[:-1] + b"\x07" for name, content in contents.items()}
    write(tmp_path / "data" / "small", forged)
    sha256 = hashlib.sha256(forged[FILES[0]]).hexdigest()
    with pytest.raises(DataError, match=f"{FILES[0]} has the SHA-256 {sha256}.*{small.sha256[0]}"):
        small.load()


def test_without_network_the_places_are_listed(small: Archive, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        small.load()
    message = str(caught.value)
    for part in (f"{DEAD}/small/", *FILES, str(tmp_path / "cache" / "small"), "data/Small/raw"):
        assert part in message


def test_download_into_the_cache_once(
    small: Archive,
    contents: dict[str, bytes],
    server: Server,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENTSCAPE_MIRROR", server.url)
    write(server.folder / "small", contents, ".gz")
    first, second = (
        np.concatenate([batch.values for batch in small.load().batches]) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert server.requests == [f"/small/{name}.gz" for name in FILES]
    assert sorted(file.name for file in (own_cache / "small").iterdir()) == sorted(
        f"{name}.gz" for name in FILES
    )


def test_a_damaged_download_in_the_cache_is_fetched_again(
    small: Archive,
    contents: dict[str, bytes],
    server: Server,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENTSCAPE_MIRROR", server.url)
    write(server.folder / "small", contents, ".gz")
    write(own_cache / "small", contents, ".gz")
    path = own_cache / "small" / f"{FILES[0]}.gz"
    path.write_bytes(path.read_bytes()[:100])
    assert small.load().count == 30
    assert server.requests == [f"/small/{FILES[0]}.gz"]


@pytest.mark.parametrize("worse", ["dead", "without the file", "forged", "truncated", "no gzip"])
def test_the_next_mirror_is_tried(
    small: Archive,
    contents: dict[str, bytes],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    worse: str,
) -> None:
    write(server.folder / "good" / "small", contents, ".gz")
    bad = server.folder / "bad" / "small"
    if worse == "forged":
        write(bad, {name: content[:-1] + b"\x07" for name, content in contents.items()}, ".gz")
    elif worse == "truncated":
        write(bad, contents, ".gz")
        for file in bad.iterdir():
            file.write_bytes(file.read_bytes()[:-5])
    elif worse == "no gzip":
        write(bad, {f"{name}.gz": b"<html>Please log in</html>" for name in contents})
    first = DEAD if worse == "dead" else f"{server.url}/bad"
    monkeypatch.setenv("LATENTSCAPE_MIRROR", f"{first} {server.url}/good/")
    assert small.load().count == 30


def test_a_forged_download_is_refused_and_not_kept(
    small: Archive,
    contents: dict[str, bytes],
    server: Server,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LATENTSCAPE_MIRROR", server.url)
    forged = {name: content[:-1] + b"\x07" for name, content in contents.items()}
    write(server.folder / "small", forged, ".gz")
    sha256 = hashlib.sha256(forged[FILES[0]]).hexdigest()
    with pytest.raises(DataError, match=f"{sha256}.*{small.sha256[0]}"):
        small.load()
    assert not list(own_cache.rglob("*.gz"))


def test_a_download_needs_no_cache(
    small: Archive,
    contents: dict[str, bytes],
    server: Server,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own_cache.write_text("a file where the folder should be")
    monkeypatch.setenv("LATENTSCAPE_MIRROR", server.url)
    write(server.folder / "small", contents, ".gz")
    assert small.load().count == 30


def test_a_download_says_how_far_it_is(
    small: Archive, contents: dict[str, bytes], server: Server
) -> None:
    class Sizes(Listener):
        texts, sizes = set[str](), list[tuple[float, float | None]]()

        def on_advance(self, stage: Stage) -> None:
            self.texts.add(stage.text())
            self.sizes.append((stage.done, stage.total))

    write(server.folder / "small", contents, ".gz")
    size = (server.folder / "small" / f"{FILES[0]}.gz").stat().st_size
    url, sha256 = f"{server.url}/small/{FILES[0]}.gz", small.sha256[0]
    sizes = Sizes()
    with listening(sizes):
        download.download([url], sha256, "")
    assert sizes.texts == {f"downloading: {FILES[0]}.gz"}
    assert sizes.sizes[-1] == (size, size)


def test_the_real_mirrors_serve_both_archives() -> None:
    for archive in (MNIST, FASHION_MNIST):
        assert len(archive.mirrors) == 2
        assert all(mirror.startswith("http") for mirror in archive.mirrors)
        assert {len(sha256) for sha256 in archive.sha256} == {64}
