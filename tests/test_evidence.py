"""Every number of the documents comes from a results file, which a command measures again."""

import json
import re
from functools import cache

import pytest
import torch
from tools.evidence import dying, parity
from tools.evidence.__main__ import OTHERS, STUDIES
from tools.evidence.choosing import KMEANS, KNN, chosen
from tools.evidence.dying import Origin, alive
from tools.evidence.measuring import Protocol, measure_study
from tools.evidence.pages import filled, paths, regions, without_regions
from tools.evidence.records import (
    FOLDER,
    ROOT,
    Evidence,
    Number,
    Recorded,
    ResultRow,
    load,
    save,
)
from tools.evidence.regions import WRITERS, files

import latentscape
from latentscape.api.preparing import resolve
from latentscape.config import load_study
from latentscape.core.findings import Statistic
from latentscape.evaluation.results import Evaluation
from latentscape.runs import RunFindings, open_run

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths()}
OWN_NUMBERS = {
    "docs/results.md": {
        "60,000": "MNIST's training images",
        "10,000": "MNIST's test images",
        "40": "steps of the table below",
    },
    "docs/benchmarks.md": {
        "64": "pixels of a side, in a work of the contest",
        "8": "minutes that the benchmark of a GPU takes at most",
    },
    "docs/small-data.md": {},
}
"""Pages of results, and the numbers that are written in them by hand, with what they are."""

known = cache(load)
"""Reads a file of results, once."""


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "<!-- results:" in text])
def test_a_page_says_what_its_results_files_hold(page):
    assert filled(PAGES[page], WRITERS) == PAGES[page], "run python -m tools.evidence pages"


def test_every_region_stands_in_a_page():
    standing = {name for text in PAGES.values() for name in regions(text)}
    assert standing == set(WRITERS)


@pytest.mark.parametrize("page", OWN_NUMBERS)
def test_a_page_of_results_has_no_number_that_no_file_backs(page):
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", without_regions(PAGES[page]), flags=re.S)
    numbers = set(re.findall(r"(?<![\w-])\d[\d,.]*\b", text))
    assert numbers == set(OWN_NUMBERS[page])


@pytest.mark.parametrize("name", files())
def test_another_number_in_a_file_changes_a_page(name, monkeypatch):
    evidence = load(name)
    text = FOLDER.joinpath(f"{name}.json").read_text("utf-8")
    shifted = [_shifted(row) for row in evidence.rows]
    other = evidence.model_copy(
        update={"rows": tuple(shifted), "printed": tuple(f"{x}." for x in evidence.printed)}
    )
    monkeypatch.setattr(
        "tools.evidence.regions.load", lambda each: other if each == name else known(each)
    )
    assert text
    assert any(filled(page, WRITERS) != page for page in PAGES.values())


def _shifted(row: ResultRow) -> ResultRow:
    """Return a row with every number a tenth larger."""
    numbers = {
        key: Number.of(
            tuple(1.1 * value for value in number.values),
            number.statistic.model_copy(update={"mean": 1.1 * number.statistic.mean, "n": 99}),
        )
        for key, number in row.numbers.items()
    }
    return row.model_copy(update={"numbers": numbers})


@pytest.mark.parametrize("name", files())
def test_a_results_file_is_sound_and_can_be_measured_again(name):
    evidence = load(name)
    assert name in {*STUDIES, *OTHERS}
    assert evidence.command == f"make results NAME={name}"
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    assert not re.search(r'"(?:[^"]*[ =])?/\w+/', text), "a path of a machine"
    for row in evidence.rows:
        for run in row.runs:
            assert run.environment.git
            assert "dirty" not in run.environment.git
            assert run.environment.threads
            assert run.environment.precision


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_of_results_is_understood(name):
    file = FOLDER / f"{name}.yaml"
    study = load_study(file if file.exists() else name)
    for _, recipe, settings in study.configurations():
        resolve(recipe, settings, STUDIES[name].data)


