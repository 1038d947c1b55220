"""What a report and the terminal say of maps."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from analyses.maps.synthetic_maps import N_POINTS, maps
from analyses.printing import joined, printed  # noqa: F401
from latentscape.analyses.maps import ANALYSIS
from latentscape.analyses.maps.result import Maps
from latentscape.analyses.maps.section import SIDE
from latentscape.analyses.maps.section import _in_box as in_box_of
from latentscape.core.findings import Skip, Statistic
from latentscape.reporting.blocks import Aside, Gallery
from synthetic import add, make_run, study_subject, subject

SPLIT = "{}, train: 100, validation: 10, test: 60, split 0"


@pytest.fixture
def mapped(tmp_path):
    """Return a function that makes a run with maps."""

    def run(label="m", latent_dim=2, *, facts=None, labelled=True, shape=(1, 12, 10), **more):
        findings = make_run(
            tmp_path, label, latent_dim=latent_dim, facts=facts, labelled=labelled, shape=shape
        )
        result = maps(label, latent_dim, labelled=labelled, shape=shape, **more)
        return add(findings, result)

    return run


def galleries(section):
    return [block for block in section.blocks if isinstance(block, Gallery)]


def test_maps_of_pixels_and_pca_stand_before_those_of_the_models(mapped):
    section = ANALYSIS.section(study_subject([mapped("a")], [mapped("b", 6)]))
    of_methods = galleries(section)
    assert [gallery.title.partition(":")[0] for gallery in of_methods] == ["PCA", "t-SNE", "UMAP"]
    names = [chart.caption for chart in of_methods[1].charts]
    assert names == ["raw pixels", "PCA, 2", "PCA, 6", "a", "b"]
    svg = of_methods[1].charts[0].svg
    assert "trustworthiness 0.953 · continuity 0.970" in svg
    low, high = (100 * end for end in Statistic(mean=0.875, trials=N_POINTS).interval)
    assert f"k-NN 87.5 % ({low:.0f}–{high:.0f})" in svg
    assert "Without looking: chance 33.3 %, largest class 35.0 %." in section.lead
    assert of_methods[1].title == "t-SNE: perplexity 30, by openTSNE"


def test_maps_of_raw_pixels_are_not_merged_over_data(mapped):
    runs = [[mapped("a")], [mapped("b", facts={"name": "other"})]]
    names = [chart.caption for chart in galleries(ANALYSIS.section(study_subject(*runs)))[0].charts]
    both = [f"{name} ({SPLIT.format('toy')})" for name in ("raw pixels", "PCA, 2")]
    assert names == [*both, *(name.replace("toy", "other") for name in both), "a", "b"]


@pytest.mark.parametrize(("dim", "method"), [(2, "The code itself"), (6, "t-SNE")])
def test_images_are_drawn_on_one_map_of_the_model(mapped, dim, method):
    chart = ANALYSIS.section(subject(mapped("m", dim))).blocks[-1]
    assert f"m, {method}:" in chart.caption
    pictures = re.findall(r'href="data:image/png;base64,([^"]*)"', chart.svg)
    assert 1 <= len(pictures) <= 12
    assert Image.open(BytesIO(b64decode(pictures[0]))).size == (10, 12)


def test_images_on_a_map_do_not_cover_each_other(mapped):
    places = np.zeros((40, 2))
    places[0] = 1.0
    chart = ANALYSIS.section(subject(mapped("m", 6, places={"tsne": places}))).blocks[-1]
    assert chart.svg.count("<image ") == 2


def test_maps_keep_their_proportions(mapped):
    places = np.stack([np.linspace(0, 10, 40), np.linspace(0, 1, 40)], axis=1)
    section = ANALYSIS.section(subject(mapped("m", 6, places={"tsne": places})))
    chart = galleries(section)[1].charts[-1]
    drawn = np.array(re.findall(r"M([\d.]+) ([\d.]+)h0", chart.svg), dtype=float)
    width, height = np.ptp(drawn, axis=0)
    assert width / height == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize(
    "more",
    [{"labelled": False}, {"shape": (20,)}, {"shape": (5, 9, 14)}],
    ids=["unlabelled", "vectors", "many channels"],
)
def test_maps_of_all_kinds_of_data_are_drawn(mapped, more):
    section = ANALYSIS.section(subject(mapped("m", **more)))
    assert len(galleries(section)) == 3
    svg = "".join(chart.svg for gallery in galleries(section) for chart in gallery.charts)
    assert ("k-NN" in svg) == more.get("labelled", True)
    assert not re.search(r"\b(nan|None|inf)\b", svg)


def tiles(svg):
    """Read which picture each dot of a chart has, with the place of the dot."""
    for path in re.findall(r"<path [^>]*>", svg):
        places = re.findall(r"M([\d.-]+) ([\d.-]+)h0", path)
        first = re.search(r'data-tiles="(\d+)\+"', path)
        yield from ((int(first[1]) + n, place) for n, place in enumerate(places))


def test_each_dot_has_the_picture_of_its_point(mapped):
    run = mapped("m", 6)
    section = ANALYSIS.section(subject(run))
    (sprite,) = section.sprites
    sheet = np.asarray(Image.open(BytesIO(sprite.image)).convert("L"))
    at = in_box_of(run.require(Maps).methods[0].layouts[0].places, (SIDE, SIDE), 8)
    dots = list(tiles(galleries(section)[0].charts[-1].svg))
    assert len(dots) == N_POINTS
    for tile, place in dots:
        row, column = divmod(tile, sprite.columns)
        left, right = sheet[12 * row + 6, 10 * column + np.array([2, 7])] // 17
        point = 16 * int(left) + int(right)
        assert sprite.points[tile] == point
        assert [f"{value:.1f}" for value in at[point]] == list(place)


def test_maps_of_the_same_points_share_their_pictures(mapped):
    section = ANALYSIS.section(study_subject([mapped("a")], [mapped("b", 6)]))
    (sprite,) = section.sprites
    svgs = [chart.svg for gallery in galleries(section) for chart in gallery.charts]
    assert all(f'data-sprite="{sprite.id}"' in svg for svg in svgs)


def test_findings_without_pictures_have_maps_without(mapped, tmp_path):
    old = add(make_run(tmp_path, "m"), maps("m").model_copy(update={"pictures": None}))
    section = ANALYSIS.section(subject(old))
    assert section.sprites == []
    svg = galleries(section)[0].charts[0].svg
    assert "data-tiles" not in svg
    assert "data-sprite" not in svg


def test_a_result_without_maps_says_why(mapped, tmp_path, printed):  # noqa: F811
    detail = {"points": 4, "min_points": 5}
    skip = Skip(item="Maps were", reason="few_points", detail=detail)
    empty = maps().model_copy(
        update={"methods": (), "thumbnails": None, "pictures": None, "skipped": (skip, skip)}
    )
    section = ANALYSIS.section(subject(add(make_run(tmp_path, "m"), empty)))
    sentence = "Maps were left out: there are 4 points, and a map needs 5."
    (aside,) = section.blocks
    assert isinstance(aside, Aside)
    assert aside.paragraphs == [sentence]
    assert joined(printed(lambda: ANALYSIS.print_table(empty))).strip() == sentence


def test_a_run_without_maps_has_no_section(tmp_path):
    assert ANALYSIS.section(subject(make_run(tmp_path))) is None


@pytest.mark.parametrize("width", [50, 80, 180])
def test_maps_are_printed_at_any_width(printed, width):  # noqa: F811
    text = printed(lambda: ANALYSIS.print_table(maps()), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    if width > 50:
        # Where room is short, the time goes before any score does.
        assert "Trustworthiness" in text
        assert all(
            word in joined(text)
            for word in ("t-SNE: raw pixels", "0.953", "87.5 %", "chance 33.3 %")
        )
        assert "t-SNE: perplexity 30, by openTSNE." in joined(text)
        assert "40 test examples, from all over their part" in joined(text)
