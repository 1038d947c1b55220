"""What a report says of variational, conditional, denoising and vector-quantised models."""

import re
from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from latentscape.api.pages import bars, charts, generated, quantities
from latentscape.api.pages.page import write_page
from latentscape.api.pages.plates import progress
from latentscape.api.pages.tables import results
from latentscape.reporting.blocks import Numbers, Table
from latentscape.reporting.prose import collapses, events, summary
from latentscape.reporting.subject import Subject, gather

from .synthetic import COLLAPSE, SUPERVISED, findings, likelihood, study_of, variant


def _subject(*runs, study=None):
    return Subject(study, gather(study, runs))


def _study(*groups):
    study = study_of(groups)
    return _subject(*(run for group in groups for run in group), study=study)


def _text(folder, *runs, study=None):
    """Return what a reader reads: the page without style, tags and pictures."""
    page = write_page("T", "", study, runs, folder).read_text("utf-8").partition("</style>")[2]
    text = re.sub(r"<[^>]*>", " ", page)
    return re.sub(r"\s+", " ", text)


def test_a_collapse_is_told_first_once_and_with_its_remedy(tmp_path):
    text = _text(tmp_path, variant("collapsed"))
    told = text.index("This model does not use its code.")
    assert told < text.index("reaches a mean squared error")
    assert f"{COLLAPSE}. Its MSE is 0.01000; the mean image alone has 0.03000." in text
    assert text.count(COLLAPSE) == 1
    assert "did not go smoothly" not in text


def test_a_collapse_known_from_an_event_alone_is_told_as_well():
    run = findings(events=[{"epoch": 2, "what": COLLAPSE}])
    assert collapses(_subject(run))[0].startswith(COLLAPSE)


def test_a_collapse_that_passed_stays_an_event():
    run = variant("vae", events=[{"epoch": 2, "what": COLLAPSE}])
    assert not collapses(_subject(run))
    assert COLLAPSE in events(_subject(run))[0]


def test_what_sets_a_row_apart_is_marked_in_tables():
    subject = _subject(findings(), variant("collapsed"), variant("conditional"))
    table, bounds = results(subject)
    for rows in (table.rows, bounds.rows):
        assert [row[0].marks for row in rows] == [(), ("collapsed",), ("labels",)]
    assert f"“labels” (conditional): {SUPERVISED}" in table.caption
    assert "“collapsed” (collapsed): the code is not used." in table.caption


def test_a_supervised_model_that_leads_is_marked_where_it_is_named():
    subject = _subject(variant("conditional", error=0.5), findings())
    assert "conditional (labels) has the lowest error" in summary(subject)[0]
    assert "conditional (labels)" in charts.against_pca(subject).svg


def test_supervised_runs_say_so_in_the_summary(tmp_path):
    text = _text(tmp_path, variant("conditional"))
    assert f"Trained with labels. {SUPERVISED}" in text
    assert "Trained with labels" not in _text(tmp_path, variant("vae"))


def _column(table, name):
    place = [title for title, _ in table.head].index(name)
    return [row[place] for row in table.rows]


def test_columns_of_bounds_stand_where_any_row_has_them():
    vae, plain = [variant("vae", seed=seed) for seed in (0, 1)], [findings("plain")]
    errors, table = results(_study(vae, plain))
    elbo = _column(table, "ELBO")
    assert [(cell.text, cell.note) for cell in elbo] == [("−100.2", "± 0.38"), ("–", "")]
    assert [cell.text for cell in _column(table, "Rate")] == ["5.800", "–"]
    assert [cell.text for cell in _column(table, "Active")] == ["4 of 6", "–"]
    assert [cell.text for cell in _column(table, "NLL")] == ["98.12", "–"]
    assert [cell.text for cell in _column(table, "Code")] == ["6", "2"]
    assert "Code" not in [title for title, _ in errors.head]
    (table,) = results(_study(plain, [findings("b")]))
    assert "ELBO" not in [title for title, _ in table.head]


