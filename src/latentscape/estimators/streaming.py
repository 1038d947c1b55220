"""One more epoch of training for an existing network."""

from collections.abc import Mapping

import torch

from latentscape.config import Recipe, override
from latentscape.core.errors import TrainingError
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Array, Split
from latentscape.estimators.tasks import Task
from latentscape.model import Network
from latentscape.runs.facts import Losses
from latentscape.training.checkpoint import pack_optimizers, unpack_optimizers
from latentscape.training.fit import fit
from latentscape.training.hook import Hook, Training
from latentscape.training.start import load_batches, set_up, take_weights
from latentscape.training.state import Diverged, TrainState

Moments = Mapping[str, Array]
"""The state of optimizers."""


class _Moments(Hook):
    """Gives optimizers the state that they had, and keeps the one that they end with."""

    essential = True

    def __init__(self, moments: Moments) -> None:
        self.moments = moments

    def on_start(self, training: Training) -> None:
        """Give."""
        tensors = {name: torch.tensor(value) for name, value in self.moments.items()}
        unpack_optimizers(training.optimizers, tensors)

    def on_end(self, training: Training) -> None:
        """Keep."""
        packed = pack_optimizers(training.optimizers).items()
        self.moments = {name: value.cpu().numpy() for name, value in packed}


def new_network(task: Task, device: torch.device) -> Network:
    """Return a network with the weights that a stream begins with, evaluating."""
    recipe = task.recipe
    with forked_random(derive_seed(recipe.train.seed, "model"), device):
        network = Network(recipe.model, recipe.objective).to(device).eval()
    if task.earlier is not None:
        take_weights(network, task.earlier.weights)
    return network


def train_epoch(
    network: Network, recipe: Recipe, split: Split, moments: Moments, number: int
) -> tuple[Losses, Moments]:
    """Train a network once on all training examples, at the full learning rate of its recipe.

    If the epoch, of this number from 0, fails, the weights do not change: a TrainingError if the
    loss or a weight is no longer finite. Mean losses are returned, and moments for the next epoch.
    """
    before = {name: value.clone() for name, value in network.state_dict().items()}
    changes = {"train.schedule": "constant", "train.epochs": number + 1}
    config, keeper = override(recipe, changes).train, _Moments(moments)
    loader = load_batches(recipe, split, network.device)
    try:
        with set_up(config, network.device, "partial", number):
            state = TrainState(epoch=number)
            fit(network, network.objective, loader, config, [keeper], state)
    except BaseException as error:
        network.load_state_dict(before)
        if isinstance(error, Diverged):
            raise TrainingError(
                "The loss or a weight became infinite or NaN; the weights are as they were before",
                fix="Lower lr, or look at the values of X.",
            ) from error
        raise
    return state.history[-1].train, keeper.moments
