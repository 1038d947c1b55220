"""Images that several processes use are mapped from one file."""

import errno
import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentscape.core.records import Split
from latentscape.core.stores import ResidentStore
from latentscape.data import sharing
from latentscape.data.sharing import is_shared, shared


def test_images_are_written_once_and_mapped(small: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MIN_SHARED", 1000)
    other = replace(small, grey=small.dataset, train=small.train[:9])
    with shared([small, other]) as splits:
        stores = [splits[0].dataset.images, splits[1].dataset.images, splits[1].grey.images]
        assert len({id(store) for store in stores}) == 1
        assert stores[0].kind == "mapped"
        assert len(pickle.dumps(stores[0])) < 1000, "what is sent is where the file is"
        again = pickle.loads(pickle.dumps(splits[0]))
        np.testing.assert_array_equal(again.dataset.images[:], small.dataset.images[:])
        assert again.dataset.fingerprint == small.dataset.fingerprint
        assert again.sizes == small.sizes
        path = stores[0]._files[0].region.path
        assert path.exists()
    assert not path.parent.exists()


def test_few_images_are_copied_and_those_on_disk_stay(small: Split) -> None:
    assert not is_shared(small.dataset.images)
    with shared([small]) as (split,):
        assert isinstance(split.dataset.images, ResidentStore)


def test_without_room_for_a_file_they_are_copied(
    small: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, stamp: object = None) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sharing, "MIN_SHARED", 1000)
    monkeypatch.setattr(sharing, "RegionFile", full)
    with shared([small]) as (split,):
        assert split.dataset.images is small.dataset.images


def test_the_file_is_in_the_cache_and_none_without_one(
    small: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MIN_SHARED", 1000)
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))
    with shared([small]) as (split,):
        assert (tmp_path / "cache") in split.dataset.images._files[0].region.path.parents
    (tmp_path / "file").touch()
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "file"))
    with shared([small]) as (split,):
        assert split.dataset.images is small.dataset.images