def test_the_best_bound_is_marked_among_bounds_on_the_same_pixels_alone():
    one, other = variant("vae", "one"), variant("vae", "other")
    one.values["latent"]["elbo"] = -90.0
    table = results(_subject(one, other))[1]
    assert [cell.best for cell in _column(table, "ELBO")] == [True, False]
    other.values["recipe"]["data"]["binarize"] = "dynamic"
    table = results(_subject(one, other))[1]
    assert not any(cell.best for cell in _column(table, "ELBO"))
    assert "Both compare only" in table.caption


def test_every_quantity_of_a_code_is_shown_with_what_it_means():
    (block,) = quantities.latent(_subject(variant("vae")))
    assert isinstance(block, Numbers)
    shown = {item.name: item.text for item in block.quantities}
    assert shown == {
        "ELBO": "−100.2",
        "Rate": "5.800",
        "Distortion": "94.45",
        "Bits per dimension": "1.205",
        "Mismatch with the prior": "0.7500",
        "MMD to the prior": "−0.0004000",
        "Active": "4 of 6",
    }
    assert all(item.about for item in block.quantities)


def test_a_codebook_has_quantities_of_its_own():
    (block,) = quantities.latent(_subject(variant("vq")))
    shown = {item.name: item.text for item in block.quantities}
    assert (shown["Perplexity"], shown["Codes used"]) == ("25.25", "31 of 32")
    assert "Active" not in shown


def test_a_study_shows_them_as_columns_and_explains_them_below():
    table, glossary = quantities.latent(_study([variant("vae")], [variant("vq")]))
    assert isinstance(table, Table)
    assert [cell.text for cell in _column(table, "Perplexity")] == ["–", "25.25"]
    # Bits per dimension of the bound, not those of the likelihood.
    assert [cell.text for cell in _column(table, "Bits per dimension")] == ["1.205", "1.800"]
    assert [item.name for item in glossary.quantities] == [name for name, _ in table.head[1:]]


def _ordered(chart):
    return [int(dim) for dim in re.findall(r"dimension (\d+) ", chart.svg)]


def test_dimensions_are_drawn_by_what_they_carry_and_inactive_ones_named():
    subject = _subject(variant("vae"))
    chart = bars.kl_per_dimension(subject, subject.rows[0], 720)
    assert _ordered(chart) == [2, 0, 5, 3, 1, 4]
    assert chart.caption == "vae: dimensions 1 and 4 of 6 are inactive."
    assert "2 inactive" in chart.svg
    assert chart.svg.count('class="note gone"') == 2


@pytest.mark.parametrize(
    ("inactive", "caption"),
    [
        ([], "all 40 dimensions are active."),
        ([7], "dimension 7 of 40 is inactive."),
        (list(range(20)), "20 dimensions of 40 are inactive."),
        (list(range(40)), "none of the 40 dimensions is active."),
    ],
)
def test_inactive_dimensions_are_counted_where_they_are_many(inactive, caption):
    run = variant("vae")
    active = [dim not in inactive for dim in range(40)]
    run.values["latent"] |= {"kl_per_dim": [0.5] * 40, "active": active, "collapsed": inactive}
    subject = _subject(run)
    assert bars.kl_per_dimension(subject, subject.rows[0], 340).caption == f"vae: {caption}"


def test_noise_is_not_drawn_as_if_it_were_something():
    subject = _subject(variant("collapsed"))
    svg = bars.kl_per_dimension(subject, subject.rows[0], 720).svg
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" rx="[\d.]+" class="fill', svg)]
    assert len(heights) == 6
    assert max(heights) < 3


def test_without_rates_by_dimension_there_are_no_bars(tmp_path):
    run = variant("vae")  # As under a VampPrior.
    run.values["latent"] |= {"kl_per_dim": None, "mismatch": None}
    text = _text(tmp_path, run)
    assert "Rate and distortion" in text
    assert "Mismatch" not in text
    assert not list((tmp_path / "figures").glob("kl-per-dimension*"))