def test_a_study_is_measured_anew_without_training_again(tmp_path):
    (tmp_path / "tiny.yaml").write_text(
        "about: Tiny.\nentries: [{recipe: simple-20, set: {train.epochs: 1, data.train: 300}}]\n"
    )
    protocol = Protocol(data="digits", seeds=2, is_printed=True, is_choice=True)
    evidence = measure_study("tiny", protocol, tmp_path / "runs", tmp_path)
    runs = [open_run(tmp_path / "runs" / run.name) for run in evidence.rows[0].runs]
    errors = tuple(RunFindings(run).require(Evaluation).metrics["mse"] for run in runs)
    assert evidence.rows[0].numbers["mse"].values == errors
    assert evidence.rows[0].statistic("mse") == Statistic.of(errors)
    assert [run.seed for run in evidence.rows[0].runs] == [0, 1]
    assert not any(run.environment.command for run in evidence.rows[0].runs)
    assert any("simple-20" in line for line in evidence.printed)
    for key in (KNN, KMEANS):
        assert all(0.1 < value <= 1 for value in evidence.rows[0].numbers[key].values)
    weights = [(run.path / "model.safetensors").stat().st_mtime_ns for run in runs]
    again = measure_study("tiny", protocol, tmp_path / "runs", tmp_path)
    assert [(run.path / "model.safetensors").stat().st_mtime_ns for run in runs] == weights
    assert again.rows == evidence.rows
    save(again, tmp_path)
    assert load("tiny", tmp_path) == again


def test_numbers_that_contradict_their_values_are_refused(tmp_path):
    with pytest.raises(ValueError, match="mean"):
        Number(values=(1.0, 2.0), statistic=Statistic(mean=1.6, sd=0.5**0.5, n=2))
    number = Number(statistic=Statistic(mean=1.0))
    row = ResultRow(label="a", numbers={"mse": number})
    content = {"name": "a", "about": "", "command": "", "date": "", "rows": [row]}
    recorded = Recorded(commit="abc", circumstances="")
    with pytest.raises(ValueError, match="either measured or recorded"):
        Evidence(**content)
    save(Evidence(**content, recorded=recorded), tmp_path)
    damaged = json.loads((tmp_path / "a.json").read_text()) | {"evaluated": {}}
    (tmp_path / "a.json").write_text(json.dumps(damaged))
    with pytest.raises(ValueError, match=r"a\.json is no results file"):
        load("a", tmp_path)


def test_settings_are_chosen_by_validation_images_alone():
    def row(label, validation, test):
        values = {KNN: validation, "knn_accuracy": test}
        numbers = {key: Number(statistic=Statistic(mean=value)) for key, value in values.items()}
        return ResultRow(label=label, numbers=numbers)

    rows = (row("better on test images", 0.8, 0.99), row("better on validation images", 0.9, 0.7))
    recorded = Recorded(commit="abc", circumstances="")
    evidence = Evidence(name="a", about="", command="", date="", recorded=recorded, rows=rows)
    assert chosen(evidence, KNN).label == "better on validation images"


def test_a_region_that_nothing_writes_is_an_error():
    with pytest.raises(KeyError, match="nothing writes the region other"):
        filled("<!-- results: other --><!-- end -->", WRITERS)


def test_the_plain_network_is_that_of_the_recipe():
    plain = Origin()
    _, architecture = latentscape.describe_recipe("cnn-fc")
    assert sum(weight.numel() for weight in plain.parameters()) == architecture.parameters
    codes = plain.encoder(torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)))
    assert codes.shape == (4, architecture.latent_dim)
    assert alive(codes) == int((codes > 0).any(0).sum()) <= architecture.latent_dim


def test_dying_codes_are_counted_in_all_networks(monkeypatch):
    data = latentscape.load_data("mnist-5k")
    monkeypatch.setattr(latentscape, "load_data", lambda name: data)
    for name, value in {"STEPS": 1, "BATCH": 32, "LOOKED_AT": 20, "SEEDS": range(1)}.items():
        monkeypatch.setattr(dying, name, value)
    evidence = dying.measure_dying()
    assert [row.label for row in evidence.rows] == [row.label for row in load("dying-codes").rows]
    for row in evidence.rows:
        assert all(0 < value <= dying.CODE for value in row.numbers[dying.ALIVE].values)


def test_exports_are_measured_in_each_format_that_takes_the_recipe(monkeypatch):
    files = {name: file for name, file in parity.FILES.items() if file[0] == "torch-export"}
    monkeypatch.setattr(parity, "FILES", files)
    monkeypatch.setattr(parity, "BRIEFLY", {"data.train": 100, "train.epochs": 1})
    monkeypatch.setattr(latentscape, "recipe_names", lambda: ["fc-64"])
    (row,) = parity.measure_parity().rows
    assert set(row.numbers) == {parity.LARGEST, *files}
    assert all(row.statistic(name).mean < 1e-4 for name in files)


@pytest.mark.parametrize("content", ["| a |\n| --- |\n| 1 |", "- `results/a.json`: evaluated."])
def test_tables_and_lists_stand_on_lines_of_their_own(content):
    page = filled("<!-- results: it --><!-- end -->", {"it": lambda: content})
    assert page == f"<!-- results: it -->\n\n{content}\n\n<!-- end -->"
    assert filled(page, {"it": lambda: content}) == page
