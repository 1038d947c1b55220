"""The page as one file: what is in it comes out again, and nothing in it can be more than text."""

import gzip
import json
import re
import shutil
from base64 import b64decode
from html.parser import HTMLParser

import numpy as np
import pytest

from latentscape.core.errors import ConfigError, RunError
from latentscape.core.records import Dataset
from latentscape.explorer import bundle
from latentscape.explorer.bundle import FILES
from latentscape.explorer.contents import Fact, Manifest, Model
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.gathering import describe_array
from latentscape.explorer.page import arrays_for_file, live_page, pack, write_page
from latentscape.explorer.thumbnails import thumbnail_shape

HOSTILE = ("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u2028'\"&amp;")


class Reader(HTMLParser):
    """Reads the elements of a page as a browser does: scripts end at the first end tag."""

    def __init__(self):
        super().__init__()
        self.elements, self._open = [], None

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        self._open = self.elements[-1]

    def handle_data(self, data):
        if self._open:
            self._open[2] += data

    def handle_endtag(self, tag):
        self._open = None


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader.elements


def arrays_in(html):
    """Read arrays as the page does."""
    elements = read(html)
    manifest = manifest_in(html)
    stored = {a["data-array"]: text for _, a, text in elements if "data-array" in a}
    return {
        name: np.frombuffer(gzip.decompress(b64decode(stored[name])), facts["dtype"]).reshape(
            facts["shape"]
        )
        for name, facts in manifest["arrays"].items()
    } | {"ort.wasm": gzip.decompress(b64decode(stored["ort.wasm"]))}


def manifest_in(html):
    (text,) = (text for _, a, text in read(html) if a.get("id") == "manifest")
    return json.loads(text)


@pytest.fixture
def exploration(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 3, 9, 7), dtype=np.uint8)
    dataset = Dataset("strange", images, np.arange(30) % 3, HOSTILE)
    arrays = {
        "labels": (np.arange(30) % 3).astype(np.int32),
        "m0/codes": rng.normal(size=(30, 4)).astype(np.float32),
        "m0/score/error": np.full(30, np.nan, np.float32),
        "m0/decoder": np.arange(99, dtype=np.uint8),
    }
    model = Model(key="m0", label=HOSTILE[0], run="r", recipe="", latent_dim=4, kind="point")
    manifest = Manifest(
        title=HOSTILE[0],
        about=HOSTILE[1],
        version="1",
        count=30,
        shape=(3, 9, 7),
        range=(0, 255),
        byte_values=True,
        thumbnails={"shape": thumbnail_shape((3, 9, 7), 30, in_file=True), "reduced": False},
        label_names=HOSTILE,
        part_names=("test",),
        names=tuple(HOSTILE * 10),
        models=(model,),
        facts=(Fact(name=HOSTILE[0], value=HOSTILE[1]),),
        arrays={name: describe_array(array) for name, array in arrays.items()},
    )
    run = type("Run", (), {"path": tmp_path / "runs" / "r"})()
    return Exploration(manifest, arrays, dataset, np.arange(30)[::-1], {}, {"m0": run})


def test_a_file_holds_the_arrays(exploration, tmp_path, built):
    written = write_page(exploration, tmp_path / "page.html")
    html = written.file.read_text("utf-8")
    assert written.bytes == written.file.stat().st_size
    arrays = arrays_in(html)
    assert arrays.pop("ort.wasm") == (built / "ort.wasm").read_bytes()
    assert np.array_equal(arrays.pop("images"), exploration.dataset.images[::-1])
    codes = arrays.pop("m0/codes")
    assert codes.dtype == np.float16
    assert np.allclose(codes, exploration.arrays["m0/codes"], atol=1e-2)
    assert arrays.keys() == exploration.arrays.keys() - {"m0/codes"}
    for name, array in arrays.items():
        assert array.dtype == exploration.arrays[name].dtype
        assert np.array_equal(array, exploration.arrays[name], equal_nan=array.dtype.kind == "f")