def test_the_use_of_the_code_is_drawn_where_it_changes():
    run = variant("vae")
    assert "vae ends at 4.000" in charts.code_use(_subject(run), "active_units").svg
    assert charts.code_use(_subject(run), "perplexity") is None
    for entry in run.values["history"]:
        entry["latent"]["active_units"] = 6.0
    assert charts.code_use(_subject(run), "active_units") is None
    assert charts.code_use(_subject(findings()), "active_units") is None


def test_terms_of_an_objective_are_drawn_below_zero_too():
    chart = charts.terms(_subject(variant("vae")).rows[0])
    assert chart.caption == (
        "vae, terms of the loss: reconstruction + rate + 2.5 × total correlation"
    )
    assert "total correlation ends at −0.7500." in chart.svg
    assert charts.terms(_subject(findings()).rows[0]) is None


def test_terms_are_those_of_training_where_nothing_was_held_out():
    chart = charts.terms(_subject(variant("vq", validated=False)).rows[0])
    assert "commitment ends at −0.7500." in chart.svg


def test_a_likelihood_stands_beside_its_protocol_and_its_warning(tmp_path):
    text = _text(tmp_path, variant("vae"))
    assert "98.12 ± 0.44" in text
    assert "500 importance samples for each of 60 test images." in text
    assert "Beware when comparing. Trained on grey pixels and measured on others." in text


def test_without_a_warning_there_is_none(tmp_path):
    run = variant("vae")
    run.values["likelihood"] = likelihood(warning="", se=None)
    text = _text(tmp_path, run)
    assert "Beware" not in text
    assert "±" not in text


def test_protocols_that_differ_name_their_models():
    one, other = variant("vae", "one"), variant("vae", "other")
    other.values["likelihood"]["protocol"] = "50 samples"
    rows = _subject(one, other).rows
    assert quantities.protocols(rows)[1] == "other: 50 samples."
    assert len(quantities.protocols(rows, "warning")) == 1


def test_quality_stands_beside_that_of_real_images(tmp_path):
    table = quantities.quality(_subject(variant("conditional")))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["conditional", "40.12", "51 %", "1.4 %", "35 %", "62 %"],
        ["Real training images", "0.2665", "88 %", "87 %", "", ""],
    ]
    text = _text(tmp_path, variant("conditional"))
    assert "trained on 100 labelled training images and names 98.6 % of 60 test images" in text
    assert "compare them between runs on the same data, and with nothing else" in text
    assert "FID" not in text


def test_real_images_of_different_data_are_told_apart():
    one, other = variant("vae", "one"), variant("vae", "other")
    other.values["quality"]["reference"] = {"frechet_distance": 1, "precision": 1, "recall": 1}
    titles = [row[0].text for row in quantities.quality(_subject(one, other)).rows]
    assert titles[2:] == ["Real training images (one)", "Real training images (other)"]


def test_label_shares_show_those_of_the_data():
    subject = _subject(variant("vae"))
    svg = bars.label_shares(subject, subject.rows[0]).svg
    assert "ring 75 %, data 40 %; bar 25 %, data 30 %; dot 0.0 %, data 30 %" in svg
    assert svg.count('class="real"') == 3


def test_of_very_many_labels_those_that_differ_most_are_shown():
    run = variant("vae")
    names = [f"label {n:02}" for n in range(60)]
    run.values["quality"]["data_shares"] = dict.fromkeys(names, 1 / 60)
    run.values["quality"]["label_shares"] = {name: n / 1770 for n, name in enumerate(names)}
    subject = _subject(run)
    svg = bars.label_shares(subject, subject.rows[0]).svg
    assert svg.count('class="real"') == 40
    assert "label 00" in svg
    assert "label 30" not in svg


def test_what_pictures_show_is_said(tmp_path):
    abouts = {
        "vae": ("vae drawn.", "From left to right.", "One number moves.", "The plane decoded."),
        "denoising": ("denoising drawn.", "N(0, I) decoded.", "Noise removed."),
    }
    for kind, said in abouts.items():
        text = _text(tmp_path, variant(kind))
        assert all(about in text for about in said)


