"""Runs side by side: the same results, and nothing lost however they end.

Processes that import everything anew take seconds. So those of pools in this process are copies of
one that has done it.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import active_children

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

import latentscape
from copies import copy_processes
from latentscape.api import studies, workers
from latentscape.api.workers import choose_jobs
from latentscape.cli import app
from latentscape.config import Study, override
from latentscape.core.errors import Interrupted
from latentscape.core.runtime import count_threads
from latentscape.runs import runs_in
from latentscape.runs.owner import holder_of
from latentscape.training import hook, timing

SMALL = {"data.train": 200, "data.test": 50, "train.epochs": 2, "model.encoder.widths": [16]}
LONG = {
    "name": "few",
    "about": "Three learning rates, for as long as it takes to stop them.",
    "entries": [{"recipe": "simple-20", "set": {**SMALL, "data.train": 900, "train.epochs": 40}}],
    "set": {"train.batch_size": 32},
    "axes": {"train.lr": [0.001, 0.002, 0.003]},
}


@pytest.fixture(autouse=True)
def copies(monkeypatch):
    copy_processes(monkeypatch)


def study(**more) -> Study:
    entry = {"recipe": "simple-20", "set": SMALL}
    fixed = {"name": "few", "about": "", "as_published": True}
    return Study.model_validate({**fixed, "entries": [entry], **more})


def models_in(folder) -> dict[str, bytes]:
    return {run.name: run.model_file.read_bytes() for run in runs_in(folder)}


def test_two_at_once_give_the_bits_of_one_after_the_other(tmp_path, capfd, monkeypatch):
    """Each line of progress names its run; and a run that exists stands for two of the plan."""
    variants = {"default": {}, "same": {"train.lr": 0.001}, "narrow": {"model.latent.dim": 3}}
    plan = study(variants=variants, seeds=2)
    alone = latentscape.compare(plan, folder=tmp_path / "1", quiet=True).rows
    models = models_in(tmp_path / "1")
    assert len(models) == 6
    existing, twin = "simple-20-default-mnist-5k-0", "simple-20-same-mnist-5k-0"
    shutil.copytree(tmp_path / "1" / existing, tmp_path / "2" / existing)
    together = latentscape.compare(plan, folder=tmp_path / "2", jobs=2).rows
    expected = {name: model for name, model in models.items() if name != twin}
    assert models_in(tmp_path / "2") == expected
    metrics = [row.statistics["mse"].mean for row in together]
    assert metrics == [row.statistics["mse"].mean for row in alone]
    assert metrics[0] == metrics[1] != metrics[2]
    threads = {run.environment.threads for run in runs_in(tmp_path / "2")}
    assert threads == {max(1, count_threads() // 2)}
    with monkeypatch.context() as patch:  # Where all runs are there, no process begins.
        patch.setattr(studies, "finish_together", None)
        again = latentscape.compare(plan, folder=tmp_path / "2", jobs=2, quiet=True).rows
    assert [row.statistics["mse"].mean for row in again] == metrics
    last = [line for line in capfd.readouterr().err.splitlines() if ": epoch 2 of 2" in line]
    assert {line.partition(":")[0] for line in last} == expected.keys() - {existing}


def test_one_that_diverges_stops_neither_the_others_nor_their_tracker(
    tmp_path, digits, monkeypatch, capfd, caplog
):
    """On data in memory, which go to every process. What happens there is logged here."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    data = latentscape.Dataset("mine", digits.images[:400])
    wild = {"train.optimizer": "sgd", "train.lr": 1e30}
    plan = study(variants={"wild": wild, "tame": {}})
    with caplog.at_level("INFO", "latentscape"):
        findings = latentscape.compare(
            plan, data=data, folder=tmp_path / "runs", jobs=2, track="mlflow", quiet=True
        )
    lines = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert any(level == "INFO" and "tame-mine-0: epoch 2 of 2" in text for level, text in lines)
    assert any(level == "WARNING" and "infinite or NaN" in text for level, text in lines)
    assert [failure.label for failure in findings.failures] == ["simple-20 wild"]
    assert [row.label for row in findings.rows] == ["simple-20 tame"]
    assert len(list(tmp_path.glob("runs/*/mlflow.json"))) == 2
    assert "has stopped" not in capfd.readouterr().err


@pytest.mark.parametrize("jobs", [0, -1])
def test_less_than_one_at_once_is_refused(tmp_path, jobs):
    with pytest.raises(latentscape.ConfigError, match="from 1 on"):
        latentscape.compare(study(), folder=tmp_path, jobs=jobs, quiet=True)


def test_data_that_cannot_be_trained_on_are_refused_before_anything_starts(tmp_path):
    data = latentscape.Dataset("odd", np.full((40, 1, 8, 8), 300.0, np.float32))
    with pytest.raises(latentscape.DataError):
        latentscape.compare(study(), data=data, folder=tmp_path, jobs=2, quiet=True)
    assert not runs_in(tmp_path)


def wait_for_history(folder, while_true=lambda: True):
    """Wait until a run has completed an epoch."""
    while not list(folder.glob("runs/*/history.jsonl")) and while_true():
        time.sleep(0.01)


