"""Frames of a film of training: what stands on them, and how they follow each other."""

from dataclasses import replace

import numpy as np
import pytest

from latentscape.reporting.film import MAP, MARGIN, WIDTH, Drawing, Scenes, frames, moments


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(0)
    return Scenes(
        title="vae on digits",
        epochs=(1, 2, 8),
        last_epoch=8,
        errors={epoch: 1 / epoch for epoch in range(1, 9)},
        quantity="validation MSE",
        originals=rng.random((16, 1, 8, 6)),
        reconstructions=rng.random((3, 16, 1, 8, 6)),
        samples=rng.random((3, 64, 1, 8, 6)),
        places=rng.normal(size=(3, 40, 2)),
        labels=np.arange(40) % 3 - 1,
        names=("a", "b"),
    )


def pixels(picture):
    return np.asarray(picture).astype(int)


def test_a_film_rests_at_each_epoch_and_goes_back_to_the_first(scenes):
    shown = list(frames(scenes))
    assert len({frame.picture.size for frame in shown}) == 1
    assert len(shown) == len(moments(3))
    steps = [
        np.abs(pixels(one.picture) - pixels(two.picture)).mean()
        for one, two in zip(shown, [*shown[1:], shown[0]], strict=True)
    ]
    # Nothing stands still, and nothing jumps, also where it begins again.
    assert min(steps) > 0
    assert max(steps) < np.abs(pixels(shown[0].picture) - pixels(Drawing(scenes).draw(2))).mean()


@pytest.mark.parametrize("count", [2, 3, 30, 200])
def test_each_epoch_is_shown_and_the_last_one_longest(count):
    at, ticks = zip(*moments(count), strict=True)
    whole = [place for place in at if place == int(place)]
    assert whole == list(range(count))
    assert max(ticks) == ticks[at.index(count - 1)]
    assert all(0 <= place <= count - 1 for place in at)


@pytest.mark.parametrize("missing", ["samples", "places", "reconstructions"])
def test_what_is_missing_is_left_out(scenes, missing):
    gone = {"originals": None, "samples": None} if missing == "reconstructions" else {}
    picture = Drawing(replace(scenes, **{missing: None}, **gone)).draw(0.5)
    assert picture.width == (WIDTH if missing == "samples" else MAP + 2 * MARGIN)
    assert np.ptp(pixels(picture)) > 100


def test_originals_stay_and_reconstructions_change(scenes):
    first, last = (pixels(Drawing(scenes).draw(at)) for at in (0, 2))
    changed = np.abs(first - last).max(axis=(1, 2)) > 0
    right = np.abs(first - last)[:, MAP + 2 * MARGIN : -MARGIN].max(axis=(1, 2)) > 0
    assert changed.any()
    assert not right[40:110].all(), "the row of originals"
    assert right[40:].any()


def test_the_epoch_and_its_error_stand_on_the_frame(scenes, monkeypatch):
    written = []
    monkeypatch.setattr(
        "latentscape.reporting.pen.Pen.text", lambda pen, at, text, *rest: written.append(text)
    )
    Drawing(scenes).draw(1.5)  # Between epochs 2 and 8.
    assert "epoch 5" in written
    assert "validation MSE 0.200" in written
    assert "of 8 epochs" in written


def test_errors_that_are_missing_or_infinite_are_not_drawn(scenes):
    for errors in ({}, {1: float("nan"), 2: 0.5}, {1: float("inf")}):
        assert Drawing(replace(scenes, errors=errors)).draw(0).size[0] == WIDTH
