"""PyTorch's launcher: one command in several processes."""

import os
import pickle
import signal
from importlib.metadata import version

import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api import clusters
from latentscape.cli import app
from latentscape.core.errors import ConfigError, RunError, TrainingError
from latentscape.parallel.launching import _explained, launch
from latentscape.training.workers import joined

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture
def launcher(monkeypatch):
    """Give back what the launcher takes for its process: signals, and variables."""
    for name in ("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = {number: signal.getsignal(number) for number in HANDLED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


# PyTorch leaves the files open that it writes what others say to.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_only_the_first_of_several_processes_is_seen(launcher, capfd):
    assert launch(["--version"], 2) == 0
    assert capfd.readouterr().out.split() == [version("latentscape")]


def test_what_another_process_has_said_is_shown_where_it_alone_has_failed(tmp_path, capsys):
    place = tmp_path / "run" / "attempt_0" / "1"
    place.mkdir(parents=True)
    (place / "stderr.log").write_text("Error: It is full.\n")
    assert _explained({1: 2, 0: -signal.SIGTERM}, 2, tmp_path) == 2
    assert capsys.readouterr().err == "Error: It is full.\n"


def test_a_process_that_was_killed_is_named(tmp_path):
    with pytest.raises(TrainingError, match="Worker 1 of 2 was ended by SIGKILL"):
        _explained({1: -signal.SIGKILL, 0: 2}, 2, tmp_path)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two'"),
        ({"WORLD_SIZE": "2"}, "RANK is not set"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "MASTER_PORT is not set"),
    ],
)
def test_variables_that_are_no_launchers_are_refused(variables, said, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said), joined(torch.device("cpu")):
        pass


def test_workers_are_not_launched_by_one_of_other_workers(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    ended = CliRunner().invoke(app, ["train", "simple-20", "--workers", "4"])
    assert isinstance(ended.exception, ConfigError)
    assert "in one of 2 processes that were launched already" in str(ended.exception)


@pytest.mark.parametrize("on", ["local", "ray"])
@pytest.mark.parametrize(("shards", "said"), [(1, "share 1 shard "), (4, "share 4 shards")])
def test_workers_that_cannot_share_a_batch_are_refused_before_data_are_read(shards, said, on):
    changes = {"train.shards": shards}
    with pytest.raises(ConfigError, match=said):
        latentscape.train("vae-20", data="nowhere.npy", changes=changes, workers=8, on=on)
    command = ["train", "vae-20", "--data", "nowhere.npy", "--workers", "8", "--on", on]
    ended = CliRunner().invoke(app, [*command, "--set", f"train.shards={shards}"])
    assert said in str(ended.exception)


def test_a_library_call_trains_on_processes_that_it_starts(tmp_path, monkeypatch):
    """One process stands for all here; `call_in_processes` starts commands in other tests."""
    started = []

    def call(function, arguments, workers):
        started.append(workers)
        monkeypatch.setenv("RANK", "0")
        return 0, pickle.loads(pickle.dumps(function))(*pickle.loads(pickle.dumps(arguments)))

    monkeypatch.setattr(clusters, "call_in_processes", call)
    changes = {"train.shards": 2, "train.batch_size": 20, "data.train": 60, "data.test": 20}
    how = {"data": "digits", "workers": 2, "folder": tmp_path, "quiet": True}
    run = latentscape.train("simple-20", changes=changes, epochs=1, **how)
    assert len(run.history.epochs) == 1
    again = latentscape.resume(run, epochs=2, workers=2, quiet=True)
    assert len(again.history.epochs) == 2
    with pytest.raises(RunError, match="exists already"):
        latentscape.train("simple-20", changes=changes, **how)
    assert started == [2, 2, 2]


def test_what_another_process_alone_fails_with_ends_the_others(monkeypatch, capsys):
    def fail():
        raise TrainingError("It is full")

    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit, match="2"):
        clusters._work_here(fail)
    assert capsys.readouterr().err == "Error: It is full.\n"
    monkeypatch.setenv("RANK", "0")
    path, error = clusters._work_here(fail)
    assert (path, str(error)) == ("", "It is full.")


def test_without_a_launcher_a_process_is_alone():
    assert "WORLD_SIZE" not in os.environ
    with joined(torch.device("cpu")) as workers:
        assert (workers.rank, workers.count) == (0, 1)
