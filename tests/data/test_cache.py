from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentscape.core.errors import DataError
from latentscape.core.records import Array
from latentscape.data.cache import cache_folder, cached_arrays, checksum


class _Builder:
    """Builds the same arrays each time, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, Array]:
        self.calls += 1
        return {"x": np.arange(1000), "y": np.ones((2, 3), np.uint8)}


NUMBERS = checksum(_Builder()())


@pytest.fixture
def build() -> _Builder:
    return _Builder()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_folder_is_chosen_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LATENTSCAPE_CACHE")
    assert "latentscape" in cache_folder().parts


def test_built_once_and_the_same_after(folder: Path, build: _Builder) -> None:
    for _ in range(2):
        arrays = cached_arrays("numbers", build, NUMBERS)
        np.testing.assert_array_equal(arrays["x"], np.arange(1000))
        assert arrays["y"].shape == (2, 3)
    assert build.calls == 1
    assert [file.name for file in folder.iterdir()] == ["numbers.npz"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"no archive",
        lambda content: content[: len(content) // 2],
        lambda content: content[:2000] + bytes([content[2000] ^ 1]) + content[2001:],
    ],
    ids=["emptied", "replaced", "truncated", "one bit flipped"],
)
def test_a_damaged_file_is_rebuilt(
    folder: Path, build: _Builder, damage: Callable[[bytes], bytes]
) -> None:
    cached_arrays("numbers", build, NUMBERS)
    path = folder / "numbers.npz"
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(cached_arrays("numbers", build, NUMBERS)["x"], np.arange(1000))
    assert build.calls == 2
    cached_arrays("numbers", build, NUMBERS)
    assert build.calls == 2


def test_without_a_writable_folder_it_is_only_slower(folder: Path, build: _Builder) -> None:
    folder.write_text("a file where the folder should be")
    for _ in range(2):
        np.testing.assert_array_equal(
            cached_arrays("numbers", build, NUMBERS)["x"], np.arange(1000)
        )
    assert build.calls == 2


OTHERS = {
    "other values": lambda arrays: {**arrays, "x": arrays["x"] + 1},
    "another type": lambda arrays: {**arrays, "x": arrays["x"].astype(np.float32)},
    "another shape": lambda arrays: {**arrays, "x": arrays["x"][:-1]},
    "another name": lambda arrays: {"z": arrays["x"], "y": arrays["y"]},
    "one missing": lambda arrays: {"x": arrays["x"]},
    "none": lambda arrays: {},
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_whole_file_of_other_arrays_is_rebuilt(folder: Path, build: _Builder, other: str) -> None:
    folder.mkdir()
    np.savez(folder / "numbers.npz", **OTHERS[other](build()))
    for _ in range(2):
        arrays = cached_arrays("numbers", build, NUMBERS)
        np.testing.assert_array_equal(arrays["x"], np.arange(1000))
    assert build.calls == 2


def test_other_arrays_than_the_known_ones_are_refused_and_not_kept(
    folder: Path, build: _Builder
) -> None:
    with pytest.raises(DataError, match=f"other arrays .*Expected {'0' * 12}.*Install"):
        cached_arrays("numbers", build, "0" * 64)
    assert not folder.exists()
