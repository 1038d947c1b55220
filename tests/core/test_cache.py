"""The cache is bounded, listed and cleared; what a process uses stays."""

import json
import os
import shutil
import time
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from latentscape.cli import app
from latentscape.core import cache
from latentscape.core.cache import cache_folder, cached, make_room
from latentscape.core.locks import take_lock


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache with three packs, used one day after the other, a judge and data."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    now = time.time()
    for day, name in enumerate(("stores/old", "stores/middle", "stores/new")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "images.bin").write_bytes(bytes(1000))
        os.utime(tmp_path / name / "images.bin", 2 * (now - 86_400 * (3 - day),))
    (tmp_path / "classifier-1.safetensors").write_bytes(bytes(10))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train.gz").write_bytes(bytes(20))
    usage = SimpleNamespace(total=4 * 3500, used=0, free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    return tmp_path


def packs(folder):
    return {path.name for path in (folder / "stores").iterdir()}


def test_the_folder_is_chosen_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LATENTSCAPE_CACHE")
    assert "latentscape" in cache_folder().parts


def test_the_least_recently_used_images_go_where_others_need_room(folder):
    make_room(500)
    assert packs(folder) == {"old", "middle", "new"}
    make_room(600)
    assert packs(folder) == {"middle", "new"}
    cache.mark_used(folder / "stores" / "middle" / "images.bin")
    make_room(2000)
    assert packs(folder) == {"middle"}
    assert {item.kind for item in cached()} == {"images", "judge", "data"}


def test_what_a_process_uses_stays(folder):
    with (folder / "stores" / "old" / "images.bin").open("rb") as file:
        take_lock(file.fileno(), shared=True)
        make_room(10_000)
        assert packs(folder) == {"old"}
    make_room(10_000)
    assert packs(folder) == set()


def test_what_a_killed_process_has_half_written_goes_after_a_day(folder):
    for name, age in ((".old-1234", 100_000), (".old-5678", 100)):
        (folder / "stores" / name).mkdir()
        (folder / "stores" / name / "images.bin").touch()
        os.utime(folder / "stores" / name / "images.bin", 2 * (time.time() - age,))
    make_room(0)
    assert packs(folder) == {"old", "middle", "new", ".old-5678"}


def test_the_command_lists_the_cache_and_clears_what_is_made_again(folder):
    shown = CliRunner().invoke(app, ["data", "cache"]).output
    words = " ".join(shown.split())
    assert f"The cache is {folder}. It takes 3.03 kB." in words
    assert "Packed images take 3.5 kB at most" in words
    assert all(word in words for word in ("old images 1 kB", "judge", "mnist data 20 bytes"))
    listed = json.loads(CliRunner().invoke(app, ["data", "cache", "--json", "--clear"]).output)
    assert listed["removed_bytes"] == 3010
    assert [item["name"] for item in listed["items"]] == ["mnist"]
    assert packs(folder) == set()
