"""The function and the command: what they write, print and refuse."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import latentscape
from latentscape.cli import main
from latentscape.core.errors import ConfigError, RunError
from latentscape.explorer import gathering


def command(capsys, *arguments, code=0):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["latentscape", "explore", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    printed = capsys.readouterr()
    assert ended.value.code == code, printed.err
    return printed


@pytest.mark.usefixtures("without_networks")
def test_the_function_writes_a_file(run, tmp_path, heard):
    file = latentscape.explore(run, points=30, map="code", out=tmp_path / "page.html")
    assert file == tmp_path / "page.html"
    assert run.name in file.read_text("utf-8")
    parts = heard.of("page")
    assert parts[:2] == [f"codes of {run.recipe.name}", f"anomaly scores of {run.recipe.name}"]
    assert len(parts) == len(gathering._PARTS) + 3  # One map after the other.


@pytest.mark.usefixtures("without_networks")
def test_page_and_report_beside_each_other_lead_to_each_other(run, tmp_path):
    copy = shutil.copytree(run.path, tmp_path / "copy")
    report = latentscape.report(copy)
    assert 'href="explorer.html"' not in report.read_text("utf-8")
    page = latentscape.explore(copy, points=30, map="pca", out=copy / "explorer.html")
    assert 'href="explorer.html"' in report.read_text("utf-8")
    assert '"report":"report.html"' in page.read_text("utf-8")


@pytest.mark.usefixtures("without_networks")
def test_the_command_says_what_it_wrote(run, tmp_path, capsys, digits):
    file = tmp_path / "page.html"
    printed = command(capsys, run.path, "--points", 30, "--map", "pca", "--out", file)
    first, second, *notes = printed.out.splitlines()
    assert Path(first) == file
    assert second.startswith("30 points, 1 model, ")
    assert "opens in a browser from disk" in second
    assert "examples are shown, drawn at random" in " ".join(notes)
    others = tmp_path / "others.npy"
    np.save(others, digits.images[:40, 0])
    printed = command(capsys, run.path, "--data", others, "--out", file, "--json")
    facts = json.loads(printed.out)
    assert facts["points"] == 40
    assert facts["bytes"] == file.stat().st_size


def test_bad_input_writes_nothing(run, tmp_path, capsys):
    file = tmp_path / "page.html"
    for arguments, words in (
        ((run.path, "--points", 0, "--out", file), "--points is 0"),
        ((tmp_path, "--out", file), "is not a run"),
        ((run.path, "--data", tmp_path / "no.npy", "--out", file), "There is no file"),
        ((run.path, "--out", tmp_path / "page.txt"), "ends in .html"),
    ):
        assert words in command(capsys, *arguments, code=2).err
    assert not list(tmp_path.iterdir())


def test_an_unfinished_run_says_so(run, tmp_path):
    import shutil

    copied = shutil.copytree(run.path, tmp_path / "copied")
    (copied / "model.safetensors").unlink()
    with pytest.raises(RunError, match="not finished"):
        latentscape.explore(copied, out=tmp_path / "page.html")


def test_a_map_that_the_code_does_not_have(train, tmp_path):
    run = train("simple-20", changes={"model.latent.dim": 3})
    with pytest.raises(ConfigError, match="The code has 3 numbers"):
        latentscape.explore(run, map="code", out=tmp_path / "page.html")


def test_the_function_of_the_version_before_analyses_compared_codes(run):
    comparison = latentscape.compare_codes(run)
    with pytest.warns(DeprecationWarning, match="latentscape.explore is now"):
        results = latentscape.explore(comparison, parts=["neighbours"])
    assert results.keys() == {"neighbours"}
