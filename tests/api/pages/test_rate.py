"""What a report says of the rate, and of the use of codes."""

import re
from base64 import b64decode

import pytest

from latentscape.api.pages import rate, rate_charts
from latentscape.api.pages.page import write_page
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.results import Latent
from latentscape.reporting.blocks import Numbers, Table
from synthetic import DENSITY, EIGHT_BITS, add, change, gaussian, matched, study_subject, subject


def _column(table, name):
    place = [title for title, _ in table.head].index(name)
    return [row[place] for row in table.rows]


def _bars(run, width=720):
    shown = subject(run)
    return rate_charts.kl_per_dimension(shown, shown.rows[0], run.require(Latent), width)


def test_every_number_of_a_code_stands_with_what_it_means(variant):
    (block,) = rate.numbers(subject(variant("vae")))
    assert isinstance(block, Numbers)
    assert {item.name: item.text for item in block.quantities} == {
        "ELBO": "−100.2 ± 0.015",
        "Rate": "5.800",
        "Distortion": "94.45",
        "Mismatch with the prior": "0.7500",
        "MMD to the prior": "−0.0004000",
        "Active": "4 of 6",
    }
    assert all(item.about for item in block.quantities)


def test_plain_codes_that_are_drawn_to_the_prior_have_their_distances_from_it(variant):
    run = add(variant("plain"), matched())
    section = rate.section(subject(run))
    assert section.title == "Codes and the prior"
    (block,) = section.blocks
    assert {item.name: item.text for item in block.quantities} == {
        "Mismatch with the prior": "0.06250",
        "MMD to the prior": "0.0001000",
    }
    assert block.caption == "Over 60 test images."
    assert "rate" not in section.lead


def test_in_a_study_their_distances_stand_in_a_table_of_their_own(variant):
    rows = [variant("vae")], [add(variant("plain"), matched())]
    first, second, _ = rate.numbers(study_subject(*rows))
    assert [row[0].text for row in first.rows] == ["vae"]
    assert [row[0].text for row in second.rows] == ["plain"]
    assert [cell.text for cell in _column(second, "Mismatch with the prior")] == ["0.06250"]
    assert "ELBO" not in [name for name, _ in second.head]
    assert rate.section(study_subject(*rows)).title == "Rate and distortion"


def test_a_codebook_has_numbers_of_its_own(variant):
    (block,) = rate.numbers(subject(variant("vq")))
    texts = {item.name: item.text for item in block.quantities}
    assert (texts["Perplexity"], texts["Codes used"]) == ("25.25", "31 of 32")
    assert "Active" not in texts


def test_a_study_has_them_as_columns_and_explains_them_below(variant):
    table, glossary = rate.numbers(study_subject([variant("vae")], [variant("vq")]))
    assert isinstance(table, Table)
    assert [cell.text for cell in _column(table, "Perplexity")] == ["–", "25.25"]
    assert [cell.text for cell in _column(table, "ELBO")] == ["−100.2", "−150.5"]
    assert (
        "Monte Carlo standard error of an ELBO, from the codes that were drawn, is 0.015 nats"
        in (table.caption)
    )
    assert [item.name for item in glossary.quantities] == [name for name, _ in table.head[1:]]


def test_kinds_of_likelihoods_have_tables_of_their_own(variant):
    """Bits of dequantised densities stand among those of 8-bit data, and nothing else of them."""
    exact = {"likelihood": EIGHT_BITS, "elbo": -2076.0, "bits_per_dim": 3.82, "levels": 256}
    dense = {"likelihood": DENSITY, "elbo": 907.0, "bits_per_dim": 6.33, "levels": 256}
    rows = [
        [change(variant("vae", "logistic"), Latent, **exact)],
        [change(variant("vae", "continuous"), Latent, **dense)],
        [variant("vae", "bernoulli")],
    ]
    *tables, _ = rate.numbers(study_subject(*rows))
    assert [[row[0].text for row in table.rows] for table in tables] == [
        ["logistic", "continuous"],
        ["continuous"],
        ["bernoulli"],
    ]
    first, density, score = tables
    assert [cell.text for cell in _column(first, "ELBO")] == ["−2,076", "–"]
    assert [cell.text for cell in _column(first, "Bits per dimension")] == ["3.820", "6.330"]
    assert [cell.text for cell in _column(density, "ELBO")] == ["907.0"]
    assert "Bits per dimension" not in [name for name, _ in (*density.head, *score.head)]
    assert (
        "probabilities of 8-bit data. Probabilities of other data, densities and scores"
        in first.caption
    )
    assert "The bits of continuous are bounds by dequantisation" in first.caption
    assert "densities over continuous values, not of probabilities" in density.caption
    assert "scores, not logarithms of probabilities" in score.caption
    assert all("neither better nor worse" in table.caption for table in (density, score))


def test_dimensions_are_drawn_by_what_they_carry_and_inactive_ones_named(variant):
    chart = _bars(variant("vae"))
    order = [int(dim) for dim in re.findall(r"dimension (\d+) ", chart.svg)]
    assert order == [2, 0, 5, 3, 1, 4]
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
def test_inactive_dimensions_are_counted_where_they_are_many(variant, inactive, caption):
    active = tuple(dim not in inactive for dim in range(40))
    run = add(variant("vae"), gaussian(kl_per_dim=(0.5,) * 40, active=active))
    assert _bars(run, 340).caption == f"vae: {caption}"


def test_noise_is_not_drawn_as_if_it_were_something(variant):
    svg = _bars(variant("collapsed")).svg
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" rx="[\d.]+" class="fill', svg)]
    assert len(heights) == 6
    assert max(heights) < 3


def test_without_rates_by_dimension_there_are_no_bars(variant):
    run = change(variant("vae"), Latent, kl_per_dim=None, mismatch=None)  # As under a VampPrior.
    section = rate.section(subject(run))
    assert [block.kind for block in section.blocks] == ["numbers", "chart"]
    assert "Mismatch with the prior" not in [q.name for q in section.blocks[0].quantities]
    assert section.blocks[1].name == "active-dimensions"


def test_the_use_of_the_code_is_drawn_where_it_changes(variant, run):
    vae = variant("vae")
    assert "vae ends at 4.000" in rate_charts.active_units(subject(vae)).svg
    assert rate_charts.perplexity(subject(vae)) is None
    assert rate_charts.active_units(subject(variant("vae", epochs=1))) is None
    assert rate_charts.active_units(subject(run())) is None
    assert "vq ends at 4.000" in rate_charts.perplexity(subject(variant("vq"))).svg


def test_extreme_values_leave_a_page_that_can_be_read(variant, tmp_path):
    kl = (0.0,) * 5 + (9e8,)
    run = add(variant("vae"), gaussian(elbo=-3.2e11, distortion=3.2e11, kl_per_dim=kl))
    pictures = run.require(Pictures)
    assert pictures.samples
    assert pictures.manifold
    pictures.samples.images[:] = float("nan")
    pictures.manifold.images[:] = 7.0
    page = write_page("T", "", subject(add(run, pictures)), tmp_path).read_text("utf-8")
    assert "−3.200e+11" in page
    assert not re.search(r"[ML\"](nan|inf)\b", page)
    for picture in re.findall(r"base64,([^\"]*)", page):
        assert b64decode(picture).startswith(b"\x89PNG")
