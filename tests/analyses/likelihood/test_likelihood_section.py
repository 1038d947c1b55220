"""What a report and the terminal say of likelihoods."""

import pytest

from analyses.printing import joined, printed  # noqa: F401
from latentscape.analyses.likelihood import ANALYSIS
from latentscape.analyses.likelihood.result import (
    Likelihood,
    LikelihoodProtocol,
    LikelihoodSettings,
)
from latentscape.analyses.likelihood.section import describe_protocols
from latentscape.reporting.blocks import Aside, Numbers, Table
from synthetic import BINARY, DENSITY, add, make_run, study_subject, subject

WARNING = "The model was trained on grey pixels and is measured on black and white ones"


def likelihood(*, samples=500, binarize="static", kind=BINARY, **changes):
    protocol = LikelihoodProtocol(
        n=60, binarize=binarize, trained_on="none", is_conditional=False, likelihood=kind
    )
    settings = LikelihoodSettings(samples=samples, binarize=binarize)
    numbers = {"nll": 98.125, "se": 0.4375, "bits_per_dim": 1.1797}
    return Likelihood(settings=settings, protocol=protocol, **{**numbers, **changes})


@pytest.fixture
def measured(tmp_path):
    """Return a function that makes a run with a likelihood."""

    def run(label="vae", seed=0, **changes):
        return add(make_run(tmp_path, label, "vae", seed=seed), likelihood(**changes))

    return run


def blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_a_likelihood_stands_beside_its_protocol_and_its_warning(measured):
    section = ANALYSIS.section(subject(measured()))
    (numbers,) = blocks(section, Numbers)
    assert [(item.name, item.text) for item in numbers.quantities] == [
        ("NLL", "98.12 ± 0.44"),
        ("Bits per dimension", "1.180"),
    ]
    assert all(item.about for item in numbers.quantities)
    assert numbers.caption.startswith("500 importance samples for each of 60 test images; ")
    (aside,) = blocks(section, Aside)
    assert (aside.look, aside.heading) == ("warning", "Beware when comparing.")
    assert aside.paragraphs[0].startswith(WARNING)


def test_without_a_warning_there_is_none(measured):
    section = ANALYSIS.section(subject(measured(binarize="none", se=None)))
    assert not blocks(section, Aside)
    assert blocks(section, Numbers)[0].quantities[0].text == "98.12"


def test_protocols_that_differ_name_their_models(measured):
    rows = subject(measured("one"), measured("other", samples=50)).rows
    assert describe_protocols(rows)[1].startswith("other: 50 importance samples for each of 60")
    (aside,) = blocks(ANALYSIS.section(subject(measured("one"), measured("other"))), Aside)
    assert len(aside.paragraphs) == 1


def test_a_study_shows_means_with_deviations(measured, tmp_path):
    groups = [[measured("a", 0), measured("a", 1, nll=99.125)], [make_run(tmp_path, "plain")]]
    (table,) = blocks(ANALYSIS.section(study_subject(*groups)), Table)
    assert [name for name, _ in table.head] == [
        "Model",
        "NLL",
        "Standard error",
        "Bits per dimension",
    ]
    (row,) = table.rows
    assert [(cell.text, cell.note) for cell in row[:2]] == [("a", ""), ("98.62", "± 0.71")]
    assert row[3].text == "1.180"
    assert table.caption.startswith("NLL: The negative log-likelihood of an image, estimated.")


def test_kinds_of_likelihoods_have_tables_of_their_own(measured):
    binary, density = measured("a"), measured("b", kind=DENSITY, bits_per_dim=None)
    first, other = blocks(ANALYSIS.section(study_subject([binary], [density])), Table)
    assert [row[0].text for row in first.rows] == ["a"]
    assert "probabilities of binary data" in first.caption
    assert "densities and scores are other quantities" in first.caption
    assert [row[0].text for row in other.rows] == ["b"]
    assert "Bits per dimension" not in [name for name, _ in other.head]
    assert "not of probabilities" in other.caption


def test_a_run_without_a_likelihood_has_no_section(tmp_path):
    assert ANALYSIS.section(subject(make_run(tmp_path, "vae", "vae"))) is None


def test_a_likelihood_is_printed_with_protocol_and_warning(printed):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(likelihood()), 180)
    assert "NLL 98.12 ± 0.44 nats per image, 1.180 bits per dimension" in text
    assert "  500 importance samples for each of 60 test images" in text
    assert f"  {WARNING}" in text


def test_a_likelihood_of_one_image_has_no_error(printed):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(likelihood(se=None)))
    assert "NLL 98.12 nats per image" in text
    assert "±" not in text


@pytest.mark.parametrize("width", [50, 80, 180])
def test_it_fits_any_terminal(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(likelihood()), width)
    assert max(map(len, text.splitlines())) <= width
    assert "98.12" in joined(text)
