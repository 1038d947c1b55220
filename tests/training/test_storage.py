"""Training in memory comes to the same bits as in a run directory, and leaves nothing on disk."""

import math

import numpy as np
import pytest
import torch

from latentscape.config import override
from latentscape.core.errors import TrainingError
from latentscape.runs import DataFacts, Environment, create_run
from latentscape.training.callbacks import Callback
from latentscape.training.loop import MAX_ROLLBACKS, Trainer
from latentscape.training.storage import MemoryStorage, RunStorage

CPU = torch.device("cpu")


class Poison(Callback):
    """Turn the weights into NaN at steps counted from the start, whatever was rolled back."""

    def __init__(self, steps):
        self.steps, self.step, self.trainer = set(steps), 0, None

    def on_step(self, examples):
        self.step += 1
        if self.step in self.steps:
            with torch.no_grad():
                next(self.trainer.model.parameters()).fill_(math.nan)


def trained(storage, split, steps=()):
    """Return the weights, and what is left of the history without times."""
    poison = Poison(steps)
    poison.trainer = Trainer(storage, split, CPU, [poison])
    weights = poison.trainer.fit().state_dict()
    history = [(epoch.epoch, epoch.lr, epoch.train) for epoch in storage.history.epochs]
    return weights, history


@pytest.fixture
def in_memory(quick):
    return MemoryStorage("in memory", override(quick, {"train.snapshots": []}))


@pytest.fixture
def on_disk(tmp_path, small, in_memory):
    facts = DataFacts.of(small)
    return RunStorage(create_run(tmp_path / "run", in_memory.recipe, facts, Environment()))


# Eight steps are an epoch: no roll-back, one to the start, two to the end of the same epoch.
@pytest.mark.parametrize("steps", [(), (3,), (10, 13, 30)])
def test_both_come_to_the_same_bits(steps, in_memory, on_disk, small):
    weights, history = trained(in_memory, small, steps)
    expected_weights, expected_history = trained(on_disk, small, steps)
    assert history == expected_history
    for name, value in weights.items():
        np.testing.assert_array_equal(value, expected_weights[name])


def test_memory_gives_up_like_a_run_directory(in_memory, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match=f"in memory .* after {MAX_ROLLBACKS} roll-backs"):
        trained(in_memory, small, range(1, 1000))
    assert not any(tmp_path.iterdir())
