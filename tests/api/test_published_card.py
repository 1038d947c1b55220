"""The code and the commands that model cards show run."""

import re

import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api.pages.card import make_card
from latentscape.cli import app
from latentscape.runs import RunFindings

from .conftest import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_runs(kind, runs, tmp_path, monkeypatch):
    folder = latentscape.publish(runs(kind), out=tmp_path / "hub").folder
    text = (folder / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    model = names["model"]
    assert blocks
    assert names["codes"].shape == (8, model.latent_dim)
    assert names["restored"].shape == (8, *model.input_shape)
    assert torch.isfinite(names["restored"]).all()


def test_the_commands_run(runs, tmp_path, monkeypatch):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package)
    folder = latentscape.publish(runs("cond-vae"), out=tmp_path / "hub").folder
    text = (folder / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(folder)
    commands = re.findall(r"```shell\n(.*?)```", text, flags=re.DOTALL)[0].splitlines()
    for command in commands:
        program, *arguments = command.split()
        assert program == "latentscape"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    assert (folder / "export" / "encoder.onnx").is_file()
    assert (folder / "reconstruct.png").is_file()


def test_the_code_of_a_pushed_card_runs(runs, monkeypatch):
    pytest.importorskip("huggingface_hub")
    run = runs("vae-20")
    names = []
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda name: names.append(name) or run.path
    )
    text = make_card(RunFindings(run), "ada/vae", None).text
    exec(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0], {})
    assert names == ["ada/vae"]


def test_the_card_of_a_real_run_has_what_was_measured(runs):
    text = make_card(RunFindings(runs("measured")), None, None).text
    assert "## Log-likelihood" in text
    assert "| k-NN accuracy, all labels |" in text
    assert "| K-means accuracy, one to one |" in text
    assert "Not measured: log-likelihood" in make_card(RunFindings(runs("vae-20")), None, None).text
