"""Nothing is silent: every command announces what it does, and shows it on a terminal.

Times are not asserted, since those of a busy machine say nothing. What is: each command is known to
``tools.silence``, which measures them by hand, and opens the stages that stand there. While a stage
is open a thread draws it several times a second, whatever the work does.
"""

import json
import os
import shutil

import pytest
import typer
from tools.silence import CALLS, RUN, arguments_of, command_names, listen

import latentscape
from latentscape.cli import app
from latentscape.cli.command import Command


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("silence")
    changes = {
        "model.latent.dim": 2,
        "model.encoder.widths": [16],
        "train.epochs": 2,
        "train.snapshots": [1, 2],
        "data.train": 200,
        "data.test": 60,
    }
    latentscape.train("vae-20", changes=changes, folder=place, name=RUN, quiet=True)
    latentscape.project(place / RUN, methods=("pca",), quiet=True)
    shutil.copytree(place / RUN, place / "spare")  # To be removed; tests come in any order.
    (place / "out").mkdir()
    return {"runs": place, "run": place / RUN, "out": place / "out"}


def test_every_command_is_known():
    assert sorted(CALLS) == command_names()


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if call.small is not None])
def test_a_command_announces_its_stages(name, folders, heard, capsys):
    call = CALLS[name]
    root = typer.main.get_command(app)
    root.main(arguments_of(name, call.small, folders), standalone_mode=False)
    assert set(call.stages) <= set(heard.names)


@pytest.mark.parametrize("name", command_names())
def test_every_command_shows_its_progress(name):
    root = typer.main.get_command(app)
    group, words = root, name.split()
    context = root.make_context("latentscape", words, resilient_parsing=True)
    while words:
        word, command, words = group.resolve_command(context, words)
        group = command
    assert isinstance(command, Command)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_on_a_narrow_terminal_rows_leave_nothing_behind(folders, tmp_path):
    record = tmp_path / "heard.json"
    silence = listen(["report", str(folders["run"])], 40, record)
    assert silence.status == 0
    text = "".join(text for _, text in json.loads(record.read_text()))
    last = text.rstrip().splitlines()[-1]
    assert last.rpartition("\x1b[2K")[2].endswith("report.html")  # What was erased before it.


def test_in_a_pipe_a_quick_command_says_nothing_but_its_result(capsys, monkeypatch):
    monkeypatch.setattr("latentscape.terminal.progress.FIRST_LINE", 600.0)  # It is quick even here.
    typer.main.get_command(app).main(["recipes", "list"], standalone_mode=False)
    printed = capsys.readouterr()
    assert "simple-20" in printed.out
    assert printed.err == ""
