"""What earlier versions wrote goes on being read, and goes on giving the same answers."""

import runpy
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch

import latentscape
from latentscape.evaluation.results import Evaluation
from latentscape.runs import RunFindings, load_model, open_run
from latentscape.runs.store import part_names

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "tests/fixtures/models").glob("*/*.safetensors"))
RUNS = sorted((ROOT / "tests/fixtures/models").glob("*/run"))
MAKER = runpy.run_path(str(ROOT / "tools/make_fixtures.py"))


def name_of(path):
    return f"{path.parent.name}/{path.stem}"


@pytest.fixture
def middles(digits):
    return MAKER["middles"](latentscape.load_data("digits"))


@pytest.fixture(params=RUNS, ids=name_of)
def run(request, tmp_path):
    """A copy of a run that an earlier version made."""
    return open_run(shutil.copytree(request.param, tmp_path / "run"))


@pytest.mark.parametrize("file", MODELS, ids=name_of)
def test_models_of_earlier_versions_give_the_same_answers(file):
    expected = np.load(file.with_suffix(".npz"))
    model = load_model(file)
    labels = torch.from_numpy(expected["labels"])
    with torch.no_grad():
        codes = model.encode(torch.from_numpy(expected["images"]), labels)
        means = model.decode(codes, labels)
    assert np.allclose(codes, expected["codes"], atol=1e-4)
    assert np.allclose(means, expected["reconstructions"], atol=1e-4)


def test_every_kind_of_model_is_among_them():
    kinds = {file.stem for file in MODELS if file.parent.name == "0.1.0"}
    assert kinds == MAKER["MODELS"].keys()


def test_runs_of_earlier_versions_are_read_and_reported(run):
    assert run.finished
    assert run.recipe.name == "vae-20"
    assert [epoch.epoch for epoch in run.history.epochs] == [1, 2]
    assert run.environment.command
    assert RunFindings(run).parts == ("architecture", "evaluation", "latent", "pictures")
    assert "middles" in latentscape.report(run.path).read_text(encoding="utf-8")


def test_runs_of_earlier_versions_are_evaluated_alike(run, middles):
    before = RunFindings(run).require(Evaluation)
    after = latentscape.evaluate(run, data=middles).require(Evaluation)
    assert after.n == before.n
    for now, then in ((after.metrics, before.metrics), (after.pca.metrics, before.pca.metrics)):
        assert then.keys() >= {"mse", "bce", "nats", "psnr"}
        # Later versions may measure more.
        assert {key: now[key] for key in then} == pytest.approx(then, rel=1e-3)
    assert np.allclose(after.test_codes.codes, before.test_codes.codes, atol=1e-4)
    assert np.array_equal(after.test_codes.labels, before.test_codes.labels)


def test_what_is_measured_anew_takes_the_other_findings_along(run, middles):
    before = RunFindings(run).parts
    latentscape.evaluate(run, data=middles)
    assert part_names(run.path) == tuple(sorted({*before, "duplicates", "diagnoses"}))
    assert not list(run.path.glob("findings.*"))


def test_runs_of_earlier_versions_are_resumed(run, middles):
    expected = load_model(run.path).state_dict()
    for name in ("model.safetensors", "findings.json", "findings.npz"):
        (run.path / name).unlink(missing_ok=True)
    shutil.rmtree(run.path / "findings", ignore_errors=True)
    for file in run.checkpoints.glob("000002-*"):  # So that the second epoch is trained again.
        file.unlink()
    resumed = load_model(latentscape.resume(run, data=middles, quiet=True).path).state_dict()
    assert all(torch.allclose(resumed[name], expected[name], atol=1e-3) for name in expected)
    assert RunFindings(run).require(Evaluation).n == run.data.sizes.test


def test_what_a_version_has_written_is_never_written_anew(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests/fixtures/models" / version("latentscape")).mkdir(parents=True)
    assert MAKER["main"]() == 1
    assert "is there already" in capsys.readouterr().out
