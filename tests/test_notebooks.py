"""The notebooks of the documents: they run without a display, and each cell shows something.

A cell is run as a kernel runs it, and the value of its last line is shown as Jupyter shows it.
"""

import ast
import json
from pathlib import Path

import pytest

from latentscape.config import fitting

NOTEBOOKS = sorted((Path(__file__).parents[1] / "docs" / "notebooks").glob("*.ipynb"))
REPRESENTATIONS = ("_repr_html_", "_repr_png_")


def cells_of(notebook: Path) -> list[dict]:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    return content["cells"]


def run_cell(source: str, names: dict[str, object]) -> object:
    """Run a cell, and return the value of its last line if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def display(value: object) -> str | bytes | None:
    """Return what Jupyter shows of a value."""
    methods = [getattr(value, name) for name in REPRESENTATIONS if hasattr(value, name)]
    return next((output for method in methods if (output := method())), None)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_shows_something(notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(fitting, "STEPS", 100)  # Less is learned, and all of it is shown.
    names: dict[str, object] = {}
    for cell in cells_of(notebook):
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            assert display(run_cell(source, names)), source


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_no_output_and_begins_with_its_title(notebook):
    cells = cells_of(notebook)
    assert cells[0]["cell_type"] == "markdown"
    assert cells[0]["source"][0].startswith("# ")
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
