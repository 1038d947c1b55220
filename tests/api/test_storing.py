"""Training on images that stay on disk: the same run, and nothing lost when they change."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import latentscape
from latentscape.core.errors import DataError
from latentscape.runs import Run
from latentscape.training.hook import Hook

FAST = {"train.epochs": 3, "train.batch_size": 32, "model.encoder.widths": [16], "data.test": 40}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test have a cache of its own."""
    monkeypatch.setenv("LATENTSCAPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of 300 digits."""
    np.save(tmp_path / "digits.npy", latentscape.load_data("digits").images[:300])
    return tmp_path / "digits.npy"


def train(folder: Path, data: Path, store: str, hooks: tuple[Hook, ...] = ()) -> Run:
    high = 16 if data.is_file() else 255
    changes = {**FAST, "data.store": store, "data.range": (0, high)}
    return latentscape.train(
        "simple-20", data=data, changes=changes, folder=folder, name=store, hooks=hooks, quiet=True
    )


def assert_same_training(one: Run, other: Run) -> None:
    weights, others = load_file(one.model_file), load_file(other.model_file)
    assert all(torch.equal(weights[name], others[name]) for name in weights | others)
    for before, after in zip(one.history.epochs, other.history.epochs, strict=True):
        assert (before.train, before.validation) == (after.train, after.validation)
    assert one.data.fingerprint == other.data.fingerprint
    assert one.fingerprint == other.fingerprint, "where images are kept changes no number"


def test_a_run_is_the_same_wherever_its_images_are(tmp_path: Path, file: Path) -> None:
    resident, mapped = (train(tmp_path, file, store) for store in ("resident", "mapped"))
    assert_same_training(resident, mapped)
    assert (resident.data.kept.kind, mapped.data.kept.kind) == ("resident", "mapped")
    page = latentscape.report(mapped).read_text("utf-8")
    assert "Images stay in a file of plain numbers" in page
    assert "Images stay in a file" not in latentscape.report(resident).read_text("utf-8")


def test_a_folder_of_images_is_trained_on_from_the_cache_or_as_it_is(tmp_path: Path) -> None:
    digits = latentscape.load_data("digits")
    for number in range(120):
        folder = tmp_path / "photos" / str(digits.labels[number])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.images[number][0] * 15).save(folder / f"{number:03}.png")
    resident, *others = (
        train(tmp_path, tmp_path / "photos", store) for store in ("resident", "mapped", "encoded")
    )
    for other in others:
        assert_same_training(resident, other)


class Changing(Hook):
    """Cuts a file off while a model trains on it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_epoch(self, training: object) -> None:
        """Cut it off after the first epoch."""
        if self.file.stat().st_size > 5000:
            os.truncate(self.file, 5000)


def test_a_file_that_shrinks_while_it_is_trained_on_costs_nothing(
    tmp_path: Path, file: Path
) -> None:
    content, before = file.read_bytes(), file.stat()
    with pytest.raises(DataError, match=r"digits.npy has changed since it was opened"):
        train(tmp_path, file, "mapped", (Changing(file),))
    assert any((tmp_path / "mapped" / "checkpoint").iterdir())
    with pytest.raises(DataError):
        latentscape.resume(tmp_path / "mapped", quiet=True)
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    resumed = latentscape.resume(tmp_path / "mapped", quiet=True)
    assert_same_training(resumed, train(tmp_path, file, "resident"))
