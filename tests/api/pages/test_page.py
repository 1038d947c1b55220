"""The page as a whole: what a browser, a reader and a screen reader need of it."""

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import toys
from analyses.maps.synthetic_maps import maps
from latentscape.analyses.maps import ANALYSIS as MAPS
from latentscape.api.pages.page import write_page
from latentscape.api.pages.reconstructions import compared, trained_on
from latentscape.core.errors import DataError
from latentscape.evaluation.results import Evaluation
from latentscape.explorer import bundle
from latentscape.reporting.subject import Subject
from latentscape.runs import RunFindings
from latentscape.runs.architecture import Architecture
from latentscape.runs.facts import Event
from synthetic import LABELS, add, change, make_run, study_subject, subject

VOID = {"meta", "img", "br", "hr", "link", "input"}
PICTURES = {"reconstructions", "extremes", "progress", "codes", "picks"}
ALWAYS = {"summary", "learning", "architectures", "timings", "recipes", "environment"}
OF_KIND = {
    "vae": {"rate", "samples", "walks"},
    "collapsed": {"rate", "samples", "walks"},
    "conditional": {"rate", "samples", "walks"},
    "vq": {"rate", "samples", "walks"},
    "denoising": {"denoising", "samples", "walks"},
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


def _studied(folder, labels, seeds=1):
    groups = [
        [make_run(folder, label, seed=seed, error=0.8 + 0.01 * n) for seed in range(seeds)]
        for n, label in enumerate(labels)
    ]
    return study_subject(*groups)


def _variants(folder):
    kinds = [*OF_KIND, "plain"]
    return study_subject(*([make_run(folder, k, k, seed=s) for s in (0, 1)] for k in kinds))


CASES = {
    "grey": lambda folder: subject(make_run(folder)),
    "colour": lambda folder: subject(make_run(folder, shape=(3, 9, 14), latent_dim=5)),
    "channels": lambda folder: subject(make_run(folder, shape=(4, 9, 14), latent_dim=5)),
    "vectors": lambda folder: subject(make_run(folder, shape=(20,))),
    "unlabelled": lambda folder: subject(make_run(folder, labelled=False)),
    "gaussian": lambda folder: subject(make_run(folder, bernoulli=False, validated=False)),
    "seeds": lambda folder: _studied(folder, ["a", "b"], seeds=2),
    "many": lambda folder: _studied(folder, [f"suite {n}, a rather long label" for n in range(24)]),
    **{kind: lambda folder, kind=kind: subject(make_run(folder, kind, kind)) for kind in OF_KIND},
    "variants": _variants,
    "runs without a study": lambda folder: subject(
        make_run(folder, "vae", "vae"), make_run(folder, "vq", "vq"), make_run(folder)
    ),
    "vae in colour": lambda folder: subject(make_run(folder, "v", "vae", shape=(3, 9, 14))),
    "vae on vectors": lambda folder: subject(make_run(folder, "v", "vae", shape=(20,))),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def shown(case, tmp_path_factory) -> Subject:
    with pytest.MonkeyPatch.context() as patch:
        toys.register(patch)
        return CASES[case](tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def written(shown, tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        toys.register(patch)
        patch.setattr(bundle, "FOLDER", Path("nowhere"))
        return write_page("A title", "About it.", shown, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def page(written) -> Page:
    return Page(written.read_text("utf-8"))


@pytest.fixture(autouse=True)
def unbuilt(tmp_path_factory, monkeypatch):
    """Let there be no script of reports, which a checkout may lack."""
    folder = tmp_path_factory.mktemp("bundle")
    monkeypatch.setattr(bundle, "FOLDER", folder)
    return folder


def _write(folder: Path, *runs: RunFindings, title="T") -> Page:
    return Page(write_page(title, "", subject(*runs), folder).read_text("utf-8"))


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


def test_sections_that_apply(page, case, shown):
    assert page.sections >= ALWAYS
    pictured = {"reconstructions"} if "vectors" in case else PICTURES
    assert page.sections & PICTURES == pictured
    assert ("classes" in page.sections) == (case != "unlabelled")
    is_flat = any(row.facts.latent_dim == 2 for row in shown.rows)
    assert ("latent-space" in page.sections) == is_flat


def test_sections_of_variants_that_apply(page, case):
    every = set.union(*OF_KIND.values())
    kind = case.split()[0]
    expected = {"variants": every, "runs": OF_KIND["vae"]}.get(kind, OF_KIND.get(kind, set()))
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


def test_text_from_outside_is_escaped(run, tmp_path):
    hostile = "<script>alert('x')</script>\"&"
    event = Event(epoch=1, kind="note", text=hostile)
    labels = (hostile, *LABELS[1:])
    one = run('<script>x</script>"&', events=[event], facts={"label_names": labels})
    first, *rest = one.architecture.layers
    layer = first.model_copy(update={"layer": hostile, "part": hostile})
    one = change(one, Architecture, layers=(layer, *rest))
    page = _write(tmp_path, one, run("other"), title=hostile)
    assert not page.all("script")
    assert "&lt;script&gt;" in page.text
    for path in (tmp_path / "figures").glob("*.svg"):
        ET.fromstring(path.read_text("utf-8"))


def test_many_rows_are_all_listed_but_not_all_pictured(page, written, case):
    if case == "many":
        assert page.text.count('<th scope="row">suite 23,') >= 2
        assert "the 8 models of 24" in page.text
        assert len(list((written.parent / "figures").glob("extremes-*.png"))) == 8


def test_pictures_become_smaller_until_the_page_is_small_enough(run, tmp_path, monkeypatch):
    runs = [run(f"m{n}", shape=(1, 70, 70), latent_dim=n + 3) for n in range(2)]
    _write(tmp_path, *runs)
    size = (tmp_path / "report.html").stat().st_size
    monkeypatch.setattr("latentscape.api.pages.page.MAX_BYTES", size - 1)
    _write(tmp_path, *runs)
    assert (tmp_path / "report.html").stat().st_size < size


def test_without_snapshots_there_is_no_progress(run, tmp_path):
    assert "progress" not in _write(tmp_path, run(snapshots=())).sections


def test_without_history_there_are_no_curves(run, tmp_path):
    assert "learning" not in _write(tmp_path, run(epochs=0)).sections


def test_rows_on_other_test_images_get_a_plate_of_their_own(run):
    one, other = run("one"), run("other")
    examples = other.require(Evaluation).examples
    flipped = examples.model_copy(update={"originals": np.flip(examples.originals, axis=0)})
    plates = compared(subject(one, change(other, Evaluation, examples=flipped)))
    assert [plate.name for plate in plates] == ["reconstructions-one", "reconstructions-other"]


def test_training_images_stand_beside_test_images(run):
    one, other = run("one"), run("other")
    pairs = one.require(Evaluation).random
    runs = [change(each, Evaluation, training=pairs) for each in (one, other)]
    (plate,) = trained_on(subject(*runs))
    assert [panel.title for panel in plate.panels] == [
        "Training images 1 to 8",
        "Training images 9 to 10",
    ]
    assert [strip.label for strip in plate.panels[0].strips] == ["Original", "one", "other"]
    assert "learnt its training images by heart" in plate.caption


def test_findings_without_training_images_show_test_images_alone(run):
    assert trained_on(subject(run("old"))) == []


def test_no_runs_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no run"):
        write_page("T", "", Subject(()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_section_stands_where_its_result_does(run, register, tmp_path):
    register(toys.ToyAnalysis(), toys.named("absent"))
    result = toys.ToyResult(codes=toys.scores("m", 2, ["toy_a"]))
    measured = add(run("m"), result)
    page = _write(tmp_path, measured, run("b"))
    assert page.sections & {"toy", "absent", "scores"} == {"toy", "scores"}
    assert page.text.index('<section id="codes"') < page.text.index('<section id="toy"')


def test_importing_the_package_is_cheap():
    code = "import sys, latentscape.api.pages; print('jinja2' in sys.modules, 'PIL' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "False"]


SCRIPT = 'const end = "</script>"; // ü'


def _scripted(text):
    """Take out of a page what it has for its script alone."""
    pattern = r'<meta http-equiv[^>]*>\n|<img hidden[^>]*>\n|<script type="module">.*?</script>\n'
    return re.subn(pattern, "", text, flags=re.DOTALL)


def test_a_script_changes_nothing_else(run, tmp_path, unbuilt):
    one = subject(add(run("m"), maps("m")))
    plain = write_page("T", "", one, tmp_path).read_text("utf-8")
    assert _scripted(plain) == (plain, 0)
    (unbuilt / "report.js").write_text(SCRIPT, "utf-8")
    scripted = write_page("T", "", one, tmp_path).read_text("utf-8")
    assert _scripted(scripted) == (plain, 3)


def test_nothing_but_the_own_script_may_run(run, tmp_path, unbuilt):
    (unbuilt / "report.js").write_text(SCRIPT, "utf-8")
    page = _write(tmp_path, run("m"))
    (policy,) = (one["content"] for one in page.all("meta") if "http-equiv" in one)
    (script,) = re.findall('<script type="module">(.*?)</script>', page.text, re.DOTALL)
    assert script == SCRIPT.replace("</script", "<\\/script")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


def test_a_sprite_is_there_once(run, tmp_path, unbuilt, register):
    register(MAPS)
    (unbuilt / "report.js").write_text(SCRIPT, "utf-8")
    labels = [add(run(label), maps(label)) for label in ("a", "b")]
    page = Page(
        write_page("T", "", study_subject(*([one] for one in labels)), tmp_path).read_text()
    )
    (sprite,) = (one for one in page.all("img") if "hidden" in one)
    charts = [one["data-sprite"] for one in page.all("svg") if "data-sprite" in one]
    assert set(charts) == {sprite["id"]}


def test_the_explorer_is_linked_where_it_is(run, tmp_path):
    folder = tmp_path / "my run"
    page = _write(folder, run("m"))
    command = "latentscape explore &#39;my run&#39; --out &#39;my run&#39;/explorer.html"
    assert f"<code>{command}</code>" in page.text
    (folder / "explorer.html").write_text("")
    page = _write(folder, run("m"))
    assert "latentscape explore" not in page.text
    assert {"href": "explorer.html"} in page.all("a")


def test_figures_carry_no_data_of_the_page(written):
    for path in (written.parent / "figures").glob("*.svg"):
        assert " data-" not in path.read_text("utf-8")


def test_names_in_attributes_are_escaped(run, tmp_path):
    hostile = '"><script>x</script>'
    one = run("m", facts={"label_names": (hostile, *LABELS[1:])})
    page = _write(tmp_path, add(one, maps("m")))
    assert hostile in [path.get("data-name") for path in page.all("path")]
    assert not page.all("script")
