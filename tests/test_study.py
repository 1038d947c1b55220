import numpy as np
import pytest

import latentscape
from latentscape.config import Study
from latentscape.errors import ConfigError, RunError
from latentscape.study import compare, report

SMALL = {"data.train": 300, "data.test": 60, "train.epochs": 1, "train.batch_size": 50}
STUDY = Study(
    name="small",
    about="Two recipes, two code sizes.",
    entries=({"recipe": "simple-20"}, {"recipe": "elaborate-4", "label": "elaborate"}),
    axes={"model.latent.dim": (2, 3)},
    set=SMALL,
    rank_by="mse",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def findings(folder):
    return compare(STUDY, seeds=2, folder=folder, quiet=True)


def test_every_combination_and_seed_is_run(findings, folder):
    rows = findings.values["rows"]
    labels = {row["label"] for row in rows}
    assert labels == {
        f"{name} latent {dim}" for name in ("simple-20", "elaborate") for dim in (2, 3)
    }
    names = {name for row in rows for name in row["runs"]}
    assert len(names) == 8
    assert all((folder / name / "model.safetensors").exists() for name in names)


def test_rows_are_ranked_and_hold_mean_and_sd_over_seeds(findings, folder):
    rows = findings.values["rows"]
    means = [row["metrics"]["mse"]["mean"] for row in rows]
    assert means == sorted(means)
    for row in rows:
        runs = [latentscape.evaluate(folder / name) for name in row["runs"]]
        mse = [run.values["evaluation"]["metrics"]["mse"] for run in runs]
        assert row["metrics"]["mse"]["mean"] == pytest.approx(np.mean(mse))
        assert row["metrics"]["mse"]["sd"] == pytest.approx(np.std(mse, ddof=1))
        assert mse[0] != mse[1]


def test_seeds_share_the_split_and_so_do_recipes(findings, folder):
    data = {
        (run["fingerprint"], run["seed"], str(run["sizes"]))
        for row in findings.values["rows"]
        for run in (latentscape.open_run(folder / name).data for name in row["runs"])
    }
    assert len(data) == 1


def test_the_report_is_written(findings):
    page = report(findings.values["folder"])
    text = page.read_text(encoding="utf-8")
    assert "elaborate latent 3" in text
    assert page.stat().st_size < 10_000_000


def test_runs_that_exist_are_used_again(findings, folder):
    models = {path: path.stat().st_mtime_ns for path in folder.glob("*/model.safetensors")}
    again = compare(STUDY, seeds=2, folder=folder, quiet=True)
    assert again.values == findings.values
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/model.safetensors")} == models


def test_another_study_reuses_a_run_of_the_same_settings(findings, folder):
    other = Study(
        name="other", entries=({"recipe": "simple-20"},), set={**SMALL, "model.latent.dim": 2}
    )
    row = compare(other, folder=folder, quiet=True).values["rows"][0]
    assert row["runs"] == ["simple-20-latent-2-mnist-5k-0"]
    assert row["metrics"]["mse"]["sd"] is None


def test_other_settings_under_the_same_name_get_a_run_of_their_own(findings, folder):
    changed = STUDY.model_copy(update={"set": {**SMALL, "train.lr": 0.01}})
    again = compare(changed, folder=folder, quiet=True)
    old = {name for row in findings.values["rows"] for name in row["runs"]}
    assert not old & {name for row in again.values["rows"] for name in row["runs"]}


def test_a_killed_study_goes_on_where_it_was(findings, folder, tmp_path):
    """A run without its model is one that was killed; it goes on from its checkpoint."""
    run = latentscape.open_run(folder / findings.values["rows"][0]["runs"][0])
    model = run.model_file.read_bytes()
    run.model_file.unlink()
    (run.path / "findings.json").unlink()
    again = compare(STUDY, seeds=2, folder=folder, quiet=True)
    assert run.model_file.read_bytes() == model
    assert again.values["rows"] == findings.values["rows"]


def test_a_damaged_run_does_not_stop_a_study(findings, folder):
    broken = folder / "broken"
    broken.mkdir()
    (broken / "recipe.yaml").write_text("{")
    assert compare(STUDY, seeds=2, folder=folder, quiet=True).values == findings.values


def test_a_mistake_in_the_last_entry_shows_before_the_first_is_trained(tmp_path):
    entries = ({"recipe": "simple-20"}, {"recipe": "simple-20", "set": {"train.lrr": 1}})
    with pytest.raises(ConfigError, match="Did you mean 'lr'"):
        compare(Study(name="x", entries=entries), folder=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_what_cannot_be_reported(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        report(tmp_path)
