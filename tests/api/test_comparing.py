"""Runs that exist are put side by side, and pages lead to each other."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

import latentscape
from api.test_listing import run_main
from latentscape.core import screen
from latentscape.core.errors import ConfigError, RunError
from runs.test_owner import owned_elsewhere

QUICK = {"data.train": 120, "data.test": 40, "train.epochs": 1, "model.encoder.widths": [16]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two recipes, one of them with two seeds, and another split."""
    folder = tmp_path_factory.mktemp("trained")

    def train(recipe, name, **changes):
        latentscape.train(
            recipe, data="digits", name=name, changes=QUICK | changes, folder=folder, quiet=True
        )

    train("simple-20", "plain-0")
    train("simple-20", "plain-1", **{"train.seed": 1})
    train("vae-20", "vae")
    train("vae-20", "small vae", **{"model.latent.dim": 2})
    # Of another split is what says so: it is refused before anything else of it is read.
    other = shutil.copytree(folder / "plain-0", folder / "other-split")
    (other / "identity.json").unlink()
    data = json.loads((other / "data.json").read_text())
    (other / "data.json").write_text(json.dumps(data | {"seed": 3}))
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "runs")


@pytest.fixture
def bare_pages(monkeypatch):
    """Write pages that hold nothing, which takes no time."""

    def write(title, about, subject, folder):
        page = folder / "report.html"
        page.write_text(title)
        return page

    monkeypatch.setattr("latentscape.api.pages.page.write_page", write)


def links(page: Path) -> list[Path]:
    """Return the pages that a page leads to."""
    addresses = re.findall(r'href="([^#"]+)"', page.read_text())
    return [(page.parent / unquote(address)).resolve() for address in addresses]


def test_runs_are_rows_and_seeds_are_put_together(folder):
    names = ["vae", "plain-0", "plain-1"]
    study = latentscape.compare_runs([folder / name for name in names])
    assert [row.label for row in study.rows] == ["vae-20", "simple-20"]
    assert study.members.groups == {"vae-20": ("vae",), "simple-20": ("plain-0", "plain-1")}
    errors = study.rows[1].statistics["mse"]
    assert errors.n == 2
    assert errors.sd is not None
    assert Path(study.folder) == folder / "vae-20-vs-simple-20-digits"
    page = (folder / "vae-20-vs-simple-20-digits" / "report.html").read_text()
    assert "vae-20 vs simple-20" in page


def test_seeds_alone_are_rows_of_their_own(folder, bare_pages):
    study = latentscape.compare_runs([folder / "plain-0", folder / "plain-1"])
    assert [row.label for row in study.rows] == ["plain-0", "plain-1"]


def test_rows_of_one_recipe_are_called_by_their_runs(folder, bare_pages):
    study = latentscape.compare_runs([folder / "vae", folder / "small vae", folder / "vae"])
    assert [row.label for row in study.rows] == ["vae", "small vae"]


def test_runs_of_several_folders_are_compared_and_reported_again(folder, tmp_path):
    elsewhere = shutil.copytree(folder / "vae", tmp_path / "deep" / "er" / "vae")
    study = latentscape.compare_runs(
        [folder / "plain-0", elsewhere], name="mine", folder=tmp_path / "out"
    )
    assert Path(study.folder) == tmp_path / "out" / "mine"
    page = latentscape.report(study.folder)
    assert folder / "plain-0" / "report.html" in links(page)
    assert elsewhere / "report.html" in links(page)
    (row,) = latentscape.list_runs(tmp_path / "out")
    assert (row.kind, row.runs) == ("study", 2)


def test_a_study_stands_for_its_runs(folder, bare_pages):
    study = latentscape.compare_runs([folder / "vae", folder / "plain-0"], name="first")
    both = latentscape.compare_runs([folder / "small vae", study.folder], name="second")
    assert [row.runs for row in both.rows] == [("small vae",), ("vae",), ("plain-0",)]