def wait_until_nobody_writes(folder):
    """Wait until each process has saved its run, and let it go."""
    begin = time.monotonic()
    while any(holder_of(path) for path in folder.glob("runs/*")):
        assert time.monotonic() - begin < 60
        time.sleep(0.1)


def test_stopped_or_killed_they_all_stop_and_the_same_command_goes_on(tmp_path):
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(LONG))
    lengths = [stopped(tmp_path), killed(tmp_path)]
    assert 0 < lengths[0] <= lengths[1]
    latentscape.compare(Study.model_validate(LONG), folder=tmp_path / "runs", quiet=True)
    assert all(len(run.history.epochs) == 40 for run in runs_in(tmp_path / "runs"))


def stopped(folder) -> int:
    """Press Ctrl-C once an epoch is done; return the length of the longest history."""

    def press():
        wait_for_history(folder)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    # Whoever runs the tests in the background may have them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    finger = threading.Thread(target=press)
    finger.start()
    try:
        with pytest.raises(Interrupted, match="Give the same command again"):
            latentscape.compare(
                Study.model_validate(LONG), folder=folder / "runs", jobs=2, quiet=True
            )
    finally:
        finger.join()
        signal.signal(signal.SIGINT, before)
    return longest_history(folder)


def killed(folder) -> int:
    """Kill the command once a further epoch is done; return the length of the longest history."""
    for file in folder.glob("runs/*/history.jsonl"):
        file.unlink()  # Written again as soon as its run goes on.
    command = [sys.executable, "-m", "latentscape", "compare", "few.yaml", "--jobs", "2", "-q"]
    with subprocess.Popen(command, cwd=folder) as process:
        wait_for_history(folder, lambda: process.poll() is None)
        process.kill()
    return longest_history(folder)


def longest_history(folder) -> int:
    """Return the number of epochs of the run that has most, once all have stopped."""
    wait_until_nobody_writes(folder)
    runs = runs_in(folder / "runs")
    assert len(runs) == 3
    assert not any(run.finished for run in runs)
    histories = [run.history for run in runs if (run.path / "history.jsonl").exists()]
    return max(len(history.epochs) for history in histories)


def test_a_process_that_is_killed_is_an_error_with_advice(tmp_path):
    others = set(active_children())  # Of tests before this one.

    def kill():
        wait_for_history(tmp_path)
        os.kill(next(iter(set(active_children()) - others)).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    changes = {"train.epochs": 1000}  # None ends before it is killed.
    with pytest.raises(latentscape.RunError, match="ended from outside") as error:
        latentscape.compare(
            Study.model_validate(LONG),
            changes=changes,
            folder=tmp_path / "runs",
            jobs=2,
            quiet=True,
        )
    killer.join()
    assert "fewer --jobs" in str(error.value)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_jobs_are_a_number_or_auto(text):
    result = CliRunner().invoke(app, ["compare", "quickstart", "--jobs", text])
    assert result.exit_code == 2
    assert "neither auto nor a number" in " ".join(result.output.split())


@pytest.fixture
def timed(monkeypatch):
    """Two cores, and steps that take what a test says."""

    def set_seconds(on_one, on_two):
        seconds = {1: on_one, 2: on_two}
        monkeypatch.setattr(workers, "count_threads", lambda: 2)
        monkeypatch.setattr(
            workers, "training_seconds", lambda recipe, split, threads, *_: seconds[threads]
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


def test_timing_ends_after_five_seconds_however_slow_steps_are(monkeypatch, quick, small):
    """Eighteen recipes whose steps take two seconds each: two of them are timed, by a step each."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

        perf_counter = monotonic

    clock, steps_of = Clock(), list[int]()

    class SlowStep:
        def __init__(self, *_, **__):
            steps_of.append(0)

        def __call__(self, *_):
            steps_of[-1] += 1
            clock.now += 2
            return torch.zeros(2, dtype=torch.float64)

    monkeypatch.setattr(workers, "time", clock)
    monkeypatch.setattr(timing, "time", clock)
    monkeypatch.setattr(hook, "TrainingStep", SlowStep)
    monkeypatch.setattr(workers, "count_threads", lambda: 2)
    recipes = [override(quick, {"train.lr": 0.001 * n}) for n in range(1, 19)]
    choose_jobs([(recipe, small) for recipe in recipes], torch.device("cpu"))
    assert steps_of == [1, 1, 1, 1]
    assert clock.now < workers.TIMING + 2 * 2


def test_ctrl_c_while_steps_are_timed_ends_it_at_once(monkeypatch, tmp_path):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(hook, "TrainingStep", pressed)
    monkeypatch.setattr(workers, "count_threads", lambda: 2)
    with pytest.raises(KeyboardInterrupt):
        latentscape.compare(study(seeds=2), folder=tmp_path, jobs=None, quiet=True)
    assert not list(tmp_path.iterdir())


def test_measuring_takes_steps_and_changes_nothing(quick, small):
    before = torch.get_rng_state()
    assert choose_jobs([(quick, small)] * 2, torch.device("cpu")) in (1, 2)
    assert torch.equal(torch.get_rng_state(), before)
