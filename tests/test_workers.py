"""Runs side by side: the same results, and nothing lost however they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import latentscape
from latentscape.api import workers
from latentscape.api.workers import choose_jobs
from latentscape.config import Study
from latentscape.core.runtime import count_threads
from latentscape.runs import list_runs

SMALL = {"data.train": 300, "data.test": 50, "train.epochs": 2, "model.encoder.widths": [16]}
STUDY = """
about: Three learning rates.
entries: [{recipe: simple-20, set: {data.train: 300, data.test: 50, train.epochs: EPOCHS}}]
axes: {train.lr: [0.001, 0.002, 0.003]}
"""


def study(**more) -> Study:
    entry = {"recipe": "simple-20", "set": SMALL}
    return Study.model_validate({"name": "few", "about": "", "entries": [entry], **more})


def models_in(folder) -> dict[str, bytes]:
    return {run.name: run.model_file.read_bytes() for run in list_runs(folder)}


def test_two_at_once_give_the_bits_of_one_after_the_other(tmp_path):
    plan = study(axes={"model.latent.dim": [2, 3]}, seeds=2)
    found = [
        latentscape.compare(plan, folder=tmp_path / str(jobs), jobs=jobs, quiet=True)
        for jobs in (1, 2)
    ]
    alone, together = (models_in(tmp_path / str(jobs)) for jobs in (1, 2))
    assert len(alone) == 4
    assert alone == together
    one, other = (values.values["rows"] for values in found)
    assert [row["metrics"]["mse"] for row in one] == [row["metrics"]["mse"] for row in other]
    threads = {run.environment["threads"] for run in list_runs(tmp_path / "2")}
    assert threads == {max(1, count_threads() // 2)}


def test_one_that_diverges_does_not_stop_the_others(tmp_path):
    plan = study(variants={"wild": {"train.optimizer": "sgd", "train.lr": 1e30}, "tame": {}})
    found = latentscape.compare(plan, folder=tmp_path, jobs=2, quiet=True)
    assert [failure["label"] for failure in found.values["failures"]] == ["simple-20 wild"]
    assert [row["label"] for row in found.values["rows"]] == ["simple-20 tame"]


def test_data_in_memory_go_along(tmp_path, digits):
    data = latentscape.Dataset("mine", digits.images[:400])
    plan = study(axes={"model.latent.dim": [2, 3]})
    found = latentscape.compare(plan, data=data, folder=tmp_path, jobs=2, quiet=True)
    assert len(found.values["rows"]) == 2


def test_what_a_plan_names_twice_is_trained_once(tmp_path):
    plan = study(variants={"default": {}, "same": {"train.lr": 0.001}})
    for _ in range(2):  # The second time one run stands for both.
        found = latentscape.compare(plan, folder=tmp_path, jobs=2, quiet=True)
        assert len(found.values["rows"]) == 2


@pytest.mark.parametrize("jobs", [0, -1])
def test_less_than_one_at_once_is_refused(tmp_path, jobs):
    with pytest.raises(latentscape.ConfigError, match="from 1 on"):
        latentscape.compare(study(), folder=tmp_path, jobs=jobs, quiet=True)


def test_data_that_cannot_be_trained_on_are_refused_before_anything_starts(tmp_path):
    data = latentscape.Dataset("odd", np.full((40, 1, 8, 8), 300.0, np.float32))
    with pytest.raises(latentscape.DataError):
        latentscape.compare(study(), data=data, folder=tmp_path, jobs=2, quiet=True)
    assert not list_runs(tmp_path)


def start(folder, *arguments):
    (folder / "few.yaml").write_text(STUDY.replace("EPOCHS", "300"))
    command = [sys.executable, "-m", "latentscape", "compare", "few.yaml", "--jobs", "2"]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not list(folder.glob("runs/*/history.jsonl")) and process.poll() is None:
        time.sleep(0.02)
    return process


def wait_until_quiet(folder):
    """Wait until no process writes there any more."""
    seen, before = None, time.monotonic()
    while time.monotonic() - before < 60:
        now = sorted((file, file.stat().st_mtime_ns) for file in folder.rglob("*.jsonl"))
        if now == seen:
            return
        seen = now
        time.sleep(1)
    raise AssertionError("something still writes")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_or_killed_they_all_stop_and_the_same_command_goes_on(tmp_path, how):
    process = start(tmp_path, "--quiet")
    os.kill(process.pid, how)
    output = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "Give the same command again" in output[1]
    wait_until_quiet(tmp_path)
    runs = list_runs(tmp_path / "runs")
    assert len(runs) == 3
    assert not any(run.finished for run in runs)
    done = [len(run.history) for run in runs if (run.path / "history.jsonl").exists()]
    assert max(done) > 0
    again = start(tmp_path, "--quiet")
    _, error = again.communicate(timeout=300)
    assert again.returncode == 0, error
    assert all(len(run.history) == 300 for run in list_runs(tmp_path / "runs"))


@pytest.mark.skipif(not Path("/proc").exists(), reason="children are looked up in /proc")
def test_a_process_that_is_killed_is_an_error_with_advice(tmp_path):
    process = start(tmp_path, "--quiet")
    files = Path(f"/proc/{process.pid}/task").glob("*/children")
    children = [int(child) for file in files for child in file.read_text().split()]
    os.kill(max(children), signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "fewer --jobs" in error


def test_progress_names_the_run_of_each_line(tmp_path):
    (tmp_path / "few.yaml").write_text(STUDY.replace("EPOCHS", "2"))
    command = [sys.executable, "-m", "latentscape", "compare", "few.yaml", "--jobs", "3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if "epoch" in line and "loss" in line]
    assert len(lines) == 6
    assert len({line.partition(":")[0] for line in lines}) == 3


def test_trackers_follow_runs_side_by_side(tmp_path):
    (tmp_path / "few.yaml").write_text(STUDY.replace("EPOCHS", "2"))
    command = [sys.executable, "-m", "latentscape", "compare", "few.yaml", "--jobs", "2", "-q"]
    store = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    done = subprocess.run(
        [*command, "--track", "mlflow"], cwd=tmp_path, env=store, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "has stopped" not in done.stderr
    assert len(list(tmp_path.glob("runs/*/mlflow.json"))) == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_jobs_are_a_number_or_auto(tmp_path, text):
    command = [sys.executable, "-m", "latentscape", "compare", "quickstart", "--jobs", text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "neither auto nor a number" in " ".join(done.stderr.split())


@pytest.fixture
def timed(monkeypatch):
    """Two cores, and steps that take what a test says."""

    def set_seconds(on_one, on_two):
        seconds = {1: on_one, 2: on_two}
        monkeypatch.setattr(workers, "count_threads", lambda: 2)
        monkeypatch.setattr(
            workers, "training_seconds", lambda recipe, split, threads: seconds[threads]
        )

    return set_seconds


def test_side_by_side_where_a_second_core_gains_little(timed, quick, small):
    work, cpu = [(quick, small)] * 4, torch.device("cpu")
    timed(on_one=10, on_two=9)
    assert choose_jobs(work, cpu) == 2
    timed(on_one=10, on_two=5.5)
    assert choose_jobs(work, cpu) == 1
    timed(on_one=10, on_two=9)
    assert choose_jobs(work[:1], cpu) == 1
    assert choose_jobs(work, torch.device("cuda")) == 1


def test_no_more_at_once_than_there_is_memory_for(timed, monkeypatch, quick, small):
    timed(on_one=10, on_two=9)
    for gigabytes, jobs in ((100, 2), (1.5, 1), (0.1, 1)):
        monkeypatch.setattr(workers, "available_memory", lambda free=gigabytes: free * 1e9)
        assert choose_jobs([(quick, small)] * 4, torch.device("cpu")) == jobs


def test_measuring_takes_steps_and_changes_nothing(quick, small):
    before = torch.get_rng_state()
    assert choose_jobs([(quick, small)] * 2, torch.device("cpu")) in (1, 2)
    assert torch.equal(torch.get_rng_state(), before)