def test_codes_too_large_for_half_precision_stay_as_they_are(exploration):
    exploration.arrays["m0/codes"][0, 0] = 1e5
    assert dict(arrays_for_file(exploration))["m0/codes"].dtype == np.float32


def test_nothing_in_it_is_more_than_text(exploration, tmp_path):
    html = write_page(exploration, tmp_path / "page.html").file.read_text("utf-8")
    elements = read(html)
    tags = [tag for tag, _, _ in elements]
    assert tags.count("script") == 2 + len(exploration.arrays) + 2  # images and ort.wasm
    assert "img" not in tags
    assert tags.count("style") == 1
    manifest = manifest_in(html)
    assert manifest["title"] == HOSTILE[0]
    assert manifest["label_names"] == list(HOSTILE)
    assert manifest["names"] == list(HOSTILE) * 10
    assert manifest["facts"] == [{"name": HOSTILE[0], "value": HOSTILE[1]}]
    (title,) = (text for tag, _, text in elements if tag == "title")
    assert title.startswith("</script>")


def test_the_script_and_the_style_are_whole(exploration, tmp_path):
    html = write_page(exploration, tmp_path / "page.html").file.read_text("utf-8")
    texts = {a.get("type", tag): text for tag, a, text in read(html)}
    assert texts["module"] == 'const end = "<\\/script>"; // ü'
    assert texts["style"] == "a::after{content:'<\\/style>'}"


def test_a_page_asks_nobody(exploration, tmp_path):
    html = write_page(exploration, tmp_path / "page.html").file.read_text("utf-8")
    policies = [a["content"] for _, a, _ in read(html) if "http-equiv" in a]
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert "connect-src 'none'" in policies[0]
    assert not {"src", "href", "action"} & {name for _, a, _ in read(html) for name in a}
    assert "<noscript>" in html
    assert '<div id="app"></div>' in html
    assert 'name="viewport"' in html


def test_the_page_of_a_server_holds_no_arrays(exploration):
    html = live_page(exploration.manifest)
    assert not [a for _, a, _ in read(html) if "data-array" in a]
    assert manifest_in(html)["live"] is True
    assert manifest_in(html)["arrays"].keys() == exploration.arrays.keys()
    (policy,) = (a["content"] for _, a, _ in read(html) if "http-equiv" in a)
    assert "connect-src 'self'" in policy


def test_the_same_exploration_makes_the_same_file(exploration, tmp_path):
    first, second = (write_page(exploration, tmp_path / name).file for name in ("a.html", "b.html"))
    assert first.read_bytes() == second.read_bytes()


def test_big_endian_arrays_are_turned():
    array = np.arange(5, dtype=">f4")
    assert gzip.decompress(b64decode(pack(array))) == np.arange(5, dtype="<f4").tobytes()


def test_the_report_is_linked_where_it_lies_below(exploration, tmp_path):
    folder = exploration.runs["m0"].path
    folder.mkdir(parents=True)
    page = tmp_path / "page.html"
    assert manifest_in(write_page(exploration, page).file.read_text())["report"] is None
    (folder / "report.html").write_text("")
    report = manifest_in(write_page(exploration, page).file.read_text())["report"]
    assert report == "runs/r/report.html"
    # From elsewhere the path would name folders of this machine.
    elsewhere = write_page(exploration, tmp_path / "other" / "page.html").file
    assert manifest_in(elsewhere.read_text())["report"] is None


@pytest.mark.parametrize("name", FILES)
def test_a_page_that_is_not_built_says_how(exploration, tmp_path, built, name, monkeypatch):
    page = tmp_path / "page.html"
    page.write_text("before")
    monkeypatch.setattr(bundle, "FOLDER", shutil.copytree(built, tmp_path / "page"))
    (tmp_path / "page" / name).unlink()
    with pytest.raises(RunError, match=rf"{re.escape(name)} missing.*web/build\.py"):
        write_page(exploration, page)
    assert page.read_text() == "before"


@pytest.mark.parametrize("name", ["page.txt", "page", "folder.html"])
def test_other_names_are_refused(exploration, tmp_path, name):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ConfigError, match=r"ends in \.html"):
        write_page(exploration, tmp_path / name)
