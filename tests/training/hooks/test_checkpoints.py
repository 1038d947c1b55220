"""Checkpoints: training goes on where it stopped, whenever that was."""

import os
import signal

import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.model import Network
from latentscape.training.checkpoint import CheckpointFolder
from latentscape.training.fit import fit
from latentscape.training.hook import Hook
from latentscape.training.hooks.checkpoints import Checkpoints
from latentscape.training.hooks.signals import Signals
from latentscape.training.start import load_batches, set_up


class Late(Hook):
    """Ends the process gently after a step that all other hooks have followed already."""

    def on_step(self, training):
        if training.state.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_after_the_last_look_at_a_step_loses_no_step(tmp_path, small):
    changes = {"model.encoder.widths": [8], "train.batch_size": 100, "train.epochs": 1}
    recipe = prepare(override(load_recipe("simple-20"), changes), small)
    store, cpu = CheckpointFolder(tmp_path), torch.device("cpu")
    with set_up(recipe.train, cpu, "model"):
        loader = load_batches(recipe, small, cpu)
        network = Network(recipe.model, recipe.objective)
        hooks = [Signals(), Checkpoints(store), Late()]
        state = fit(network, network.objective, loader, recipe.train, hooks)
    saved = store.latest()
    assert (state.epoch, state.step) == (saved.state.epoch, saved.state.step) == (0, 2)
    weights = network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in saved.groups["model"].items())
