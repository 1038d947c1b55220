import shutil

import numpy as np
import pytest

import latentscape
from latentscape.analyses.legibility.result import Legibility
from latentscape.analyses.registry import analysis
from latentscape.api.studies import compare
from latentscape.api.subjects import report
from latentscape.config import Study, load_study, study_names
from latentscape.core.errors import ConfigError, RunError, TrainingError
from latentscape.evaluation.results import Evaluation
from latentscape.runs import RunFindings

FEW = {"data.train": 300, "data.test": 60, "train.epochs": 1, "train.batch_size": 50}
SMALL = {**FEW, "model.encoder.widths": [32]}
STUDY = Study(
    name="small",
    about="Two recipes, two code sizes.",
    entries=({"recipe": "simple-20"}, {"recipe": "elaborate-4", "label": "elaborate"}),
    axes={"model.latent.dim": (2, 3)},
    set=SMALL,
    ranked=True,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def findings(folder):
    return compare(STUDY, seeds=2, folder=folder, quiet=True)


def test_every_combination_and_seed_is_run(findings, folder):
    rows = findings.rows
    labels = {row.label for row in rows}
    assert labels == {
        f"{name} latent {dim}" for name in ("simple-20", "elaborate") for dim in (2, 3)
    }
    names = {name for row in rows for name in row.runs}
    assert len(names) == 8
    assert all((folder / name / "model.safetensors").exists() for name in names)


def test_rows_are_ranked_and_hold_mean_and_sd_over_seeds(findings, folder):
    rows = findings.rows
    means = [row.validation_mse.mean for row in rows]
    assert means == sorted(means)
    runs = [latentscape.open_run(folder / name) for name in rows[0].runs]
    assert means[0] == np.mean([run.history.epochs[-1].validation.mse for run in runs])
    for row in rows:
        runs = [latentscape.evaluate(folder / name) for name in row.runs]
        mse = [run.require(Evaluation).metrics["mse"] for run in runs]
        assert row.statistics["mse"].mean == pytest.approx(np.mean(mse))
        assert row.statistics["mse"].sd == pytest.approx(np.std(mse, ddof=1))
        assert mse[0] != mse[1]


def test_seeds_share_the_split_and_so_do_recipes(findings, folder):
    data = {
        (data.fingerprint, data.seed, data.sizes)
        for row in findings.rows
        for data in (latentscape.open_run(folder / name).data for name in row.runs)
    }
    assert len(data) == 1


def test_the_report_is_written(findings):
    page = report(findings.folder)
    text = page.read_text(encoding="utf-8")
    assert "elaborate latent 3" in text
    assert page.stat().st_size < 10_000_000


def test_runs_that_exist_are_used_again(findings, folder):
    models = {path: path.stat().st_mtime_ns for path in folder.glob("*/model.safetensors")}
    again = compare(STUDY, seeds=2, folder=folder, quiet=True)
    assert again == findings
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/model.safetensors")} == models


def test_another_study_reuses_a_run_of_the_same_settings(findings, folder):
    other = Study(
        name="other", entries=({"recipe": "simple-20"},), set={**SMALL, "model.latent.dim": 2}
    )
    row = compare(other, folder=folder, quiet=True).rows[0]
    assert row.runs == ("simple-20-latent-2-mnist-5k-0",)
    assert row.statistics["mse"].sd is None


def test_other_settings_under_the_same_name_get_a_run_of_their_own(findings, folder):
    changes = {"name": "changed", "entries": STUDY.entries[:1], "set": {**SMALL, "train.lr": 0.01}}
    again = compare(STUDY.model_copy(update=changes), folder=folder, quiet=True)
    old = {name for row in findings.rows for name in row.runs}
    new = {name for row in again.rows for name in row.runs}
    assert {"simple-20-latent-2-mnist-5k-0", "simple-20-latent-3-mnist-5k-0"} < old
    assert all(name.startswith("simple-20-latent-") for name in new)
    assert len(new) == 2
    assert not old & new


def test_a_killed_study_goes_on_where_it_was(findings, folder, tmp_path):
    """A run without its model is one that was killed; it goes on from its checkpoint."""
    run = latentscape.open_run(folder / findings.rows[0].runs[0])
    model = run.model_file.read_bytes()
    run.model_file.unlink()
    shutil.rmtree(run.path / "findings")
    again = compare(STUDY, seeds=2, folder=folder, quiet=True)
    assert run.model_file.read_bytes() == model
    assert again.rows == findings.rows


def test_a_damaged_run_does_not_stop_a_study(findings, folder):
    broken = folder / "broken"
    broken.mkdir()
    (broken / "recipe.yaml").write_text("{")
    assert compare(STUDY, seeds=2, folder=folder, quiet=True) == findings


def test_what_the_study_varies_cannot_be_changed_from_outside(tmp_path):
    for path, words in (("model.latent.dim", "varies"), ("train.seed", "--seeds")):
        with pytest.raises(ConfigError, match=words):
            compare(STUDY, changes={path: 3}, folder=tmp_path, quiet=True)


def test_two_configurations_cannot_share_a_label(tmp_path):
    entries = ({"recipe": "simple-20"}, {"recipe": "simple-20", "set": {"train.lr": 0.01}})
    with pytest.raises(ConfigError, match="label of its own"):
        compare(Study(name="x", entries=entries), folder=tmp_path, quiet=True)


def test_a_study_of_more_runs_than_anybody_wants_is_refused_at_once(tmp_path, monkeypatch):
    dims = {"model.latent.dim": range(1, 1001), "train.lr": [n / 1000 for n in range(1, 1201)]}
    huge = Study(name="huge", entries=({"recipe": "simple-20"},), axes=dims)
    monkeypatch.setattr(Study, "configurations", None)  # The list would be made by it.
    with pytest.raises(ConfigError, match=r"1,200,000 combinations.*1,000 at most.*--max-runs 2"):
        compare(huge, seeds=2, folder=tmp_path)
    with pytest.raises(ConfigError, match="7 at most"):
        compare(STUDY, seeds=2, max_runs=7, folder=tmp_path)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", study_names())
def test_a_study_counts_its_combinations(name):
    study = load_study(name)
    assert study.combinations == len(study.configurations())


def test_an_axis_has_values():
    with pytest.raises(ValueError, match=r"axes.*\n.*at least 1"):
        Study(name="empty", entries=({"recipe": "simple-20"},), axes={"train.lr": ()})


def test_a_run_that_diverges_for_good_does_not_stop_the_others(tmp_path):
    absurd = {"train.optimizer": "sgd", "train.lr": 1e12, "model.likelihood": "gaussian"}
    entries = (
        {"recipe": "simple-20", "label": "absurd", "set": absurd},
        {"recipe": "simple-20"},
    )
    found = compare(Study(name="x", entries=entries, set=SMALL), folder=tmp_path, quiet=True)
    assert [row.label for row in found.rows] == ["simple-20"]
    (failure,) = found.failures
    assert failure.label == "absurd"
    assert "infinite or NaN" in failure.message
    page = (tmp_path / "x-mnist-5k" / "report.html").read_text(encoding="utf-8")
    assert "absurd, seed 0, is missing" in page
    only = Study(name="y", entries=entries[:1], set=SMALL)
    with pytest.raises(TrainingError, match="No run"):
        compare(only, folder=tmp_path, quiet=True)


def test_runs_that_hold_nothing_out_are_reported_and_ranked_last(tmp_path):
    entries = (
        {"recipe": "elaborate-4", "set": {"data.validation": 0}},
        {"recipe": "simple-20"},
    )
    study = Study(name="x", entries=entries, set={**SMALL, "train.epochs": 2}, ranked=True)
    rows = compare(study, folder=tmp_path, quiet=True).rows
    assert [row.label for row in rows] == ["simple-20", "elaborate-4"]
    assert rows[1].validation_mse is None
    page = (tmp_path / "x-mnist-5k" / "report.html").read_text(encoding="utf-8")
    assert "held nothing out" in page


def test_a_renamed_run_is_still_found(findings, folder):
    run = folder / findings.rows[-1].runs[0]
    run.rename(run.with_name("renamed"))
    again = compare(STUDY, seeds=2, folder=folder, quiet=True)
    assert "renamed" in again.rows[-1].runs
    run.with_name("renamed").rename(run)


def test_a_mistake_in_the_last_entry_shows_before_the_first_is_trained(tmp_path):
    entries = ({"recipe": "simple-20"}, {"recipe": "elaborate-4", "set": {"train.lrr": 1}})
    with pytest.raises(ConfigError, match="Did you mean 'lr'"):
        compare(Study(name="x", entries=entries), folder=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_what_cannot_be_reported(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        report(tmp_path)


ANALYSED = STUDY.model_copy(
    update={"name": "analysed", "ranked": False, "analysis": ("legibility",), "axes": {}}
)


def test_a_study_analyses_its_runs_once(tmp_path, heard):
    first = compare(ANALYSED, seeds=2, folder=tmp_path)
    assert len(heard.of("analysis")) == 4
    again = compare(ANALYSED, seeds=2, folder=tmp_path)
    assert len(heard.of("analysis")) == 4
    assert again == first
    for row in first.rows:
        runs = [latentscape.open_run(tmp_path / name) for name in row.runs]
        results = [latentscape.evaluate(run).require(Legibility) for run in runs]
        shares = [result.reading.readable for result in results]
        assert row.statistics["readable"].mean == pytest.approx(np.mean(shares))
    names = [code.name for code in first.baselines]
    assert names == ["raw pixels", "PCA, 4", "PCA, 20", "chance", "largest class"]


def test_a_study_can_be_analysed_later_and_only_as_a_whole_is_it_averaged(tmp_path):
    plain = ANALYSED.model_copy(update={"name": "plain", "analysis": ()})
    place = compare(plain, seeds=2, folder=tmp_path, quiet=True).folder
    found = latentscape.analyze(place, parts=["legibility"])
    assert all(row.statistics["readable"].n == 2 for row in found.rows)
    run = latentscape.open_run(tmp_path / found.rows[0].runs[0])
    latentscape.cluster(run, methods=["kmeans"], k=3)
    other = latentscape.open_run(tmp_path / found.rows[0].runs[1])
    latentscape.cluster(other, methods=["kmeans"])
    again = latentscape.analyze(place, parts=["legibility"])
    assert "kmeans_accuracy" not in again.rows[0].statistics


def test_reported_numbers_of_a_study_are_means_over_seeds(tmp_path):
    recipe = latentscape.load_recipe("conv-bn").model_dump(exclude_none=True, mode="json")
    import yaml

    file = tmp_path / "reported.yaml"
    file.write_text(yaml.safe_dump({**recipe, "reported_on": "mnist-5k", "name": "reported"}))
    entry = {"recipe": str(file), "set": {"model.encoder.channels": [4, 8], "model.latent.dim": 2}}
    entries = Study(name="n", entries=(entry,)).entries
    study = ANALYSED.model_copy(update={"entries": entries, "set": FEW})
    row = compare(study, seeds=2, folder=tmp_path, quiet=True).rows[0]
    obtained = {claim.metric: claim.obtained for claim in row.claims}
    assert obtained["readable_of_16"] == row.statistics["readable_of_16"].mean
    assert obtained["kmeans_accuracy"] is None


def test_a_part_that_does_not_exist_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(ConfigError, match="clustering"):
        latentscape.analyze(tmp_path, parts=["clusters"])


def test_of_two_runs_alike_the_finished_one_is_used(tmp_path):
    study = ANALYSED.model_copy(update={"analysis": ()})
    row = compare(study, seeds=1, folder=tmp_path, quiet=True).rows[0]
    begun = tmp_path / f"{row.runs[0]}-z"
    begun.mkdir()
    for name in ("recipe.yaml", "data.json", "environment.json"):
        (begun / name).write_bytes((tmp_path / row.runs[0] / name).read_bytes())
    again = compare(study, seeds=1, folder=tmp_path, quiet=True).rows[0]
    assert again.runs == row.runs
    assert not (begun / "model.safetensors").exists()


def test_an_analysis_that_fits_no_model_is_refused_before_training(tmp_path):
    study = STUDY.model_copy(update={"analysis": ("likelihood",)})
    with pytest.raises(ConfigError, match="none of its models can have it"):
        compare(study, folder=tmp_path, quiet=True)
    assert not any(tmp_path.iterdir())


def test_an_analysis_is_made_of_the_models_that_it_fits(tmp_path):
    entries = ({"recipe": "simple-20"}, {"recipe": "vae-20", "set": {"train.precision": "float32"}})
    study = Study(name="mixed", about="", entries=entries, set=SMALL, analysis=("anomalies",))
    item = analysis("anomalies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(item), "applies_to", lambda self, recipe: recipe.name == "vae-20")
        findings = compare(study, folder=tmp_path, quiet=True)
    runs = {row.recipe: latentscape.open_run(tmp_path / row.runs[0]) for row in findings.rows}
    measured = {name: RunFindings(run).get(item.result) is not None for name, run in runs.items()}
    assert measured == {"simple-20": False, "vae-20": True}
