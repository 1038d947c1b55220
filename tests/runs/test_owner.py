"""A run directory has one owner, and whoever lost it stops.

The lock is that of an open file, so that a thread stands for another process in most of the tests;
real processes are needed to see that a lock ends with its process.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import latentscape
from disturbing import At
from latentscape.api.preparing import prepare
from latentscape.cli import main
from latentscape.config import Study, load_recipe, override
from latentscape.core.errors import RunError
from latentscape.core.files import cannot_write
from latentscape.evaluation.results import Evaluation
from latentscape.runs import (
    DataFacts,
    Environment,
    OpenRun,
    Run,
    RunFindings,
    create_run,
    open_run,
    owning,
    runs_in,
    save_parts,
)
from latentscape.runs import owner as owner_module
from latentscape.training.train import train_run
from synthetic import make_run

QUICK = {"data.train": 120, "data.test": 40, "train.epochs": 2, "model.encoder.widths": [16]}
CPU = torch.device("cpu")
OWNED = r"is being trained by process \d+ since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\. Wait until"


@contextmanager
def owned_elsewhere(path, work="trained"):
    """Let another thread own a directory."""
    begun, end = threading.Event(), threading.Event()

    def own():
        with owning(path, work):
            begun.set()
            end.wait(60)

    thread = threading.Thread(target=own)
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        end.set()
        thread.join()


def own(path, work="written"):
    """Own a directory for a moment."""
    with owning(path, work):
        pass


def content_of(folder):
    """Return the bytes of every file but the lock."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".lock"]
    return {file: file.read_bytes() for file in files}


