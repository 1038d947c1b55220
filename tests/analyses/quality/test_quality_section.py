"""What a report and the terminal say of the quality of samples."""

import re

import pytest

from analyses.printing import joined, printed  # noqa: F401
from latentscape.analyses.analysis import Protocol
from latentscape.analyses.codes import Guessing
from latentscape.analyses.quality import ANALYSIS
from latentscape.analyses.quality.result import Closeness, Quality
from latentscape.analyses.quality.section import label_shares
from latentscape.reporting.blocks import Chart, Gallery, Table
from synthetic import add, make_run, study_subject, subject

SHARES = {"ring": 0.75, "bar": 0.25, "dot": 0.0}


def quality(*, recognised=None, **changes):
    facts = {
        "protocol": Protocol(
            fitted_on="train", n_fitted=100, scored_on="test", n_scored=60, labels="training"
        ),
        "n": 2000,
        "source": "prior",
        "judge_accuracy": 0.9864,
        "neighbours": 3,
        "closeness": Closeness(frechet_distance=40.125, precision=0.514, recall=0.014),
        "reference": Closeness(frechet_distance=0.2665, precision=0.877, recall=0.869),
        "label_shares": SHARES,
        "data_shares": {"ring": 0.4, "bar": 0.3, "dot": 0.3},
        "label_distance": 0.35,
        "recognised": recognised,
    }
    return Quality(**{**facts, **changes})


@pytest.fixture
def judged(tmp_path):
    """Return a function that makes a run whose samples were judged."""

    def run(label="m", **changes):
        return add(make_run(tmp_path, label, "vae"), quality(**changes))

    return run


def blocks(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


def test_samples_and_their_reference_are_equally_many(judged, printed):  # noqa: F811
    (table,) = blocks(ANALYSIS.section(subject(judged(n_compared=100))), Table)
    sentence = "100 samples, and as many training images, are compared with the test images."
    assert sentence in table.caption
    assert sentence in joined(printed(lambda: ANALYSIS.print_table(quality(n_compared=100))))


def test_quality_stands_beside_that_of_real_images(judged):
    section = ANALYSIS.section(subject(judged(recognised=0.625)))
    (table,) = blocks(section, Table)
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["m", "40.12", "51 %", "1.4 %", "35 %", "62.5 %"],
        ["Real training images", "0.2665", "88 %", "87 %", "", ""],
    ]
    assert "2,000 samples and 100 training images are compared" in table.caption
    assert "measure it again." in table.caption
    assert "2,000 samples, judged by a classifier that was trained on 100 labelled" in section.lead
    assert "names 98.6 % (91.6–99.8) of 60 test images" in section.lead
    assert "(Wilson 1927)" in section.lead
    assert "compare them between runs on the same data, and with nothing else" in section.lead
    assert "FID" not in section.lead + table.caption
    assert table.caption.count("Fréchet classifier distance: between samples and test images") == 1


def test_accuracies_stand_beside_what_takes_no_look(judged, printed):  # noqa: F811
    facts = {
        "recognised": 0.625,
        "guessing": Guessing(labels=3, largest=0.4),
        "recognised_guessing": Guessing(labels=3, largest=0.25),
    }
    section = ANALYSIS.section(subject(judged(**facts)))
    (table,) = blocks(section, Table)
    assert table.rows[0][-1].note == "60.4–64.6"  # Of 2,000 samples.
    assert [[row[0].text, row[-1].text] for row in table.rows[2:]] == [
        ["chance", "33.3 %"],
        ["largest class", "25.0 %"],
    ]
    assert "(without looking: chance 33.3 %, largest class 40.0 %)" in section.lead
    text = joined(printed(lambda: ANALYSIS.print_table(quality(**facts))))
    assert "recognised in 62.5 % (60.4–64.6) (without looking: chance 33.3 %, largest" in text
    assert "rightly (without looking: chance 33.3 %, largest class 40.0 %)" in text


def test_nothing_is_recognised_where_nothing_was_asked_for(judged):
    (table,) = blocks(ANALYSIS.section(subject(judged())), Table)
    assert "Recognised" not in [name for name, _ in table.head]


def test_real_images_of_different_data_are_told_apart(judged):
    reference = Closeness(frechet_distance=1, precision=1, recall=1)
    section = ANALYSIS.section(
        study_subject([judged("one")], [judged("other", reference=reference)])
    )
    (table,) = blocks(section, Table)
    titles = [row[0].text for row in table.rows]
    assert titles[2:] == ["Real training images (one)", "Real training images (other)"]
    assert len(blocks(section, Gallery)[0].charts) == 2


def test_label_shares_show_those_of_the_data(judged):
    pages = subject(judged())
    svg = label_shares(pages, pages.rows[0]).svg
    assert "ring 75 %, data 40 %; bar 25 %, data 30 %; dot 0.0 %, data 30 %" in svg
    assert svg.count('class="real"') == 3
    assert len(blocks(ANALYSIS.section(pages), Chart)) == 1


def test_of_very_many_labels_those_that_differ_most_are_shown(judged):
    names = [f"label {n:02}" for n in range(60)]
    shares = {name: n / 1770 for n, name in enumerate(names)}
    run = judged(data_shares=dict.fromkeys(names, 1 / 60), label_shares=shares)
    (chart,) = blocks(ANALYSIS.section(subject(run)), Chart)
    assert chart.svg.count('class="real"') == 40
    assert "label 00" in chart.svg
    assert "label 30" not in chart.svg


def test_extreme_values_leave_a_chart_that_can_be_read(judged):
    closeness = Closeness(frechet_distance=3.2e11, precision=0, recall=0)
    run = judged(closeness=closeness, label_shares=dict.fromkeys(SHARES, 0.0))
    section = ANALYSIS.section(subject(run))
    assert blocks(section, Table)[0].rows[0][1].text == "3.200e+11"
    assert not re.search(r"[ML\"](nan|inf)\b", blocks(section, Chart)[0].svg)


def test_a_run_without_quality_has_no_section(tmp_path):
    assert ANALYSIS.section(subject(make_run(tmp_path, "vae", "vae"))) is None


def test_quality_is_printed_beside_real_images(printed):  # noqa: F811
    text = joined(printed(lambda: ANALYSIS.print_table(quality(recognised=0.625))))
    assert "2,000 samples from the prior: Fréchet classifier distance 40.12 (0.2665)" in text
    assert "precision 51 % (88 %), recall 1.4 % (87 %)" in text
    assert "label distance 35 %, label asked for recognised in 62.5 % (60.4–64.6)" in text
    assert (
        "names 98.6 % (91.6–99.8) of 60 test images rightly: compare runs on the same data, with "
        "as many samples, only" in text
    )
    assert "recognised" not in printed(lambda: ANALYSIS.print_table(quality()))


@pytest.mark.parametrize("width", [50, 80, 180])
def test_it_fits_any_terminal(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(quality(source="codebook")), width)
    assert max(map(len, text.splitlines())) <= width
    assert "the uniform prior over the codebook" in joined(text)
