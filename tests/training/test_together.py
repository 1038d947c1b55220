"""Models that are trained as one: each comes to what it comes to alone, within rounding."""

import os
import signal

import pytest
import torch

from devices import needs_cuda
from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.core.errors import HookError, TrainingError
from latentscape.core.runtime import choose_device
from latentscape.model import Network
from latentscape.training import together
from latentscape.training.checkpoint import CheckpointFolder, MemoryCheckpoints
from latentscape.training.hook import Hook
from latentscape.training.start import set_up
from latentscape.training.together import train_together
from latentscape.training.train import train_recipe

CPU = torch.device("cpu")
# Steps of plain descent do not divide by gradients: what is rounded stays as small as it is.
PLAIN = {
    "train.optimizer": "sgd",
    "train.momentum": 0.9,
    "train.clip_norm": 1.0,
    "train.batch_size": 150,
    "train.epochs": 2,
    "train.average": None,
    "train.schedule": "cosine",
    "train.precision": "float32",
}
NUMBERS = ({"train.seed": 0}, {"train.seed": 1, "train.lr": 0.01}, {"train.weight_decay": 0.01})
STACKED = ("elaborate-4", "vae-20", "dense-dropout", "cond-vae", "kaggle-2d-center")
"""Codes that are drawn, dropout, labels, a term over a whole batch."""

ALONE = ("cluster-10", "aae")
"""Operations without a form for several models, and players that take turns."""


@pytest.fixture
def counted(monkeypatch):
    """Count the steps that are taken for several models, by how many there are."""
    counts = []
    losses = together._Together._losses

    def count(self, waiting):
        answers = losses(self, waiting)
        if answers[0] is not None:
            counts.append(len(waiting))
        return answers

    monkeypatch.setattr(together._Together, "_losses", count)
    return counts


def recipes(name, split, numbers=NUMBERS):
    return [prepare(override(load_recipe(name), {**PLAIN, **more}), split) for more in numbers]


def train(recipe, split, *hooks, device=CPU, store=None):
    store = store or MemoryCheckpoints(recipe.name)
    return train_recipe(recipe, split, device, store, hooks, threads=1)


def train_all(planned, split, *hooks, device=CPU, stores=(None,) * 3):
    """Train recipes as one; return what came of each, and what each has raised."""
    results = {}

    def work(place):
        def begin(hook):
            more = [each for each in hooks if each.place == place]
            results[place] = train(
                planned[place], split, *more, hook, device=device, store=stores[place]
            )

        return begin

    errors = train_together("all", list(map(work, range(len(planned)))), device)
    return results, errors


def flat(network):
    return torch.cat([value.detach().flatten().cpu() for value in network.parameters()])