def train(folder, **options) -> Run:
    changes = {**QUICK, **options.pop("changes", {})}
    return latentscape.train(
        "simple-20", data="digits", changes=changes, folder=folder, quiet=True, **options
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    return train(tmp_path_factory.mktemp("runs"), name="run")


@pytest.fixture
def run(finished, tmp_path) -> Run:
    """A finished run that a test may do anything to."""
    shutil.copytree(finished.path, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture
def begun(tmp_path, small) -> Run:
    """A run that has not been trained."""
    recipe = prepare(override(load_recipe("simple-20"), QUICK), small)
    return create_run(tmp_path / "begun", recipe, DataFacts.of(small), Environment())


def test_the_lock_says_who_holds_it_and_goes_with_its_owner(tmp_path):
    with owned_elsewhere(tmp_path):
        assert f'"process": {os.getpid()}' in (tmp_path / ".lock").read_text()
        with pytest.raises(RunError, match=OWNED):
            own(tmp_path)
    assert not list(tmp_path.iterdir())
    with owning(tmp_path, "trained"), owning(tmp_path, "written"):  # Of the same thread.
        pass
    assert not list(tmp_path.iterdir())


def test_a_lock_goes_with_an_error_too(tmp_path):
    with pytest.raises(ValueError, match="wrong"), owning(tmp_path, "trained"):
        raise ValueError("something is wrong")
    with owned_elsewhere(tmp_path):
        pass


def test_of_another_machine_the_message_names_it(tmp_path, monkeypatch):
    with owned_elsewhere(tmp_path, "compared"):
        monkeypatch.setattr(owner_module.platform, "node", lambda: "elsewhere")
        with pytest.raises(RunError, match=r"is being compared by process \d+ on .+ since"):
            own(tmp_path)


def test_what_is_only_written_is_waited_for(tmp_path, monkeypatch):
    with owned_elsewhere(tmp_path, "written"):
        monkeypatch.setattr(owner_module, "PATIENCE", 0.05)
        with pytest.raises(RunError, match="is being written by process"):
            own(tmp_path)
    monkeypatch.undo()
    values = []

    def write(number):
        with owning(tmp_path, "written"):
            values.append(number)
            time.sleep(0.01)
            values.append(number)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(5)))
    assert len(values) == 10
    assert values[::2] == values[1::2]  # Nobody wrote in between.


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": "many"}', "\0" * 99])
def test_what_a_dead_process_left_is_taken_over(tmp_path, content):
    (tmp_path / ".lock").write_text(content)
    own(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_of_the_file_system_a_living_process_counts(tmp_path, monkeypatch, code):
    def no_locks(file, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(owner_module.fcntl, "flock", no_locks)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with owning(tmp_path, "trained"):
        left = (tmp_path / ".lock").read_text()
    left = left.replace(f'"process": {os.getpid()}', f'"process": {process.pid}')
    (tmp_path / ".lock").write_text(left)
    with pytest.raises(RunError, match=f"is being trained by process {process.pid}"):
        own(tmp_path)
    process.communicate(b"\n")
    own(tmp_path)


def test_a_directory_that_is_gone_is_not_made(tmp_path):
    for path in (tmp_path / "gone", tmp_path / "deeper" / "gone"):
        with pytest.raises(RunError, match="was moved or removed"):
            own(path)
    assert not list(tmp_path.iterdir())


def test_a_lock_moves_with_its_directory(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    with owning(before, "trained"):
        before.rename(after)
        with pytest.raises(RunError, match="was moved or removed"):
            own(before)
        before.mkdir()  # Another directory of that name is not owned.
        with pytest.raises(RunError, match="was moved or removed"):
            own(before)
        with ThreadPoolExecutor() as pool, pytest.raises(RunError, match="is being trained"):
            pool.submit(own, after).result()


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_file_that_fails_because_its_directory_has_just_moved(tmp_path, is_wrapped):
    before = tmp_path / "before"
    before.mkdir()

    def fail():
        before.rename(tmp_path / "after")
        try:
            (before / "file").unlink()
        except OSError as error:
            raise cannot_write(before, error) if is_wrapped else error from error

    with pytest.raises(RunError, match="before was moved or removed"):
        with owning(before, "trained"):
            fail()
    (tmp_path / "after").rename(before)
    with owning(before, "trained"):
        with pytest.raises(RunError, match="before was moved or removed"):
            with owning(before, "written"):
                fail()
    (tmp_path / "after").rename(before)
    with pytest.raises(FileNotFoundError), owning(before, "trained"):
        (before / "file").unlink()


def test_a_run_in_training_is_neither_overwritten_nor_resumed(run):
    recipe, before = run.recipe, content_of(run.path)
    with owned_elsewhere(run.path):
        with pytest.raises(RunError, match=OWNED):
            train(run.path.parent, name="run", overwrite=True, changes={"model.latent.dim": 3})
        run.model_file.rename(run.path.parent / "model")
        with pytest.raises(RunError, match=OWNED):
            latentscape.resume(run, quiet=True)
        (run.path.parent / "model").rename(run.model_file)
        with pytest.raises(RunError, match=OWNED):
            latentscape.evaluate(run)
        for write in (latentscape.report, latentscape.reconstruct, latentscape.publish):
            with pytest.raises(RunError, match=OWNED):
                write(run)
        assert content_of(run.path) == before
        latentscape.reconstruct(run, out=run.path.parent / "elsewhere.png")  # Of nobody.
    assert open_run(run.path).recipe == recipe
    train(run.path.parent, name="run", overwrite=True, changes={"model.latent.dim": 3})
    assert open_run(run.path).recipe.model.latent.dim == 3


def test_the_command_line_says_so_and_exits_with_two(run, monkeypatch, capsys):
    command = ["train", "simple-20", "--data", "digits", "--name", "run", "--overwrite", "-q"]
    monkeypatch.setattr(sys, "argv", ["latentscape", *command, "--runs", str(run.path.parent)])
    with owned_elsewhere(run.path), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"Error: {run.path} is being trained by process {os.getpid()}")
    assert "Traceback" not in output.err
    assert not output.out


def test_an_estimator_does_not_replace_a_run_in_training(tmp_path):
    images = np.random.default_rng(0).random((20, 6))
    estimator = latentscape.Autoencoder("simple-20", max_epochs=1, folder=tmp_path)
    run = open_run(estimator.fit(images).run_.path)
    before = content_of(tmp_path)
    with owned_elsewhere(run.path), pytest.raises(RunError, match=OWNED):
        estimator.fit(images)
    assert content_of(tmp_path) == before
    assert estimator.fit(images).run_.identity != run.identity
    assert [path.name for path in tmp_path.iterdir()] == [run.name]


def fit(run, split, event):
    """Train a run to which something happens in the second epoch."""
    train_run(run, split, CPU, [At([3], lambda _: event())])


def test_training_stops_where_its_run_was_moved(begun, small, tmp_path):
    home = tmp_path / "elsewhere"
    with pytest.raises(RunError, match="begun was moved or removed"):
        fit(begun, small, lambda: begun.path.rename(home))
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]
    moved = open_run(home)
    assert not moved.finished
    train_run(moved, small, CPU)
    assert moved.finished


def test_training_stops_where_its_run_was_removed(begun, small, tmp_path):
    with pytest.raises(RunError, match="begun was moved or removed"):
        fit(begun, small, lambda: shutil.rmtree(begun.path))
    assert not list(tmp_path.iterdir())


def test_training_stops_where_its_run_was_replaced(begun, small, tmp_path):
    other = prepare(override(load_recipe("simple-20"), {**QUICK, "model.latent.dim": 3}), small)

    def replace():
        shutil.rmtree(begun.path)
        create_run(begun.path, other, DataFacts.of(small), Environment())

    with pytest.raises(RunError, match="begun was (moved or removed|replaced by another)"):
        fit(begun, small, replace)
    run = open_run(begun.path)
    assert run.recipe == other
    assert {path.name for path in run.path.iterdir()} == {
        *("recipe.yaml", "data.json", "environment.json", "identity.json")
    }


def test_training_stops_where_a_copy_of_its_run_came_back(begun, small, tmp_path):
    """It has the same identity, and another lock, which somebody else may hold."""
    shutil.copytree(begun.path, tmp_path / "copy")

    def restore():
        shutil.rmtree(begun.path)
        (tmp_path / "copy").rename(begun.path)

    with pytest.raises(RunError, match="begun was moved or removed"):
        fit(begun, small, restore)
    assert not begun.finished
    assert not begun.checkpoints.exists()


def test_findings_of_a_run_are_not_written_into_another(run):
    findings = RunFindings(run)
    part = findings.require(Evaluation)
    create_run(run.path, run.recipe, run.data, Environment(), overwrite=True)
    with pytest.raises(RunError, match="was replaced by another run"):
        save_parts(run, part)
    with pytest.raises(RunError, match="was replaced by another run"):
        _ = run.recipe
    assert not (run.path / "findings").exists()


def test_a_name_that_is_taken_meanwhile_is_not_replaced(begun, monkeypatch, small):
    """Two processes see that a name is free, and both make their run."""
    before = content_of(begun.path)
    monkeypatch.setattr("latentscape.runs.directory._replaces_run", lambda path, overwrite: False)
    with pytest.raises(RunError, match="could not be written"):
        create_run(begun.path, begun.recipe, begun.data, Environment())
    assert content_of(begun.path) == before
    assert [path.name for path in begun.path.parent.iterdir()] == ["begun"]


STUDY = Study.model_validate(
    {"name": "few", "about": "", "entries": [{"recipe": "simple-20", "set": QUICK}]}
)


def test_of_two_comparisons_at_once_the_second_is_refused(tmp_path):
    study = tmp_path / "few-digits"
    study.mkdir()
    with owned_elsewhere(study, "compared"):
        with pytest.raises(RunError, match="few-digits is being compared by process"):
            latentscape.compare(STUDY, data="digits", folder=tmp_path, quiet=True)
    assert not runs_in(tmp_path)
    assert study.exists() is False or not list(study.iterdir())


def test_a_comparison_waits_for_no_run_that_another_process_trains(run):
    shutil.rmtree(run.path / "findings")
    with owned_elsewhere(run.path), pytest.raises(RunError, match=OWNED):
        latentscape.compare(STUDY, data="digits", folder=run.path.parent, quiet=True)


def test_a_comparison_that_fails_leaves_no_folder(tmp_path):
    bad = Study.model_validate(
        {
            "name": "bad",
            "about": "",
            "entries": [{"recipe": "simple-20", "set": {**QUICK, "train.lr": 1e30}}],
        }
    )
    with pytest.raises(latentscape.TrainingError):
        latentscape.compare(bad, data="digits", folder=tmp_path, quiet=True)
    assert not (tmp_path / "bad-digits").exists()


MIXTURES = {
    "the model": lambda run, other: shutil.copy(other.model_file, run.model_file),
    "the recipe": lambda run, other: shutil.copy(other.path / "recipe.yaml", run.path),
    "the data": lambda run, other: shutil.copy(other.path / "data.json", run.path),
    "the history": lambda run, other: shutil.copy(other.path / "history.jsonl", run.path),
    "the findings": lambda run, other: (
        shutil.rmtree(run.path / "findings"),
        shutil.copytree(other.path / "findings", run.path / "findings"),
    ),
    "the identity": lambda run, other: shutil.copy(other.path / "identity.json", run.path),
}


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Run:
    """A run of another code size on other examples."""
    changes = {"model.latent.dim": 3, "data.seed": 1}
    return train(tmp_path_factory.mktemp("others"), name="run", changes=changes)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    latentscape.compare(STUDY, data="digits", folder=folder, quiet=True)
    return folder


@pytest.mark.parametrize("what", MIXTURES)
def test_a_study_uses_no_mixture_of_runs(compared, other, tmp_path, what):
    shutil.copytree(compared, tmp_path, dirs_exist_ok=True)
    (run,) = runs_in(tmp_path)
    MIXTURES[what](run, other)
    with pytest.raises(RunError, match=r"of another run|not as it was written"):
        latentscape.report(tmp_path / "few-digits")
    with pytest.raises(RunError, match=r"of another run|not as it was written"):
        latentscape.report(run.path)


def test_a_mixture_of_an_earlier_version_is_seen_by_its_model(compared, other, tmp_path):
    """Version 0.2.0 wrote no identity, and let a run be overwritten while it was trained."""
    shutil.copytree(compared, tmp_path, dirs_exist_ok=True)
    (run,) = runs_in(tmp_path)
    (run.path / "identity.json").unlink()
    shutil.copy(other.model_file, run.model_file)
    with pytest.raises(RunError, match="is the model of another run"):
        latentscape.load(run)
    with pytest.raises(RunError, match="is the model of another run"):
        _ = OpenRun(run).model
    with pytest.raises(RunError, match=r"of another run"):
        latentscape.compare(STUDY, data="digits", folder=tmp_path, quiet=True)


def test_two_writers_of_a_part_leave_the_arrays_of_one(tmp_path):
    findings = make_run(tmp_path, "vae", "vae", shape=(1, 4, 3))
    part = findings.require(Evaluation)
    folder = findings.run.path / "findings"
    (folder / "evaluation-0123abcd.npz").write_bytes(b"of a process that was killed")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda number: save_parts(findings.run, part), range(9)))
    assert len(list(folder.glob("evaluation-*.npz"))) == 1
    assert RunFindings(findings.run).require(Evaluation).n == part.n