def test_samples_of_labels_that_take_turns_have_them_above_their_columns():
    subject = _subject(variant("conditional"))
    (plate,) = generated.samples(subject)
    assert plate.panels[0].strips[0].columns == ["ring", "bar", "dot"] * 3


@pytest.mark.parametrize("count", [1, 2, 7, 10, 16])
def test_about_eight_columns_of_samples(count):
    run = variant("conditional")
    run.values["pictures"]["samples"]["labels"] = [str(i % count) for i in range(64)]
    assert 6 <= len(generated.columns_of(_subject(run).rows[0])) <= 16


@pytest.mark.parametrize("labels", [None, [], ["a", "b", "b", "a"], list(map(str, range(64)))])
def test_labels_that_make_no_columns(labels):
    run = variant("conditional")
    run.values["pictures"]["samples"]["labels"] = labels
    assert not generated.columns_of(_subject(run).rows[0])


def test_samples_from_both_sources_stand_beside_each_other():
    first, second = generated.samples(_subject(variant("vae"), variant("denoising")))
    assert [panel.title for panel in first.panels] == ["vae: from the prior"]
    assert [panel.title for panel in second.panels] == [
        "denoising: from a mixture fitted to the codes",
        "denoising: from N(0, I)",
    ]


def _walk(run, name):
    subject = _subject(run)
    return next(p for p in generated.walks(subject, subject.rows[0]) if name in p.name)


def test_traversals_name_their_dimensions_and_what_these_carry():
    labels = [strip.label for strip in _walk(variant("vae"), "traversals").panels[0].strips]
    assert labels[0] == "Dimension 2, KL 2.50"
    assert len(labels) == 6
    plain = _walk(variant("denoising"), "traversals").panels[0].strips
    assert plain[0].label == "Dimension 2"


def test_a_manifold_is_one_picture_without_gaps():
    (strip,) = _walk(variant("vae"), "manifold").panels[0].strips
    assert Image.open(BytesIO(strip.png)).size == (20 * 10, 20 * 12)


def test_a_large_manifold_is_made_smaller():
    run = variant("vae", shape=(1, 64, 64))
    (strip,) = _walk(run, "manifold").panels[0].strips
    assert Image.open(BytesIO(strip.png)).size == (800, 800)


def test_denoising_shows_three_rows_with_their_errors():
    subject = _subject(variant("denoising"))
    plate = generated.denoising(subject, subject.rows[0])
    assert [strip.label for strip in plate.panels[1].strips] == [
        "Clean",
        "Noisy, MSE 0.06250 over all test images",
        "Restored, MSE 0.03125 over all test images",
    ]


def test_samples_stand_below_the_reconstructions_of_their_epoch():
    (plate,) = progress(_subject(variant("vae")))
    assert [panel.title for panel in plate.panels] == ["Epoch 1", "Epoch 3", "Original"]
    assert [strip.label for strip in plate.panels[0].strips] == ["vae", "vae, samples"]


def test_runs_that_kept_other_epochs_get_a_plate_of_their_own():
    one, other = variant("vae", "one"), variant("vae", "other")
    other.arrays["snapshot_epochs"] = other.arrays["snapshot_epochs"] + 1
    plates = progress(_subject(one, other))
    assert [plate.name for plate in plates] == ["progress-one", "progress-other"]


def test_extreme_values_leave_a_page_that_can_be_read(tmp_path):
    run = variant("vae")
    run.values["latent"] |= {"elbo": -3.2e11, "distortion": 3.2e11, "kl_per_dim": [0.0] * 5 + [9e8]}
    run.values["quality"] |= {"frechet_distance": 0.0, "label_shares": {}}
    run.arrays["samples"][:] = float("nan")
    run.arrays["manifold"][:] = 7.0
    text = _text(tmp_path, run)
    assert "−3.200e+11" in text
    page = (tmp_path / "report.html").read_text("utf-8")
    assert not re.search(r"[ML\"](nan|inf)\b", page)
    for picture in re.findall(r"base64,([^\"]*)", page):
        assert b64decode(picture).startswith(b"\x89PNG")
