"""Pictures of a report: samples, walks, denoising, reconstructions epoch by epoch."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import toys
from latentscape.api.pages import denoising, samples, walks
from latentscape.api.pages.reconstructions import codes, compared, extremes, picks, progress
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Evaluation
from latentscape.inference.samples import Samples
from latentscape.inference.walks import Manifold
from latentscape.reporting.sentences import (
    describe_denoising,
    describe_interpolation,
    describe_manifold,
    describe_samples,
    describe_traversals,
)
from synthetic import add, change, images, subject


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


def _columns(plate):
    return [list(strip.columns) for panel in plate.panels for strip in panel.strips]


def test_reconstructions_stand_below_their_label_and_number(variant):
    shown = subject(variant("vae"))
    (plate,) = compared(shown)
    first, *others = _columns(plate)
    assert first == [f"{('ring', 'bar', 'dot')[i % 3]}\n#{3 * i}" for i in range(8)]
    assert others[:2] == [[], []]  # Once above all of the same images.
    assert "its number" in plate.caption
    assert _columns(extremes(shown, shown.rows[0]))[0][1] == "bar\n#2"
    assert _columns(picks(shown))[0][-1] == "ring\n#18"
    (plate,) = codes(shown)
    assert _columns(plate)[0] == first
    (plate,) = denoising.section(subject(variant("denoising"))).blocks
    assert _columns(plate)[0] == first


def test_findings_of_before_have_no_numbers_and_data_without_labels_no_labels(variant):
    run = variant("vae")
    examples = run.require(Evaluation).examples.model_copy(update={"numbers": None})
    (plate,) = compared(subject(change(run, Evaluation, examples=examples)))
    assert not any(_columns(plate))
    assert "number, as" not in plate.caption
    (plate,) = compared(subject(variant("vae", labelled=False)))
    assert _columns(plate)[0][:2] == ["#0", "#3"]


def test_walks_say_dimensions_values_and_ends(variant):
    plate = _walk(variant("vae"), "traversals")
    first, *others = _columns(plate)
    assert first == ["−3.0", "−2.2", "−1.5", "−0.75", "0", "0.75", "1.5", "2.2", "3.0"]
    assert not any(others)
    assert plate.panels[0].strips[0].label.startswith("Dimension 2")
    run = variant("vae")
    pictures = run.require(Pictures)
    spans = ((-3.0, 3.0),) * 5 + ((-1.0, 1.0),)
    other = pictures.traversals.model_copy(update={"spans": spans})
    numbers = ((3, 5), (7, 9), (1, 2), (4, 6))
    named = {"numbers": numbers, "labels": ((0, 1), (2, 0), (1, 1), (-1, -1))}
    lines = pictures.interpolation.model_copy(update=named)
    updates = {"traversals": other, "interpolation": lines}
    run = add(run, pictures.model_copy(update=updates))
    assert _columns(_walk(run, "traversals"))[-1][0] == "−1.0"
    (panel,) = _walk(run, "interpolation").panels
    assert [strip.label for strip in panel.strips] == [
        "ring (#3) to bar (#5)",
        "dot (#7) to ring (#9)",
        "bar (#1) to bar (#2)",
        "#4 to #6",
    ]


def test_a_manifold_says_from_where_to_where(variant):
    plane = Manifold(
        images=images((1, 12, 10), 2, 2),
        has_standard_prior=True,
        across=(-0.674, 0.674),
        down=(1.5, -1.25),
    )
    text = describe_manifold(plane)
    assert "right, from −0.674 to 0.674, the second up, from −1.25 to 1.50." in text