LEGACY = Path(__file__).parents[1] / "fixtures" / "legacy" / "run"


def test_a_run_without_identity_opens_and_is_written_like_any_other(tmp_path):
    shutil.copytree(LEGACY, tmp_path / "run")
    first, second = open_run(tmp_path / "run"), open_run(tmp_path / "run")
    assert first.identity == second.identity != ""
    parts = [RunFindings(run).require(Evaluation) for run in (first, second)]
    for run, part in zip((first, second), parts, strict=True):
        save_parts(run, part)
    assert RunFindings(open_run(tmp_path / "run")).require(Evaluation).n == parts[0].n
    (tmp_path / "run" / "environment.json").write_text("{}")  # Another run's, say.
    with pytest.raises(RunError, match="was replaced by another run"):
        save_parts(first, parts[0])


def test_a_run_of_0_1_0_is_migrated_once_and_read_meanwhile(tmp_path):
    """Several processes measure it at the same moment, while others read it."""
    shutil.copytree(LEGACY, tmp_path / "run")
    run = open_run(tmp_path / "run")
    before, part = RunFindings(run).parts, RunFindings(run).require(Evaluation)
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(save_parts, open_run(run.path), part) for _ in range(4)]
        reads = 0
        while not all(writer.done() for writer in writers) or not reads:
            findings = RunFindings(open_run(run.path))
            assert findings.require(Evaluation).n == part.n
            assert findings.parts == before
            reads += 1
        for writer in writers:
            writer.result()
    assert RunFindings(run).parts == before
    assert not list(run.path.glob("findings.*"))
    arrays = [file.name.rpartition("-")[0] for file in (run.path / "findings").glob("*.npz")]
    assert len(arrays) == len(set(arrays))


TRAINER = """
import sys, time, latentscape
from latentscape.training.hooks.progress import Progress
# It stops in its first epoch, for as long as the test takes.
Progress.on_step = lambda self, training: time.sleep(600)
latentscape.train("simple-20", data="digits", changes={changes}, folder=sys.argv[1], name="run")
"""


def test_a_killed_process_loses_its_run_and_a_living_one_does_not(tmp_path):
    command = [sys.executable, "-c", TRAINER.format(changes=QUICK), str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert b"120 examples" in process.stderr.readline()  # It has the lock before it says so.
        refusal = rf"run is being trained by process {process.pid} since "
        with pytest.raises(RunError, match=refusal):
            latentscape.resume(tmp_path / "run", quiet=True)
        with pytest.raises(RunError, match=refusal):
            train(tmp_path, name="run", overwrite=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    run = latentscape.resume(tmp_path / "run", quiet=True)
    assert len(run.history.epochs) == 2
    assert not (run.path / ".lock").exists()
