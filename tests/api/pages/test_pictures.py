"""Pictures of a report: samples, walks, denoising, reconstructions epoch by epoch."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import toys
from latentscape.api.pages import denoising, samples, walks
from latentscape.api.pages.reconstructions import progress
from latentscape.evaluation.pictures import Pictures
from latentscape.inference.samples import Samples
from latentscape.reporting.sentences import (
    describe_denoising,
    describe_interpolation,
    describe_manifold,
    describe_samples,
    describe_traversals,
)
from synthetic import add, images, subject


def _labelled(run, labels):
    pictures = run.require(Pictures)
    drawn = Samples(images=images((1, 12, 10), len(labels)), source="prior", labels=labels, seed=0)
    return add(run, pictures.model_copy(update={"samples": drawn}))


def _walk(run, name):
    shown = subject(run)
    return next(plate for plate in walks.plates(shown, shown.rows[0]) if name in plate.name)


def test_captions_say_what_pictures_show(variant):
    vae, noisy = variant("vae"), variant("denoising")
    pictures, restored = vae.require(Pictures), noisy.require(Pictures)
    assert _walk(vae, "interpolation").caption == describe_interpolation(pictures.interpolation)
    assert _walk(vae, "traversals").caption == describe_traversals(pictures.traversals)
    assert _walk(vae, "manifold").caption == describe_manifold(pictures.manifold)
    (plate,) = samples.plates(subject(vae))
    assert plate.panels[0].about == describe_samples(pictures.samples)
    (plate,) = samples.plates(subject(noisy))
    assert plate.panels[1].about == describe_samples(restored.samples_normal)
    (plate,) = denoising.section(subject(noisy)).blocks
    assert plate.caption == describe_denoising(restored.denoising)


def test_samples_of_labels_that_take_turns_have_them_above_their_columns(variant):
    (plate,) = samples.plates(subject(variant("conditional")))
    assert list(plate.panels[0].strips[0].columns) == ["ring", "bar", "dot"] * 3


@pytest.mark.parametrize("count", [1, 2, 7, 10, 16])
def test_about_eight_columns_of_samples(variant, count):
    run = _labelled(variant("conditional"), tuple(str(place % count) for place in range(64)))
    assert 6 <= len(samples.column_labels(subject(run).rows[0])) <= 16


@pytest.mark.parametrize("labels", ["abba", tuple(map(str, range(64)))])
def test_labels_that_make_no_columns(variant, labels):
    run = _labelled(variant("conditional"), tuple(labels))
    assert not samples.column_labels(subject(run).rows[0])
    assert not samples.column_labels(subject(variant("vae")).rows[0])


def test_samples_from_both_sources_stand_beside_each_other(variant):
    first, second = samples.plates(subject(variant("vae"), variant("denoising")))
    assert [panel.title for panel in first.panels] == ["vae: from the prior"]
    assert [panel.title for panel in second.panels] == [
        "denoising: from a mixture fitted to the codes",
        "denoising: from N(0, I)",
    ]


def test_traversals_name_their_dimensions_and_what_these_carry(variant):
    labels = [strip.label for strip in _walk(variant("vae"), "traversals").panels[0].strips]
    assert labels[0] == "Dimension 2, KL 2.50"
    assert len(labels) == 6
    plain = _walk(variant("denoising"), "traversals").panels[0].strips
    assert plain[0].label == "Dimension 2"


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 12, 10), (20 * 10, 20 * 12)), ((1, 64, 64), (800, 800))]
)
def test_a_manifold_is_one_picture_without_gaps_and_not_too_large(variant, shape, size):
    (strip,) = _walk(variant("vae", shape=shape), "manifold").panels[0].strips
    assert Image.open(BytesIO(strip.png)).size == size


def test_denoising_has_three_rows_with_their_errors(variant):
    (plate,) = denoising.section(subject(variant("denoising"))).blocks
    assert [strip.label for strip in plate.panels[1].strips] == [
        "Clean",
        "Noisy, MSE 0.06250 over all test images",
        "Restored, MSE 0.03125 over all test images",
    ]


def test_samples_stand_below_the_reconstructions_of_their_epoch(variant):
    (plate,) = progress(subject(variant("vae")))
    assert [panel.title for panel in plate.panels] == ["Epoch 1", "Epoch 3", "Original"]
    assert [strip.label for strip in plate.panels[0].strips] == ["vae", "vae, samples"]


def test_runs_that_kept_other_epochs_get_a_plate_of_their_own(variant):
    one, other = variant("vae", "one"), variant("vae", "other", snapshots=(2, 3))
    plates = progress(subject(one, other))
    assert [plate.name for plate in plates] == ["progress-one", "progress-other"]


def test_analyses_say_something_of_the_reconstructions_of_an_epoch(variant, register):
    item = toys.named("toy", snapshot_note=lambda self, result, epoch: f"{epoch} toys")
    register(item)
    (plate,) = progress(subject(add(variant("vae"), item.result())))
    assert plate.panels[1].strips[0].label == "vae: 3 toys"


def test_images_of_four_channels_are_shown_by_their_mean(variant):
    (strip,) = _walk(variant("vae", shape=(4, 8, 8)), "manifold").panels[0].strips
    assert Image.open(BytesIO(strip.png)).mode == "LA"
    assert np.asarray(Image.open(BytesIO(strip.png)))[..., 1].min() == 255
