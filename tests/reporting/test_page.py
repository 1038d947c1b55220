"""The page as a whole: what a browser, a reader and a screen reader need of it."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from latentscape.api.pages import write_report
from latentscape.core.errors import DataError

from .synthetic import findings, study_of, variant

VOID = {"meta", "img", "br", "hr", "link", "input"}
PICTURES = {"reconstructions", "extremes", "progress", "codes", "picks"}
ALWAYS = {"summary", "learning", "architectures", "timings", "recipes", "environment"}
MADE = {
    "vae": {"rate", "likelihood", "samples", "quality", "walks"},
    "collapsed": {"rate", "likelihood", "samples", "quality", "walks"},
    "conditional": {"rate", "likelihood", "samples", "quality", "walks"},
    "vq": {"rate", "samples", "quality", "walks"},
    "denoising": {"denoising", "samples", "quality", "walks"},
}


class Page(HTMLParser):
    """Reads a page and notes what is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = text
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def sections(self) -> set[str | None]:
        return {attributes["id"] for attributes in self.all("section")}


@dataclass
class Case:
    runs: list
    study: dict | None = None


def _groups(labels, seeds=1, **more):
    return [
        [findings(label, seed=seed, error=0.8 + 0.01 * n, **more) for seed in range(seeds)]
        for n, label in enumerate(labels)
    ]


def _study(labels, seeds=1, **more):
    groups = _groups(labels, seeds, **more)
    return Case([run for group in groups for run in group], study_of(groups))


def _variants():
    groups = [[variant(kind, seed=seed) for seed in (0, 1)] for kind in MADE]
    groups.append([findings("plain", seed=seed) for seed in (0, 1)])
    return Case([run for group in groups for run in group], study_of(groups))


CASES = {
    "grey": Case([findings()]),
    "colour": Case([findings(shape=(3, 9, 14), latent_dim=5)]),
    "vectors": Case([findings(shape=(20,))]),
    "unlabelled": Case([findings(labelled=False)]),
    "gaussian": Case([findings(bernoulli=False, validated=False)]),
    "seeds": _study(["a", "b"], seeds=2),
    "many": _study([f"suite {n} with a rather long label" for n in range(24)]),
    **{kind: Case([variant(kind)]) for kind in MADE},
    "variants": _variants(),
    "runs without a study": Case([variant("vae"), variant("vq"), findings("plain")]),
    "vae in colour": Case([variant("vae", shape=(3, 9, 14))]),
    "vae on vectors": Case([variant("vae", shape=(20,))]),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def written(case, tmp_path_factory):
    folder = tmp_path_factory.mktemp(case)
    chosen = CASES[case]
    return write_report("A title", "About it.", chosen.study, chosen.runs, folder)


@pytest.fixture(scope="module")
def page(written):
    return Page(written.read_text("utf-8"))


def _write(folder: Path, *runs, study=None, title="T") -> Page:
    return Page(write_report(title, "", study, runs, folder).read_text("utf-8"))


def test_nothing_is_loaded_or_run(page):
    assert not page.all("script")
    assert not page.all("link")
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,"))
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_every_figure_has_alternative_text_and_a_caption(page):
    assert page.all("svg")
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert all(
        figure.count("<figcaption") + figure.count("<h3") >= 1 or "panels" in figure
        for figure in page.text.split("<figure")[1:]
    )


def test_alternative_texts_within_a_page_differ(page):
    texts = [image["alt"] for image in page.all("img")]
    assert len(set(texts)) >= 0.4 * len(texts)


def test_small_and_declared(page, written):
    assert written.stat().st_size < 10_000_000
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("charset") == "utf-8" for meta in page.all("meta"))


def test_contents_lead_to_every_section(page):
    links = [link["href"] for link in page.all("a")]
    assert links == [f"#{attributes['id']}" for attributes in page.all("section")]


