"""Searches: trials see validation examples alone, nothing is lost, and the best is a study."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

import latentscape
from latentscape.api.members import read_members, studies_with
from latentscape.api.preparing import prepare, resolve
from latentscape.api.tuning.storage import StoredJudge
from latentscape.config import Study, load_recipe
from latentscape.core.errors import ConfigError, DataError, Interrupted, RunError, TrainingError
from latentscape.core.runtime import count_threads
from latentscape.evaluation.results import Evaluation
from latentscape.runs import RunFindings, load_run_split, open_run, runs_in

optuna = pytest.importorskip("optuna", reason="the extra tune is not installed")

SPACE = {"train.lr": "log(1e-4, 1e-2)", "model.latent.dim": [2, 4, 20]}
SMALL = {
    "data.source": "mnist-5k",
    "data.train": 300,
    "data.test": 50,
    "train.epochs": 3,
    "train.batch_size": 50,
    "model.encoder.widths": [16],
}
HOW = {"changes": SMALL, "quiet": True}


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    return latentscape.tune(
        "vae-20", SPACE, trials=6, folder=tmp_path_factory.mktemp("runs"), **HOW
    )


@pytest.fixture(scope="module")
def search(findings):
    return findings.members.search


def points(search):
    """Return what a search has tried, but for times."""
    return [(t.number, t.state, t.params, t.value, t.curve) for t in search.trials]


def test_the_first_trial_is_the_recipe_itself_and_the_lowest_value_is_the_best(findings, search):
    first = open_run(Path(findings.folder) / "trials" / "trial-001")
    own = resolve("vae-20", SMALL, None, load_run_split(first))  # Its rate is fitted to the data.
    assert search.trials[0].params == {"train.lr": own.train.lr, "model.latent.dim": 20}
    assert search.begins_with_own
    assert [trial.number for trial in search.trials] == [1, 2, 3, 4, 5, 6]
    finished = {trial.number: trial.value for trial in search.trials if trial.state == "finished"}
    assert finished[search.best] == min(finished.values())
    assert all(1e-4 <= trial.params["train.lr"] <= 1e-2 for trial in search.trials)


def test_trials_are_compared_by_validation_examples_and_the_best_alone_is_tested(findings, search):
    folder = Path(findings.folder) / "trials"
    runs = {int(run.name[-3:]): run for run in runs_in(folder)}
    for trial in search.trials:
        run = runs[trial.number]
        losses = [epoch.validation.loss for epoch in run.history.epochs]
        assert list(trial.curve) == losses
        if trial.state == "finished":
            kept = min(losses) if run.recipe.train.patience else losses[-1]
            assert trial.value == kept
        assert (run.path / "findings").exists() == (trial.number == search.best)
    assert RunFindings(runs[search.best]).get(Evaluation) is not None


def test_only_the_best_keeps_its_weights_and_a_resume_trains_any_other(findings, search):
    for run in runs_in(Path(findings.folder) / "trials"):
        names = {path.name for path in run.path.iterdir()}
        if run.name == f"trial-{search.best:03d}":
            assert "model.safetensors" in names
        else:
            assert not names & {"model.safetensors", "checkpoint", "findings"}
            assert sum(path.stat().st_size for path in run.path.iterdir()) < 20_000
    assert 0 < search.bytes < 10_000_000


def test_trials_that_lag_behind_are_stopped(search):
    stopped = [trial for trial in search.trials if trial.state == "stopped"]
    assert stopped
    for trial in stopped:
        rung = len(trial.curve)
        by_then = [t.curve[rung - 1] for t in search.trials if len(t.curve) >= rung]
        assert rung < 3
        assert trial.curve[-1] > min(by_then)


def test_the_best_recipe_is_one_that_trains_to_the_same_run(findings, search):
    best = open_run(Path(findings.folder) / "trials" / f"trial-{search.best:03d}")
    recipe = load_recipe(Path(findings.folder) / "best.yaml")
    assert search.recipe == (Path(findings.folder) / "best.yaml").read_text()
    split = load_run_split(best)
    again = prepare(resolve(recipe, {}, None, split), split)
    assert again.fingerprint(split.dataset.fingerprint) == best.fingerprint


def test_the_result_is_a_study_like_any_other(findings, search):
    folder = Path(findings.folder)
    assert folder.name == "vae-20-tuned-mnist-5k"
    page = latentscape.report(folder).read_text(encoding="utf-8")
    for words in ("6 trials compared by the loss of validation examples", "best.yaml"):
        assert words in page
    figures = {path.stem for path in (folder / "figures").iterdir()}
    assert {"search-history", "search-coordinates", "search-train.lr"} <= figures
    [listed] = latentscape.list_runs(folder.parent)
    assert (listed.name, listed.kind, listed.state) == (folder.name, "study", "finished")
    best = folder / "trials" / f"trial-{search.best:03d}"
    assert studies_with(best) == [folder]
    assert read_members(folder) == findings.members
    [row] = findings.rows
    assert row.label == f"vae-20, trial {search.best}"


def test_given_again_it_trains_nothing_and_with_more_trials_it_goes_on(findings, search):
    folder = Path(findings.folder).parent
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("history.jsonl")}
    again = latentscape.tune("vae-20", SPACE, trials=6, folder=folder, **HOW)
    assert points(again.members.search) == points(search)
    more = latentscape.tune("vae-20", SPACE, trials=7, folder=folder, **HOW)
    assert points(more.members.search)[:6] == points(search)
    assert len(more.members.search.trials) == 7
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


KILLED = """
import latentscape
latentscape.tune(
    "vae-20", {space!r}, trials=6, changes={changes!r}, folder={folder!r}, quiet=True
)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_killed_and_given_again_it_tries_the_points_of_one_that_ran_through(search, tmp_path):
    changes = {**SMALL, "train.checkpoint_seconds": 0.01}
    code = KILLED.format(space=SPACE, changes=changes, folder=str(tmp_path))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        # In the middle of the third trial.
        third = tmp_path / "vae-20-tuned-mnist-5k" / "trials" / "trial-003" / "checkpoint"
        while not third.exists() and process.poll() is None:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "vae-20-tuned-mnist-5k" / "best.yaml").exists()
    resumed = latentscape.tune("vae-20", SPACE, trials=6, folder=tmp_path, **HOW)
    assert points(resumed.members.search) == points(search)


