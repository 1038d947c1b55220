"""How a command ends: on a full disk, without a reader, by a signal, with text of another code."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from latentscape.cli.ending import ending_on_signals, printing
from latentscape.core.errors import RunError
from latentscape.core.files import write_atomic, write_files, write_folder
from latentscape.training.hooks.signals import Signals

HELD = {"SIGTERM": 143, "SIGHUP": 129}


@pytest.fixture(autouse=True)
def default_signals():
    """Whoever runs the tests may ignore a signal, as ``nohup`` does."""
    before = {name: signal.signal(getattr(signal, name), signal.SIG_DFL) for name in HELD}
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@contextmanager
def listening(signals):
    """Listen to signals as training does."""
    training = SimpleNamespace(stop=lambda: None)
    signals.on_start(training)
    try:
        yield
    finally:
        signals.on_stop(training)


def run(*arguments, **streams):
    """Run a command in a process of its own, as `subprocess.run` does."""
    command = [sys.executable, "-m", "latentscape", *arguments]
    return subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, **streams)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output_that_a_full_disk_does_not_take_is_one_message():
    with open("/dev/full", "w") as full:
        ended = run("recipes", "show", "simple-20", "--json", stdout=full)
    said = ended.stderr.splitlines()
    assert said[-1] == "Error: The output could not be written: No space left on device."
    # A slow machine says what it does.
    assert all(line.startswith("starting, ") for line in said[:-1])
    assert ended.returncode == 2


def test_nobody_hears_of_a_closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        ended = run("data", "list", "--json", stdout=pipe)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_an_error_of_a_file_is_not_taken_for_one_of_the_output(tmp_path):
    with pytest.raises(FileNotFoundError), printing():
        (tmp_path / "nothing").read_bytes()


def test_arguments_that_are_no_utf8_are_refused_first(tmp_path):
    ended = run("train", "simple-20", b"--name", b"caf\xe9", cwd=tmp_path)
    assert ended.stderr.startswith("Error: The argument 'caf?' is not UTF-8.")
    assert ended.returncode == 2
    assert not [*tmp_path.iterdir()]


def write_one(folder, end):
    write_atomic(folder / "one", lambda path: (path.write_text("half"), end()))


def write_several(folder, end):
    with write_files(folder, ["one", "two"]) as building:
        (building / "one").write_text("half")
        end()


def write_whole_folder(folder, end):
    with write_folder(folder / "run") as building:
        building.mkdir()
        (building / "one").write_text("half")
        end()


@pytest.mark.parametrize("write", [write_one, write_several, write_whole_folder])
@pytest.mark.parametrize("name", HELD)
def test_a_signal_leaves_no_temporary_file(name, write, tmp_path):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended, ending_on_signals():
        write(tmp_path, lambda: os.kill(os.getpid(), number))
    assert ended.value.code == HELD[name]
    assert not [*tmp_path.rglob("*")]
    assert signal.getsignal(number) == before


def test_what_is_ignored_stays_ignored(tmp_path):
    """As ``nohup`` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = Signals()
    try:
        with ending_on_signals(), listening(stop):
            os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.received
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_training_hears_ctrl_c_also_in_the_background():
    """Where shells let programs ignore it, and other programs may send it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = Signals()
    try:
        with listening(stop):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.received
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", HELD)
def test_training_hears_a_signal_and_goes_on_to_save_itself(name):
    stop = Signals()
    with ending_on_signals(), listening(stop):
        os.kill(os.getpid(), getattr(signal, name))
    assert stop.received


def test_other_failures_are_told_as_before(tmp_path):
    with pytest.raises(RunError), ending_on_signals():
        write_atomic(tmp_path / "one", lambda path: path.rmdir())
