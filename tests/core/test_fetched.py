"""What stands at URLs is fetched once, whole and checked, or said to be wrong."""

from pathlib import Path, PureWindowsPath

import fsspec
import pytest

from latentscape.core import fetched, remote
from latentscape.core.cache import cached
from latentscape.core.errors import ConfigError, DataError, RunError
from latentscape.core.fetched import SUMS, local, sums_of
from latentscape.core.files import write_text
from latentscape.core.urls import url_of
from stores import Faulty


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Faulty, "store", {})
    monkeypatch.setattr(Faulty, "pseudo_dirs", [""])
    files = fsspec.filesystem("faulty")
    files.pipe_file("/bucket/a.txt", b"twelve bytes")
    files.pipe_file("/bucket/folder/b.txt", b"b")
    files.pipe_file("/bucket/folder/below/c.txt", b"c")
    return files


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("s3://bucket/a.npz", "s3://bucket/a.npz"),
        (Path("s3://bucket/runs/a"), "s3://bucket/runs/a"),
        ("S3://bucket/runs/a/", "s3://bucket/runs/a"),
        (Path("file:///data/a.npz"), "file:///data/a.npz"),
        ("mnist", None),
        ("/data/a.npz", None),
        (PureWindowsPath("C:/data/a.npz"), None),
        (["s3://bucket"], None),
    ],
)
def test_what_is_a_url(place, url):
    assert url_of(place) == url


def test_a_file_is_fetched_once_until_it_changes(store, heard, monkeypatch):
    first = local("faulty://bucket/a.txt", DataError)
    assert (first.name, first.read_bytes()) == ("a.txt", b"twelve bytes")
    assert "fetching" in heard.names
    with monkeypatch.context() as patch:
        patch.setattr(Faulty, "get_file", lambda *arguments, **options: 1 / 0)
        assert local(Path("faulty://bucket/a.txt"), DataError) == first
    store.pipe_file("/bucket/a.txt", b"another")
    assert local("faulty://bucket/a.txt", DataError).read_bytes() == b"another"
    assert [(item.kind, item.n_bytes > 7) for item in cached()] == [("data", True)]


def test_a_folder_is_fetched_with_all_below(store):
    folder = local("faulty://bucket/folder", DataError)
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert (folder.name, files) == ("folder", {"b.txt", "below/c.txt"})


def test_what_is_on_this_machine_is_used_where_it_is(tmp_path):
    assert local(f"file://{tmp_path}/a.npz", DataError) == tmp_path / "a.npz"
    assert local("~nobody-has-this-name/a", DataError) == Path("~nobody-has-this-name/a")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("half", "6 bytes of 12 have arrived.*Give the command again"),
        ("changing", "has changed while it was fetched"),
        ("refusing", r"cannot be read: Access Denied.*AWS_PROFILE"),
        ("broken", "cannot be read: HTTP 500.*AWS_ENDPOINT_URL"),
        ("silent", "The store of faulty://bucket/a.txt does not answer"),
    ],
)
def test_what_goes_wrong_is_said_and_nothing_is_kept(fault, said, store, monkeypatch):
    monkeypatch.setattr(Faulty, "fault", fault)
    monkeypatch.setattr(remote, "ANSWERS_WITHIN", 0.05)
    with pytest.raises(DataError, match=said):
        local("faulty://bucket/a.txt", DataError)
    assert cached() == []


def test_what_is_not_there_is_said(store):
    with pytest.raises(DataError, match="There is nothing at faulty://bucket/z.txt"):
        local("faulty://bucket/z.txt", DataError)
    with pytest.raises(ConfigError, match="Protocol not known: nowhere"):
        local("nowhere://bucket/z.txt", DataError)


def test_more_than_the_disk_holds_is_not_begun(store, monkeypatch):
    monkeypatch.setattr(fetched, "room", lambda: 3.0)
    with pytest.raises(DataError, match=r"the disk of the cache .*\$LATENTSCAPE_CACHE"):
        local("faulty://bucket/a.txt", DataError)


def test_names_that_lead_out_of_a_folder_are_refused(store, tmp_path):
    store.store["/bucket/folder/../../escaped.txt"] = store.store["/bucket/a.txt"]
    with pytest.raises(DataError, match="a file that no folder can hold"):
        local("faulty://bucket/folder", DataError)


def test_a_missing_client_is_named_with_its_extra(monkeypatch):
    def missing(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(ConfigError, match=r"reads s3://.*pip install 'latentscape\[s3\]'"):
        local("s3://bucket/a.npz", DataError)


def test_a_sealed_folder_is_compared_with_its_checksums(store, tmp_path, monkeypatch):
    with pytest.raises(RunError, match=f"has no {SUMS}: it is no run, or has not been sent whole"):
        local("faulty://bucket/folder", RunError, sealed=True)
    for name in ("b.txt", "below/c.txt"):
        write_text(tmp_path / name, name[-5])
    sums = sums_of(tmp_path, ["b.txt", "below/c.txt"])
    store.pipe_file(f"/bucket/folder/{SUMS}", sums.encode())
    assert (local("faulty://bucket/folder", RunError, sealed=True) / "b.txt").read_text() == "b"
    store.pipe_file("/bucket/folder/b.txt", b"z")
    with pytest.raises(RunError, match="b.txt at faulty://bucket/folder is damaged"):
        local("faulty://bucket/folder", RunError, sealed=True)
    store.rm_file("/bucket/folder/b.txt")
    with pytest.raises(RunError, match="b.txt at faulty://bucket/folder is missing"):
        local("faulty://bucket/folder", RunError, sealed=True)


def test_an_address_that_is_signed_anew_is_no_other_version():
    """Servers redirect to one; fsspec says it beside the size."""
    about = {"name": "https://here/a.npz", "size": 12, "ETag": "1"}
    first, again = (remote._held({**about, "url": f"https://there/?{n}"}) for n in range(2))
    assert first == again
    assert remote._held({**about, "ETag": "2"}) != first