def test_ctrl_c_saves_the_trial_that_runs_and_the_same_call_goes_on(search, tmp_path, monkeypatch):
    tell, pressed = StoredJudge.tell, []

    def tell_and_press(judge, epoch, value):
        tell(judge, epoch, value)
        if judge.trial.number == 1 and not pressed:
            pressed.append(epoch)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(StoredJudge, "tell", tell_and_press)
    with pytest.raises(Interrupted, match="Stopped, and saved.*Give the same command again"):
        latentscape.tune("vae-20", SPACE, trials=2, folder=tmp_path, **HOW)
    assert pressed == [1]
    resumed = latentscape.tune("vae-20", SPACE, trials=2, folder=tmp_path, **HOW)
    assert points(resumed.members.search) == points(search)[:2]


def test_trials_of_different_lengths_are_not_stopped(tmp_path):
    space = {"train.epochs": [1, 3], "train.lr": "log(1e-4, 1e-2)"}
    changes = {path: value for path, value in SMALL.items() if path != "train.epochs"}
    found = latentscape.tune(
        "vae-20", space, trials=3, changes=changes, folder=tmp_path, quiet=True
    )
    assert not found.members.search.stops
    assert {trial.state for trial in found.members.search.trials} == {"finished"}


def test_two_at_once_try_as_many_and_each_point_is_chosen_when_it_is_begun(tmp_path, monkeypatch):
    """As they come out of processes, of which `tests.test_workers` has real ones."""
    ended = []

    def call_here(what, calls, jobs, threads, *, count, describe):
        assert (what, jobs, count) == ("search", 2, 3)
        waiting, begun = enumerate(calls), []
        begun += [next(waiting), next(waiting)]
        while begun:
            number, call = begun.pop(1 % len(begun))  # The later one ends first.
            pickle.loads(pickle.dumps(call)).function()
            future = Future()
            future.set_result(None)
            yield number, future
            ended.append(call.name)
            begun += [entry for entry in [next(waiting, None)] if entry]

    monkeypatch.setattr("latentscape.api.tuning.search.call_together", call_here)
    found = latentscape.tune("vae-20", SPACE, trials=3, jobs=2, folder=tmp_path, **HOW)
    trials = found.members.search.trials
    assert ended == ["trial-002", "trial-003", "trial-001"]
    assert [trial.number for trial in trials] == [1, 2, 3]
    assert found.members.search.best in [t.number for t in trials if t.state == "finished"]
    threads = {run.environment.threads for run in runs_in(Path(found.folder) / "trials")}
    assert threads == {max(1, count_threads() // 2)}


def test_a_trial_that_diverges_or_does_not_fit_stops_no_other(tmp_path):
    space = {"train.lr": [1e-3, 1e30], "train.average": [None, {"decay": 0.9, "start": 7.0}]}
    changes = {**SMALL, "train.optimizer": "sgd", "train.epochs": 2}
    found = latentscape.tune(
        "simple-20", space, trials=5, changes=changes, folder=tmp_path, quiet=True, prune=False
    )
    trials = found.members.search.trials
    assert {trial.state for trial in trials} == {"finished", "failed"}
    assert all(
        ("infinite or NaN" in t.message or "averaged from epoch 7" in t.message)
        == (t.state == "failed")
        for t in trials
    )


def test_a_search_in_which_all_trials_fail_says_why(tmp_path):
    space = {"train.average": [{"decay": 0.9, "start": 7.0}, {"decay": 0.8, "start": 7.0}]}
    with pytest.raises(TrainingError, match="No trial.*averaged from epoch 7"):
        latentscape.tune("simple-20", space, trials=2, folder=tmp_path, **HOW)


def test_a_study_file_may_have_a_space_and_progress_says_which_trial_runs(tmp_path, heard):
    study = Study(
        name="rates",
        entries=({"recipe": "vae-20", "set": {"train.epochs": 1}},),
        set={path: value for path, value in SMALL.items() if path != "train.epochs"},
        space={"train.lr": "log(1e-4, 1e-2)"},
        trials=2,
        metric="elbo",
        seeds=2,
    )
    file = tmp_path / "rates.yaml"
    file.write_text(json.dumps(study.model_dump(mode="json", exclude_defaults=True)))
    found = latentscape.tune(file, folder=tmp_path)
    first, second, *_ = heard.of("search")
    assert first == "trial 1 of 2"
    assert second.startswith("trial 2 of 2, best ")
    assert second.endswith(" nats")
    assert Path(found.folder).name == "rates-mnist-5k"
    assert found.members.search.metric == "elbo"
    assert len(found.members.search.trials) == 2
    assert found.members.seeds == (0, 1)
    assert len(found.rows[0].runs) == 2
    with pytest.raises(ConfigError, match="latentscape tune"):
        latentscape.compare(file, folder=tmp_path)


@pytest.mark.parametrize(
    ("space", "more", "error", "words"),
    [
        ({}, {}, ConfigError, "nothing to search for"),
        ({"train.lrr": "(0, 1)"}, {}, ConfigError, "no setting in train called 'lrr'"),
        ({"lr": "(0, 1)"}, {}, ConfigError, "mean train.lr"),
        (SPACE, {"changes": {"train.lr": 1.0}}, ConfigError, "searched and set"),
        (SPACE, {"changes": {**SMALL, "data.validation": 0}}, DataError, "validation examples"),
        ({"train.seed": [0, 1]}, {}, ConfigError, "luckiest"),
        (SPACE, {"jobs": 0}, ConfigError, "from 1 on"),
        (SPACE, {"storage": "mysql://me:secret@127.0.0.1:1/x"}, ConfigError, r"me:\*\*\*@"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    space, more, error, words, tmp_path
):
    with pytest.raises(error, match=words) as raised:
        latentscape.tune("vae-20", space, folder=tmp_path, **{**HOW, **more})
    assert "secret" not in str(raised.value)
    assert not runs_in(tmp_path)
    assert not list(tmp_path.glob("*/*.db"))


def test_another_search_of_the_same_name_is_refused(findings):
    folder = Path(findings.folder).parent
    with pytest.raises(RunError, match=r"another space.*--name"):
        latentscape.tune("vae-20", {"train.lr": "(0.1, 0.2)"}, folder=folder, **HOW)


def test_trials_on_a_server_whose_folder_is_gone_are_not_gone_on_with(tmp_path):
    how = {**HOW, "changes": {**SMALL, "train.epochs": 1}, "trials": 1}
    storage = f"sqlite:///{tmp_path / 'server.db'}"
    found = latentscape.tune("vae-20", SPACE, folder=tmp_path / "runs", storage=storage, **how)
    Path(found.folder).rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"best trial, 1\. .*another --name"):
        latentscape.tune("vae-20", SPACE, folder=tmp_path / "runs", storage=storage, **how)
    assert not runs_in(tmp_path / "runs")


def test_a_trial_whose_last_value_is_no_number_has_failed(tmp_path, monkeypatch):
    def value(history, recipe, metric):
        return None if recipe.model.latent.dim == 4 else history.epochs[-1].validation.loss

    monkeypatch.setattr("latentscape.api.tuning.search.value_of", value)
    space, changes = {"model.latent.dim": [4, 20]}, {**SMALL, "train.epochs": 1}
    found = latentscape.tune(
        "vae-20", space, trials=4, changes=changes, folder=tmp_path, quiet=True, prune=False
    )
    failed = [t for t in found.members.search.trials if t.params["model.latent.dim"] == 4]
    assert failed
    assert {(t.state, t.value) for t in failed} == {("failed", None)}
    assert all("loss of validation examples is no number" in t.message for t in failed)


def test_a_former_best_keeps_no_weights_of_its_further_seeds(tmp_path):
    how = {**HOW, "changes": {**SMALL, "train.epochs": 1}, "seeds": 2, "folder": tmp_path}
    space, kept = {"model.latent.dim": [2, 4, 20]}, []
    for trials in (1, 2):
        found = latentscape.tune("vae-20", space, trials=trials, **how)
        weights = Path(found.folder).glob("trials/*/model.safetensors")
        kept.append(sorted(path.parent.name for path in weights))
    assert kept == [[f"trial-00{n}", f"trial-00{n}-seed-1"] for n in (1, 2)]


def test_without_optuna_the_message_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"optuna.*pip install 'latentscape\[tune\]'"):
        latentscape.tune("vae-20", SPACE, folder=tmp_path, **HOW)
