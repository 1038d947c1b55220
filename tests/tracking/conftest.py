import os
import signal
from contextlib import contextmanager

import pytest

import latentscape
from latentscape.core.errors import RunError
from latentscape.runs import Run
from latentscape.training.hook import Hook

FAST = {
    "train.epochs": 2,
    "train.batch_size": 50,
    "data.train": 200,
    "data.test": 60,
    "model.encoder.widths": [32],
}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """Train a recipe, quickly and quietly."""
    shared = tmp_path_factory.mktemp("runs")

    def train(recipe="vae-20", *, folder=shared, changes=None, data="mnist-5k", **given):
        changes = {**FAST, **(changes or {})}
        return latentscape.train(
            recipe, data=data, changes=changes, folder=folder, quiet=True, **given
        )

    return train


class StopAfter(Hook):
    """Press Ctrl-C after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, training):
        if training.state.epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def stopping():
    """Have Ctrl-C pressed after an epoch."""

    @contextmanager
    def stopping(epoch):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("latentscape.api.finishing.Progress", lambda name: StopAfter(epoch))
            yield

    return stopping


@pytest.fixture
def broken_log():
    """Have a run end within an epoch, when trackers know of it and checkpoints do not."""
    write = Run.write_log

    @contextmanager
    def broken_log(epoch):
        def write_or_fail(self, history, events):
            if len(history) == epoch:
                raise RunError("The history could not be written")
            write(self, history, events)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Run, "write_log", write_or_fail)
            yield

    return broken_log