def test_sections_that_apply(page, case):
    assert page.sections >= ALWAYS
    pictured = {"reconstructions"} if "vectors" in case else PICTURES
    assert page.sections & PICTURES == pictured
    assert ("classes" in page.sections) == (case != "unlabelled")
    flat = any(run.values["latent_dim"] == 2 for run in CASES[case].runs)
    assert ("latent-space" in page.sections) == flat


def test_sections_of_variants_that_apply(page, case):
    every = set.union(*MADE.values())
    kind = case.split()[0]
    expected = {"variants": every, "runs": MADE["vae"]}.get(kind, MADE.get(kind, set()))
    if "vectors" in case:
        expected = expected - {"samples", "walks", "denoising"}
    assert page.sections & every == expected


def test_no_number_is_missing_in_words(page):
    assert not re.search(r"\b(nan|None|inf|undefined)\b", re.sub(r"base64,[^\"]*", "", page.text))


def test_figures_are_written_beside(written, case):
    figures = {path.name for path in (written.parent / "figures").iterdir()}
    assert {"against-pca.svg", "validation-error.svg"} <= figures
    assert ("reconstructions.png" in figures) == ("vectors" not in case)


def test_drawings_beside_stand_alone(written):
    for path in (written.parent / "figures").glob("*.svg"):
        text = path.read_text("utf-8")
        ET.fromstring(text)
        assert "var(" not in text
        assert "<style>" in text


def test_pictures_beside_are_pngs(written):
    for path in (written.parent / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_text_from_outside_is_escaped(tmp_path):
    hostile = "<script>alert('x')</script>\"&"
    run = findings(hostile, events=[{"epoch": 1, "what": hostile}])
    run.values["data"]["label_names"][0] = run.values["architecture"][0]["layer"] = hostile
    run.values["architecture"][0]["part"] = hostile
    page = _write(tmp_path, run, findings("other"), title=hostile)
    assert not page.all("script")
    assert "&lt;script&gt;" in page.text
    for path in (tmp_path / "figures").glob("*.svg"):
        ET.fromstring(path.read_text("utf-8"))


def test_events_are_shown_first(tmp_path):
    page = _write(tmp_path, findings(events=[{"epoch": 7, "what": "loss became NaN; rolled back"}]))
    assert "epoch 7: loss became NaN; rolled back" in page.text
    assert page.text.index("rolled back") < page.text.index("<figure")


def test_many_rows_are_all_listed_but_not_all_pictured(tmp_path):
    case = CASES["many"]
    page = _write(tmp_path, *case.runs, study=case.study)
    assert page.text.count('<th scope="row">suite 23 ') >= 2
    assert "the 8 models of 24" in page.text
    assert len(list((tmp_path / "figures").glob("extremes-*.png"))) == 8


def test_large_colour_pictures_stay_below_the_limit(tmp_path):
    runs = [findings(f"m{n}", shape=(3, 120, 120), latent_dim=n + 2) for n in range(8)]
    _write(tmp_path, *runs)
    assert (tmp_path / "report.html").stat().st_size < 10_000_000


def test_without_snapshots_there_is_no_progress(tmp_path):
    run = findings()
    del run.arrays["snapshots"], run.arrays["snapshot_epochs"]
    assert "progress" not in _write(tmp_path, run).sections


def test_without_history_there_are_no_curves(tmp_path):
    run = findings()
    run.values["history"] = []
    assert "learning" not in _write(tmp_path, run).sections


def test_rows_on_other_test_images_get_a_plate_of_their_own(tmp_path):
    one, other = findings("one"), findings("other")
    other.arrays["originals"] = np.flip(other.arrays["originals"], axis=0)
    _write(tmp_path, one, other)
    names = {path.name for path in (tmp_path / "figures").glob("reconstructions*")}
    assert names == {"reconstructions-one.png", "reconstructions-other.png"}


def test_no_runs_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no run"):
        write_report("T", "", None, [], tmp_path)
    assert not list(tmp_path.iterdir())


def test_importing_the_package_is_cheap():
    code = "import sys, latentscape.reporting; print('jinja2' in sys.modules, 'PIL' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]
