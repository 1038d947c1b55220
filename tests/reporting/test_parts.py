"""The pieces of a page: numbers, sentences, scales and pictures."""

import math
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from latentscape.api.pages.tables import by_class, results
from latentscape.core.units import deviation, duration, number, percent, statistic
from latentscape.reporting.blocks import Panel, Plate
from latentscape.reporting.prose import summary
from latentscape.reporting.strips import code_pictures, composed, sheet, strip
from latentscape.reporting.subject import Subject, gather
from latentscape.reporting.svg import Scale, apart, fit

from .synthetic import findings, study_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.01235"),
        (65.3, "65.30"),
        (0.99999, "1.000"),
        (1234567.0, "1,234,567"),
        (-2.5, "−2.500"),
        (0, "0"),
        (3e-9, "3.000e−09"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1234, "0.123 s"), (34.14, "34.1 s"), (200, "3 min 20 s"), (7300, "2 h 1 min"), (None, "–")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_percent_and_deviation():
    assert (percent(-0.4512), percent(0.0123, "+")) == ("−45 %", "+1.2 %")
    assert deviation({"mean": 1.0, "sd": 0.01234, "n": 2}) == "± 0.012"
    assert deviation({"mean": 1.0, "sd": None, "n": 1}) == deviation(None) == ""


def test_statistic():
    assert statistic({"mean": 1.0, "sd": 0.01234, "n": 2}) == "1.000 ± 0.012"
    assert statistic({"mean": 1.0, "sd": None, "n": 1}) == "1.000"
    assert statistic(None) == "–"


def _subject(*runs, **more):
    return Subject(None, gather(None, runs), **more)


def test_summary_names_the_best_and_those_behind_pca():
    text = " ".join(summary(_subject(findings("good", error=0.6), findings("bad", error=1.5))))
    assert "good has the lowest error: a mean squared error of 0.006000 per pixel" in text
    assert "50 % below that of PCA" in text
    assert "bad does not beat PCA" in text
    assert "3,600" not in text
    assert "100 examples to train on" in text


def test_summary_calls_a_lead_within_the_seeds_no_lead():
    groups = [[findings(n, seed=s, error=e) for s in (0, 1)] for n, e in (("a", 0.80), ("b", 0.81))]
    study = study_of(groups)
    text = " ".join(summary(Subject(study, gather(study, [r for g in groups for r in g]))))
    assert "it decides nothing" in text
    assert "up to 2 training seeds" in text


def test_summary_compares_within_code_sizes():
    runs = [findings(f"{n} latent {d}", latent_dim=d) for n in "ab" for d in (2, 32)]
    text = " ".join(summary(_subject(*runs)))
    assert "a latent 2 with 2 (0.01000) and a latent 32 with 32 (0.01000)" in text


def test_summary_tells_of_different_splits():
    other = findings("b")
    other.values["data"]["seed"] = 1
    assert "Not all models were tested on the same images" in " ".join(
        summary(_subject(findings("a"), other))
    )


def test_the_best_of_each_column_is_marked_and_ties_share_it():
    (table,) = results(
        _subject(*(findings(n, error=e) for n, e in (("a", 0.5), ("b", 0.5), ("c", 1))))
    )
    column = [unit for _, unit in table.head].index("per pixel")
    assert [row[column].best for row in table.rows] == [True, True, False]
    psnr = [name for name, _ in table.head].index("PSNR")
    assert [row[psnr].best for row in table.rows] == [False, False, True]


def test_classes_go_by_their_names():
    table = by_class(_subject(findings()))
    assert table is not None
    assert [name for name, _ in table.head] == ["Model", "ring", "bar", "dot"]


def test_rows_of_a_study_take_their_runs_by_name():
    runs = [findings("a", seed=seed) for seed in (0, 1)]
    rows = gather(study_of([runs]), list(reversed(runs)))
    assert [run.values["name"] for run in rows[0].runs] == ["a-0", "a-1"]


@pytest.mark.parametrize(
    "scale",
    [
        Scale(0, 1, 0, 100),
        Scale(1e-4, 0.9, 0, 100, log=True),
        Scale(-3, 8e5, 5, 9),
        Scale(2, 3, 9, 0),
    ],
)
def test_ticks_lie_on_the_scale_and_are_few(scale):
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 8
    ends = sorted((scale.start, scale.end))
    assert all(ends[0] - 1e-6 <= scale(tick) <= ends[1] + 1e-6 for tick in ticks)


def test_scales_of_odd_values():
    assert fit([], 0, 1).low < fit([], 0, 1).high
    assert fit([5.0, 5.0], 0, 10)(5.0) == pytest.approx(5)
    assert fit([math.nan, 1.0, math.inf, 100.0], 0, 1, spread=5).log
    assert not fit([-1.0, 100.0], 0, 1, spread=5).log
    assert fit([1, 2], 0, 1, finest=1).ticks() == [1, 2]


def test_names_are_moved_apart():
    moved = apart([50, 51, 10, 99], 16, 0, 100)
    order = sorted(moved)
    assert all(b - a >= 16 - 1e-9 for a, b in zip(order, order[1:], strict=False))
    assert max(moved) <= 100
    assert moved[2] == 10


@pytest.mark.parametrize(("shape", "mode"), [((1, 5, 7), "LA"), ((3, 5, 7), "RGBA")])
def test_sheet(shape, mode):
    picture = Image.open(BytesIO(sheet(np.ones((5, *shape)), 3, 96)))
    assert picture.mode == mode
    assert picture.size == (3 * 7 + 2, 2 * 5 + 1)
    assert picture.getpixel((0, 0))[-1] == 255
    assert picture.getpixel((7, 0))[-1] == 0


def test_sheet_makes_large_images_smaller():
    assert Image.open(BytesIO(sheet(np.zeros((1, 3, 200, 100)), 1, 50))).size == (25, 50)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 20, 32, 64, 97, 512, 5000])
def test_codes_of_any_length_become_pictures(length):
    codes = np.random.default_rng(0).normal(size=(3, length)).astype(np.float32)
    for signed in (codes, np.abs(codes), np.zeros_like(codes)):
        images = code_pictures(signed, (28, 20))
        assert images.shape[:2] == (3, 4)
        assert images.shape[2] / images.shape[3] == pytest.approx(28 / 20)
        assert 0 <= images.min() <= images.max() <= 1


def test_composed_plate_holds_all_panels():
    strips = [strip("A label", np.ones((4, 1, 8, 8)), 4, 96, "alt")]
    narrow = Image.open(BytesIO(composed(Plate("n", "", "c", [Panel("One", strips)]))))
    wide = Image.open(BytesIO(composed(Plate("n", "", "c", [Panel("One", strips)] * 2))))
    assert wide.width > 1.8 * narrow.width
    assert wide.height == narrow.height