def test_what_was_tested_on_other_examples_is_refused(folder):
    before = sorted(folder.iterdir())
    words = r"plain-0 was tested on 40 examples of digits \(split seed 0, .*seed 3"
    with pytest.raises(RunError, match=words):
        latentscape.compare_runs([folder / "plain-0", folder / "other-split"])
    assert sorted(folder.iterdir()) == before


def test_what_is_no_finished_run_is_refused(folder):
    (folder / "plain-1" / "model.safetensors").unlink()
    with pytest.raises(RunError, match="plain-1 is not finished"):
        latentscape.compare_runs([folder / "plain-0", folder / "plain-1"])
    with pytest.raises(RunError, match="is not a run"):
        latentscape.compare_runs([folder / "plain-0", folder])
    with pytest.raises(ConfigError, match="1 run to compare"):
        latentscape.compare_runs([folder / "plain-0", folder / "plain-0"])


def test_a_comparison_replaces_itself_alone(folder, bare_pages):
    pair = [folder / "vae", folder / "plain-0"]
    first = latentscape.compare_runs(pair)
    assert latentscape.compare_runs(pair).folder == first.folder
    other = latentscape.compare_runs([folder / "small vae", folder / "plain-0"])
    assert other.folder != first.folder
    assert other.folder.startswith(first.folder)
    latentscape.compare_runs(pair, name="taken")
    for name in ("taken", "plain-1"):
        with pytest.raises(RunError, match="is not a comparison of these runs"):
            latentscape.compare_runs([folder / "small vae", folder / "plain-0"], name=name)


def test_pages_of_a_study_and_of_its_runs_lead_to_each_other(folder):
    study = Path(latentscape.compare_runs([folder / "small vae", folder / "plain-0"]).folder)
    assert not links(study / "report.html")  # No run has a page yet.
    page = latentscape.report(study)
    pages = [folder / "small vae" / "report.html", folder / "plain-0" / "report.html"]
    assert links(page) == pages
    for run_page in pages:
        assert links(run_page) == [page]
    run_page = latentscape.report(folder / "plain-0")
    assert links(run_page) == [page]
    assert not links(latentscape.report(folder / "plain-1"))
    shutil.move(folder, folder.with_name("moved"))
    assert all(
        target.is_file() for target in links(folder.with_name("moved") / study.name / "report.html")
    )


def test_a_run_that_is_owned_does_not_keep_a_study_from_its_report(folder, bare_pages):
    study = Path(latentscape.compare_runs([folder / "vae", folder / "plain-0"]).folder)
    with owned_elsewhere(folder / "vae"):
        assert latentscape.report(study).is_file()
    assert (folder / "plain-0" / "report.html").is_file()
    assert not (folder / "vae" / "report.html").exists()


def test_a_page_is_opened_where_there_is_a_screen(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    monkeypatch.setattr(screen, "has_screen", lambda: False)
    assert not screen.open_page(tmp_path / "a b.html")
    monkeypatch.setattr(screen, "has_screen", lambda: True)
    assert screen.open_page(tmp_path / "a b.html")
    assert opened == [(tmp_path / "a b.html").as_uri()]


def test_the_commands(folder, bare_pages, monkeypatch, capsys):
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(screen, "has_screen", lambda: False)
    assert run_main(monkeypatch, "compare", "runs/vae", "runs/plain-0") == 0
    study = "runs/vae-20-vs-simple-20-digits"
    assert capsys.readouterr().out.endswith(f"\nReport: {study}/report.html\n")
    assert run_main(monkeypatch, "compare", "runs/vae", "runs/plain-0", "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "study"
    assert run_main(monkeypatch, "report", study, "--open") == 0
    printed = capsys.readouterr()
    assert printed.out == f"{study}/report.html\n"
    assert "no screen" in printed.err
    for option in (["--seeds", "2"], ["--set", "train.lr=1"], ["--jobs", "2"]):
        assert run_main(monkeypatch, "compare", "runs/vae", "runs/plain-0", *option) == 2
        assert "compared as they are" in capsys.readouterr().err
    assert run_main(monkeypatch, "compare", "quickstart", "--name", "mine") == 2
