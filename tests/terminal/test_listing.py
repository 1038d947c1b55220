"""The table of runs, on terminals of any width."""

import pytest
from rich.cells import cell_len

from analyses.printing import joined, printed  # noqa: F401
from latentscape.config import FAMILIES
from latentscape.evaluation.listing import ListedRun
from latentscape.terminal import print_recipes, print_rows
from latentscape.terminal.layout import PrintedColumn, print_columns, print_line, print_pairs
from latentscape.terminal.listing import print_removed, print_runs

NAME = "vae-20-fashion-mnist-0"
PATH = "/home/somebody/with-a-long-name/work/experiments/" + NAME
FACTS = {"recipe": "vae-20", "data": "fashion-mnist", "mse": 0.0123456, "started": "2020-01-01"}


def a_run(name=NAME, **facts):
    values = {"path": f"runs/{name}", "kind": "run", "state": "finished", "bytes": 15_700_000}
    return ListedRun(**{**values, **FACTS, "name": name, "outcome": "wins", **facts})


RUNS = [
    a_run(),
    a_run("half", state="unfinished", mse=None, outcome=None, epochs=3),
    a_run("torn", state="damaged", problem=f"{PATH}/data.json is damaged: it is not JSON."),
    a_run("busy", state="owned", work="trained"),
    a_run("old", version="0.0.1"),
    a_run("study", kind="study", recipe=None, data=None, runs=6, wins=3, rows=6),
]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_the_table_fits_and_breaks_no_name(printed, width):  # noqa: F811
    text = printed(lambda: print_runs(RUNS), width)
    for line in text.splitlines():
        assert cell_len(line) <= width or PATH in line
    assert NAME in text
    assert f"{PATH}/data.json" in text
    for state in ("unfinished, 3 epochs", "damaged", "being trained", "version 0.0.1"):
        assert state in joined(text)


def test_a_wide_table_has_all_columns(printed):  # noqa: F811
    text = printed(lambda: print_runs(RUNS), 120)
    for word in ("name", "recipe", "data", "error", "PCA", "age", "size", "state"):
        assert word in "".join(text.splitlines()[:2])
    for cell in ("vae-20", "fashion-mnist", "0.0123", "yes", "15.7 MB", "study of 6", "3 of 6"):
        assert cell in text
    assert "5 runs and 1 study, 94.2 MB" in text


def test_a_narrow_terminal_gives_each_run_two_lines(printed):  # noqa: F811
    text = joined(printed(lambda: print_runs([RUNS[0], RUNS[1]]), 40))
    assert f"{NAME} vae-20, fashion-mnist, error 0.0123, beats PCA yes," in text


def test_of_many_damaged_runs_a_few_say_why(printed):  # noqa: F811
    runs = [a_run(f"r{i}", state="damaged", problem="torn") for i in range(50)]
    text = printed(lambda: print_runs(runs))
    assert text.count(": torn") == 10
    assert "50 are damaged" in text


def test_what_is_free_is_said(printed):  # noqa: F811
    assert printed(lambda: print_removed(RUNS[:1])) == f"Removed {NAME}; 15.7 MB are free.\n"
    text = printed(lambda: print_removed(RUNS))
    assert text == "Removed 5 runs and 1 study; 94.2 MB are free.\n"


@pytest.mark.parametrize("width", [10, 40, 80])
def test_no_path_is_broken(printed, width):  # noqa: F811
    text = printed(lambda: print_line(f"It is at {PATH} and stays there.", indent=2), width)
    assert PATH in text
    assert all(line.startswith("  ") for line in text.splitlines())
    text = printed(lambda: print_pairs({"from": PATH, "name": "a b"}), width)
    assert PATH in text
    assert "name" in text


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_path_is_broken_in_tables(printed, width):  # noqa: F811
    rows = [{"part": "encoder", "file": PATH}, {"part": "decoder", "file": "short"}]
    text = printed(lambda: print_rows(rows), width)
    assert PATH in text
    assert "decoder" in text
    column = PrintedColumn("MSE", "per pixel", ["0.0123", "0.0456"])
    text = printed(lambda: print_columns(PATH, [NAME, "b c"], [column]), width + 10)
    assert PATH in text
    assert NAME in text


def a_recipe(name, family, about):
    return {
        "recipe": name,
        "family": family,
        "latent_dim": 20,
        "parameters": 644_804,
        "about": about,
    }


@pytest.mark.parametrize("width", [40, 80, 180])
def test_recipes_have_one_line_each_under_their_family(printed, width):  # noqa: F811
    first, *_, last = FAMILIES
    rows = [a_recipe("one", first, "Many words " * 20), a_recipe("two", last, "Few words.")]
    lines = printed(lambda: print_recipes(rows, FAMILIES), width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    (one,) = (line for line in lines if line.startswith("  one"))
    (two,) = (line for line in lines if line.startswith("  two"))
    assert "20  644,804" in one
    assert lines.index(one) > next(i for i, s in enumerate(lines) if s.startswith(first.title()[0]))
    if width > 40:
        assert one.endswith("…")
        assert two.endswith("Few words.")
