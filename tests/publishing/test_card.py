"""Model cards: what they say stands in the findings, and the code that they show runs."""

import re
from io import BytesIO
from xml.etree import ElementTree

import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

import latentscape
from latentscape.api.pages.card import make_card
from latentscape.api.pages.markdown import escaped, figures, markdown
from latentscape.cli import app
from latentscape.core import units
from latentscape.core.records import Findings
from latentscape.reporting.blocks import Aside, Cell, Gallery, Prose, Table
from latentscape.runs import read_findings

from .conftest import KINDS

# What every card says, whatever was measured.
CONSTANTS = {"0.01"}


@pytest.fixture(params=KINDS)
def findings(request, runs):
    return read_findings(runs(request.param).path)


@pytest.fixture
def card(findings):
    return make_card(findings, None, None)


def parts(card):
    """Return the metadata and the text."""
    _, front, text = card.text.split("---\n", 2)
    return yaml.safe_load(front), text


def leaves(value):
    """All numbers and texts in findings."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int | float | str):
        yield value


def decimals(text):
    return set(re.findall(r"(?<![\w.])\d[\d,]*\.\d+(?![\w.]*\.\d)", text))


def as_written(values):
    """All ways in which the numbers of findings are written for people."""
    found = set(CONSTANTS)
    for leaf in leaves(values):
        if isinstance(leaf, str):
            found |= decimals(leaf)
            continue
        texts = [units.number(leaf, digits) for digits in (2, 3, 4)]
        texts += [units.share(leaf), units.duration(leaf), f"{leaf:g}", units.percent(abs(leaf))]
        found |= {number for text in texts for number in decimals(text)}
    return found


def test_every_number_stands_in_the_findings(findings, card):
    _, text = parts(card)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert len(decimals(prose)) > 15
    assert decimals(prose) - as_written(findings.values) == set()


def test_the_metadata_are_those_of_the_findings(findings, card):
    repocard = pytest.importorskip("huggingface_hub.repocard")
    parsed = repocard.ModelCard(card.text)
    found = [leaf for leaf in leaves(findings.values) if isinstance(leaf, int | float)]
    assert parsed.data.library_name == "latentscape"
    assert "autoencoder" in parsed.data.tags
    results = {result.metric_name: result for result in parsed.data.eval_results}
    assert "MSE, per pixel" in results
    for result in results.values():
        assert any(result.metric_value == pytest.approx(leaf, rel=1e-5) for leaf in found)
        fingerprint = findings.values["data"]["fingerprint"]
        assert result.dataset_args["fingerprint"] == fingerprint
    assert yaml.safe_load(parsed.data.to_yaml()) == parts(card)[0]


def test_every_figure_is_whole_and_shown_once(card):
    shown = re.findall(r"!\[.*?[^\\]\]\(figures/([\w.-]+)\)", card.text)
    assert sorted(shown) == sorted(card.figures)
    assert shown
    for name, content in card.figures.items():
        if name.endswith(".png"):
            with Image.open(BytesIO(content)) as picture:
                picture.load()
                assert min(picture.size) > 100
        else:
            assert ElementTree.fromstring(content).tag.endswith("svg")


def test_tables_are_whole(card):
    tables = re.findall(r"(?:^\|.*\n)+", card.text, flags=re.MULTILINE)
    assert tables
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def test_nothing_is_left_open(findings, card):
    assert not re.search(r"TODO|\bNone\b|\bnan\b|[Uu]ndefined|More information|[{}]", card.text)
    assert "\n\n\n" not in card.text
    assert escaped(findings.values["labels_used"]) in card.text or "Labels**: none." in card.text


def test_the_card_says_what_was_measured_on_request_and_what_was_not(runs):
    said = {kind: make_card(read_findings(runs(kind).path), None, None) for kind in KINDS}
    assert "## Log-likelihood" in said["measured"].text
    assert "| k-NN accuracy, all labels |" in said["measured"].text
    assert "| K-means accuracy, one to one |" in said["measured"].text
    assert "## What the code is good for" not in said["vae-20"].text
    assert "Not measured: log-likelihood, quality of samples" in said["vae-20"].text
    assert "log-likelihood" not in said["conv-bn"].text
    assert "## Samples" in said["vae-20"].text
    assert "Supervised" in said["cond-vae"].text
    assert "the encoder saw corrupted images" in said["denoising"].text
    assert "## Reconstructions" not in said["vectors"].text
    assert "datasets" not in parts(said["vectors"])[0]
    assert parts(said["vae-20"])[0]["datasets"] == ["ylecun/mnist"]


def test_the_licence_and_the_repository_are_those_given(runs):
    findings = read_findings(runs("conv-bn").path)
    assert "license" not in parts(make_card(findings, None, None))[0]
    card = make_card(findings, "ada/conv", "mit")
    assert parts(card)[0]["license"] == "mit"
    assert 'snapshot_download("ada/conv")' in card.text
    assert "hf download ada/conv --local-dir conv\n" in card.text


def test_no_path_of_this_machine(runs, tmp_path):
    findings = read_findings(runs("conv-bn").path)
    home = str(tmp_path)
    environment = {**findings.values["environment"], "command": f"{home}/bin/latentscape"}
    data = {**findings.values["data"], "origin": f"{home}/scans.csv", "name": "scans"}
    recipe = {**findings.values["recipe"], "data": {"source": f"{home}/scans.csv"} | SPLIT}
    values = {**findings.values, "environment": environment, "data": data, "recipe": recipe}
    card = make_card(Findings(values, findings.arrays), None, None)
    assert home not in card.text
    assert "--data YOURS" in card.text


@pytest.mark.parametrize("known", [{}, {"python": "3.11.7", "torch": None}])
def test_versions_that_are_not_known_are_left_out(runs, known):
    findings = read_findings(runs("conv-bn").path)
    values = {**findings.values, "environment": known}
    text = make_card(Findings(values, findings.arrays), None, None).text
    assert re.findall(r"\*\*Versions\*\*.*", text) == ["**Versions**: Python 3.11.7."][: len(known)]


SPLIT = {"binarize": "none", "validation": 0.1, "seed": 0}


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


def test_the_code_of_a_pushed_card_runs(runs, tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    run = runs("vae-20")
    asked = []
    monkeypatch.setattr(
        "huggingface_hub.snapshot_download", lambda name: asked.append(name) or run.path
    )
    text = make_card(read_findings(run.path), "ada/vae", None).text
    exec(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0], {})
    assert asked == ["ada/vae"]


def test_text_is_shown_as_it_is():
    assert escaped("a|b *c* [d](e) <f> `g`\n_h") == r"a\|b \*c\* \[d\](e) \<f\> \`g\` \_h"


def test_blocks_without_pictures():
    table = Table("Seen.", [("Model", ""), ("MSE", "per pixel")], [[Cell("a|b"), Cell("1", True)]])
    assert markdown(table) == (
        "| Model | MSE, per pixel |\n| --- | ---: |\n| a\\|b | ★ 1 |\n\nSeen."
    )
    aside = Aside("note", "Beware.", ["One.", "Two."], listed=True)
    assert markdown(aside) == "> **Beware.**\n>\n> - One.\n> - Two."
    assert markdown(Prose(["One.", "Two."])) == "One.\n\nTwo."
    assert list(figures(Gallery([]))) == []