def assert_alike(recipe, split, result, device=CPU):
    """Weights differ by a thousandth of the way that they have gone at most, as do losses."""
    network, state = result
    expected, other = train(recipe, split, device=device)
    with set_up(recipe.train, device, "model", threads=1):
        start = Network(recipe.model, recipe.objective).to(device)
    way = (flat(expected) - flat(start)).norm()
    assert (flat(network) - flat(expected)).norm() < 1e-3 * way, recipe.name
    losses = [[epoch.train.loss for epoch in each.history] for each in (state, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4), recipe.name
    assert [epoch.lr for epoch in state.history] == [epoch.lr for epoch in other.history]


@pytest.mark.parametrize("name", STACKED)
def test_together_models_come_to_what_they_come_to_alone(name, small, counted):
    planned = recipes(name, small)
    results, errors = train_all(planned, small)
    assert errors == [None] * 3
    assert counted == [3] * 8
    assert_alike(planned[1], small, results[1])


@pytest.mark.parametrize("name", ALONE)
def test_models_that_cannot_be_stacked_train_alone_to_the_bit(name, small, counted):
    planned = recipes(name, small, NUMBERS[:2])
    results, errors = train_all(planned, small)
    assert (errors, counted) == ([None] * 2, [])
    expected, _ = train(planned[1], small)
    assert torch.equal(flat(results[1][0]), flat(expected))


@needs_cuda
@pytest.mark.parametrize("name", [*STACKED, "denoising", "beta-tc-vae", "cnn-fc"])
def test_together_on_a_gpu_models_come_to_what_they_come_to_alone(name, small, counted):
    planned, device = recipes(name, small), choose_device("cuda")
    results, errors = train_all(planned, small, device=device)
    assert errors == [None] * 3
    assert 3 in counted
    assert_alike(planned[1], small, results[1], device)


def test_each_ends_when_it_would_alone_and_the_others_go_on(small, counted):
    epochs = [{"train.seed": n, "train.epochs": epochs} for n, epochs in enumerate((1, 2, 3))]
    planned = recipes("elaborate-4", small, epochs)
    results, errors = train_all(planned, small)
    assert errors == [None] * 3
    assert counted == [3] * 4 + [2] * 4  # The third takes the last four alone.
    for place, recipe in enumerate(planned):
        assert_alike(recipe, small, results[place])


class Spoiled(Hook):
    """Makes a weight infinite, once or always, so that training rolls back."""

    place, times = 1, 1

    def on_step(self, training):
        if self.times and (training.state.epoch, training.state.step) == (1, 1):
            self.times -= 1
            next(training.model.parameters()).data.fill_(torch.inf)


def test_one_rolls_back_and_the_others_do_not_notice(small, counted):
    planned = recipes("elaborate-4", small)
    results, errors = train_all(planned, small, Spoiled())
    assert errors == [None] * 3
    assert [results[place][1].rollbacks for place in range(3)] == [0, 1, 0]
    assert results[1][1].rate_factor == 0.5
    for place in (0, 2):
        assert_alike(planned[place], small, results[place])
    assert 3 in counted[4:]


def test_one_that_fails_is_told_and_the_others_end_well(small):
    spoiled = Spoiled()
    spoiled.times = 9
    planned = recipes("elaborate-4", small)
    results, errors = train_all(planned, small, spoiled)
    assert isinstance(errors[1], TrainingError)
    assert "3 roll-backs" in str(errors[1])
    assert (errors[0], errors[2]) == (None, None)
    assert_alike(planned[2], small, results[2])


def test_a_hook_that_fails_stops_its_own_training_alone(small):
    class Failing(Hook):
        place = 0

        def on_epoch(self, training):
            raise ValueError("no")

    planned = recipes("elaborate-4", small)
    results, errors = train_all(planned, small, Failing())
    assert isinstance(errors[0], HookError)
    assert errors[1:] == [None, None]
    assert_alike(planned[1], small, results[1])


class Pressed(Hook):
    """Sends what Ctrl-C sends."""

    place = 0

    def on_step(self, training):
        if training.state.step == 2:
            signal.raise_signal(signal.SIGINT)


def test_a_signal_stops_all_of_them_saved_and_they_go_on_to_the_same_bits(small, tmp_path):
    planned = recipes("vae-20", small)
    expected, _ = train_all(planned, small)
    stores = [CheckpointFolder(tmp_path / str(place)) for place in range(3)]
    for store in stores:
        store.path.mkdir()
    before = signal.getsignal(signal.SIGINT)
    stopped, errors = train_all(planned, small, Pressed(), stores=stores)
    assert errors == [None] * 3
    assert all(state.epoch == 0 and 2 <= state.step <= 3 for _, state in stopped.values())
    assert signal.getsignal(signal.SIGINT) is before
    results, errors = train_all(planned, small, stores=stores)
    assert errors == [None] * 3
    for place, (network, _) in results.items():
        assert torch.equal(flat(network), flat(expected[place][0]))


def test_the_last_of_a_group_hears_a_signal_too(small):
    """It trains alone when the others have ended, and stops all the same."""

    class PressedLate(Pressed):
        place = 2

        def on_step(self, training):
            if (training.state.epoch, training.state.step) == (1, 1):
                os.kill(os.getpid(), signal.SIGINT)  # The main thread hears it, where it waits.

    short = {"train.epochs": 1}
    planned = recipes("elaborate-4", small, (short, short, {"train.epochs": 500}))
    results, errors = train_all(planned, small, PressedLate())
    assert errors == [None] * 3
    assert results[0][1].epoch == results[1][1].epoch == 1
    assert 1 <= results[2][1].epoch < 500


@pytest.mark.parametrize("changes", [{"train.accumulate": 2}, {"train.shards": 2}])
def test_steps_that_are_cut_into_parts_are_taken_alone(changes, small, counted):
    planned = recipes("elaborate-4", small, (changes, {**changes, "train.seed": 1}))
    results, errors = train_all(planned, small, stores=(None,) * 2)
    assert (errors, counted) == ([None] * 2, [])
    alone, _ = train(planned[1], small)
    assert torch.equal(flat(results[1][0]), flat(alone))


def test_one_that_goes_on_alone_ends_as_if_it_had_never_been_with_others(small, tmp_path):
    planned = recipes("elaborate-4", small)
    stores = [CheckpointFolder(tmp_path / str(place)) for place in range(3)]
    for store in stores:
        store.path.mkdir()
    train_all(planned, small, Pressed(), stores=stores)
    assert_alike(planned[1], small, train(planned[1], small, store=stores[1]))


def test_the_process_is_left_as_it_was_and_each_model_has_memory_of_its_own(small):
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    deterministic = torch.backends.cudnn.deterministic
    results, _ = train_all(recipes("vae-20", small, (*NUMBERS[:2], {"train.epochs": 1})), small)
    assert torch.backends.cudnn.deterministic == deterministic
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads
    for network, _ in results.values():
        for value in network.state_dict().values():
            assert value.untyped_storage().nbytes() == value.nbytes
