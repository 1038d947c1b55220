"""A report in a browser: what it says of marks that are pointed at, and its sorted tables."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from analyses.maps.synthetic_maps import N_POINTS, maps
from latentscape.api.pages.page import write_page
from latentscape.explorer.bundle import report_script
from synthetic import LABELS, add, make_run, study_subject

from .conftest import faults_of_access

HOSTILE = '<img src=x onerror="alert(1)">'
TABLE = """() => {
  const table = document.querySelector("#summary table");
  return [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.innerText));
}"""
PLACES = """chart => [...chart.querySelectorAll(".dots")].flatMap((path) => {
  const matrix = path.getScreenCTM();
  return [...path.getAttribute("d").matchAll(/M([\\d.]+) ([\\d.]+)h0/g)].map(([, x, y]) => {
    const at = new DOMPoint(x, y).matrixTransform(matrix);
    return [path.dataset.name, at.x, at.y];
  });
})"""
LAYOUT = """() => [...document.querySelectorAll(":is(header, nav, main) :not(.sort)")].map(
  (element) => [element.tagName, ...Object.values(element.getBoundingClientRect().toJSON())]
)"""
PICTURE = """canvas => {
  const { data, width } = canvas.getContext("2d").getImageData(0, 6, canvas.width, 1);
  return [data[4 * 2], data[4 * (width - 3)]];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The address of a report on two models, with maps of points that have hostile labels."""
    folder = tmp_path_factory.mktemp("report")
    names = (HOSTILE, *LABELS[1:])
    runs = [
        make_run(folder, label, error=error, facts={"label_names": names})
        for label, error in (("b", 0.8), ("a", 0.7), ("c", 0.9))
    ]
    rows = ([add(run, maps(run.label, places=places()))] for run in runs)
    return write_page("Report", "", study_subject(*rows), folder).as_uri()


def places():
    """Places so far apart that each point is alone under the cursor."""
    grid = np.stack(np.divmod(np.arange(N_POINTS), 8), axis=1)
    return dict.fromkeys(("pca", "tsne", "umap"), grid)


def own_map(page):
    chart = page.locator("#maps svg.chart[tabindex]").nth(2)
    chart.scroll_into_view_if_needed()
    return chart


def number_shown(page):
    left, right = page.locator(".tip canvas").evaluate(PICTURE)
    return 16 * (left // 17) + right // 17


def test_a_point_shows_its_picture_and_its_label(visitor, report):
    page = visitor().open(report)
    labels = [HOSTILE, *LABELS[1:]]
    numbers = set()
    for name, x, y in own_map(page).evaluate(PLACES):
        page.mouse.move(x, y)
        number = number_shown(page)
        numbers.add(number)
        assert name == labels[number % 3]
        expect(page.locator(".tip p")).to_have_text([name, f"example {number}"])
    assert numbers == set(range(N_POINTS))
    page.mouse.move(1, 1)
    expect(page.locator(".tip")).to_be_hidden()


def test_a_tap_shows_a_point(visitor, report):
    page = visitor(has_touch=True, viewport={"width": 390, "height": 800}).open(report)
    name, x, y = own_map(page).evaluate(PLACES)[5]
    page.touchscreen.tap(x, y)
    expect(page.locator(".tip p").first).to_have_text(name)


def test_a_curve_shows_measured_values(visitor, report):
    page = visitor().open(report)
    chart = page.locator("#learning svg.chart[tabindex]").first
    chart.scroll_into_view_if_needed()
    curve = chart.locator("[data-values]").last
    values = [value.split(":") for value in curve.get_attribute("data-values").split(" ")]
    for index, (epoch, value) in enumerate(values):
        x, y = curve.evaluate(
            """(path, index) => {
              const all = path.getAttribute("d").matchAll(/[ML]([\\d.]+) ([\\d.]+)/g);
              const [, x, y] = [...all][index];
              const at = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
              return [at.x, at.y];
            }""",
            index,
        )
        page.mouse.move(x, y)
        name = curve.get_attribute("data-name")
        lines = [name, f"epoch {epoch}", f"MSE per pixel: {value}"]
        expect(page.locator(".tip p")).to_have_text(lines)


def test_a_bar_shows_its_number(visitor, report):
    page = visitor().open(report)
    bar = page.locator("#timings rect[data-about]").first
    bar.hover()
    expect(page.locator(".tip p")).to_have_text(bar.get_attribute("data-about"))


def test_keys_go_from_point_to_point(visitor, report):
    page = visitor().open(report)
    own_map(page).focus()
    page.keyboard.press("Home")
    first = number_shown(page)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tip")).to_be_visible()
    assert number_shown(page) - first == 8
    page.keyboard.press("ArrowLeft")
    assert number_shown(page) == first
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()


def test_tables_are_sorted_by_their_headers(visitor, report):
    page = visitor().open(report)
    before = page.evaluate(TABLE)
    head = page.locator("#summary thead th").filter(has_text=re.compile("^MSE")).first
    button = head.get_by_role("button")

    def errors():
        rows = [row for row in page.evaluate(TABLE) if row[0][:1] in "abc"]
        return [row[0][:1] for row in rows]

    button.click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert errors() == ["a", "b", "c"]
    button.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert errors() == ["c", "b", "a"]
    button.press("Enter")
    expect(head).to_have_attribute("aria-sort", "none")
    assert page.evaluate(TABLE) == before


def test_numbers_are_sorted_as_numbers(visitor, tmp_path):
    tables = (
        (["12.3 ± 0.4", "9.1 ± 0.2", "100 ± 3"], [1, 0, 2]),
        (["97.1 %", "–", "8.25 %", "100 %"], [2, 0, 3, 1]),
        (["1,234", "999", "−5", "1.2e−05"], [2, 3, 1, 0]),
        (["2 min 3 s", "1 h 0 min", "119 s"], [2, 0, 1]),
        (["2 MB", "900 kB"], [1, 0]),
        (["b", "a", "b", "a"], [1, 3, 0, 2]),
        (["1 x", "1 y", "0 z", "1 w"], [2, 0, 1, 3]),
    )
    file = tmp_path / "tables.html"
    body = "".join(table_of(cells) for cells, _ in tables)
    script = f'<script type="module">{report_script()}</script>'
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{body}{script}", "utf-8")
    page = visitor().open(file.as_uri())
    for number, (cells, ascending) in enumerate(tables):
        table = page.locator("table").nth(number)
        table.get_by_role("button", name="A").click()
        places = [int(text) for text in table.locator(".n").all_inner_texts()]
        assert places == ascending, cells


def table_of(cells):
    """Write a table of cells, and of their places."""
    rows = "".join(
        f'<tr><td>{cell}<small>9</small></td><td class="n">{n}</td></tr>'
        for n, cell in enumerate(cells)
    )
    return f"<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody>{rows}</tbody></table>"


def test_without_scripts_a_report_looks_the_same(visitor, report):
    seen = []
    for is_scripted in (True, False):
        page = visitor(java_script_enabled=is_scripted).open(report)
        assert page.locator(".sort").count() == 0 or is_scripted
        page.locator("#summary table").scroll_into_view_if_needed()
        seen.append((page.evaluate(LAYOUT), page.locator("#summary table").screenshot()))
    assert len(seen[0][0]) > 1000
    assert seen[0] == seen[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_answering_report_is_accessible(visitor, report, scheme):
    page = visitor(color_scheme=scheme).open(report)
    own_map(page).focus()
    page.keyboard.press("Home")
    expect(page.locator(".tip")).to_be_visible()
    assert faults_of_access(page) == []
