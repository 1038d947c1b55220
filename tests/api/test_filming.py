"""Films of training: made from runs, and every reason why there is none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentscape
from latentscape.core.errors import ConfigError, RunError
from latentscape.reporting import film as drawing

LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy" / "run"
KEPT = {"train__snapshots": [1, 2], "model__encoder__widths": [32]}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(drawing, "MOVES", 3)
    monkeypatch.setattr(drawing, "REWIND", 3)


@pytest.fixture(scope="module")
def filmed(train):
    return train("vae-20", **KEPT)


def test_a_run_is_filmed_into_its_directory(filmed):
    sheet = latentscape.film(filmed)
    assert sheet.picture == filmed.path / "film.webp"
    assert sheet.images.shape == (2, 16, 1, 28, 28)
    assert sheet.about.startswith("Epochs 1 to 2 of vae-20 on mnist-5k, from 2 snapshots: test ")
    assert "samples from the same codes and the map of codes" in sheet.about
    with Image.open(sheet.picture) as film:
        assert film.format == "WEBP"
        assert film.n_frames == len(drawing.moments(2))
    assert "data:image/webp" in sheet._repr_html_()


def test_points_have_the_colours_of_their_labels(filmed, monkeypatch):
    shown = []
    monkeypatch.setattr(drawing, "Drawing", lambda scenes: shown.append(scenes) or _Blank())
    latentscape.film(filmed)
    (scenes,) = shown
    assert len(scenes.labels) == 40
    assert sorted(set(scenes.labels.tolist())) == list(range(10))
    assert np.allclose(scenes.places.mean(1)[-1], 0, atol=1e-4)  # The plane of the last codes.
    assert list(scenes.errors) == [1, 2]
    assert scenes.quantity == "validation MSE"


class _Blank:
    def draw(self, at):
        return Image.new("RGB", (8, 8), (round(99 * at), 0, 0))


def test_a_gif_by_the_name_of_the_file(filmed, tmp_path):
    sheet = latentscape.film(filmed, out=tmp_path / "film.gif")
    with Image.open(sheet.picture) as film:
        assert film.format == "GIF"


def test_vectors_have_a_map_and_nothing_else(train, plain):
    run = train("simple-20", plain, **KEPT)
    sheet = latentscape.film(run)
    assert sheet.about.count("the map of codes") == 1
    assert "test images" not in sheet.about


def test_a_run_of_an_older_version_has_no_map(tmp_path):
    shutil.copytree(LEGACY, tmp_path / "run")
    sheet = latentscape.film(tmp_path / "run")
    assert "Epochs 1 to 4" in sheet.about
    assert "map" not in sheet.about


@pytest.mark.parametrize(("kept", "words"), [([], "no snapshots"), ([2], "epoch 2 alone")])
def test_too_few_snapshots_say_what_to_set(train, kept, words):
    run = train("simple-20", **{**KEPT, "train__snapshots": kept})
    with pytest.raises(
        RunError, match=rf"{words}.*recipe.yaml --name .*-filmed --set 'train.snapshots=\[1,2\]'"
    ):
        latentscape.film(run)


def test_a_damaged_snapshot_is_named(filmed, tmp_path):
    shutil.copytree(filmed.path, tmp_path / "run")
    (tmp_path / "run" / "snapshots" / "epoch-0002.npy").write_bytes(b"damaged")
    with pytest.raises(RunError, match=r"epoch-0002.npy"):
        latentscape.film(tmp_path / "run", out=tmp_path / "film.webp")
    assert not (tmp_path / "film.webp").exists()


def test_a_run_that_is_not_finished_or_none(filmed, tmp_path):
    shutil.copytree(filmed.path, tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    with pytest.raises(RunError, match="run is not finished.*latentscape train --resume"):
        latentscape.film(tmp_path / "run")
    with pytest.raises(RunError, match="is not a run"):
        latentscape.film(filmed.path / "model.safetensors")


def test_other_endings_are_refused_before_anything_is_read(filmed, tmp_path):
    with pytest.raises(
        ConfigError, match=r"film shall go to .*film\.avi.*\.webp or \.gif or \.mp4"
    ):
        latentscape.film(filmed, out=tmp_path / "film.avi")
