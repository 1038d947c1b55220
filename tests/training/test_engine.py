"""The engine and its plain twin: the same steps, to the bit.

A step that can be replayed on the CPU does most of what a CUDA graph demands: it reads nothing but
tensors that stay at their places, and waits for no number.
"""

import sys

import pytest
import torch

from devices import needs_cuda
from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override, recipe_names
from latentscape.data import binarize_split
from latentscape.model import Network
from latentscape.training.engine import choose_engine, replay
from latentscape.training.engine.cuda_graphs import CudaGraphCapture
from latentscape.training.engine.operations import OperationCapture
from latentscape.training.engine.replay import ReplayedStep
from latentscape.training.loader import Batch, Examples, Loader
from latentscape.training.optimizers import build_optimizers
from latentscape.training.step import TrainingStep

CPU = torch.device("cpu")
SIZE = 8


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Capture the second step of a size; the libraries of the CPU need no further warm-ups."""
    monkeypatch.setattr(replay, "WARM_UPS", 1)


def train(recipe, split, precision="float32", epoch=1e6):
    """Take six steps at a rate that changes, the fourth with a small batch.

    Returns losses, weights and the sizes of the batches that were replayed in the end.
    """
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    optimizers = build_optimizers(model.players(), recipe.train)
    take_step = TrainingStep(model, model.objective, optimizers, recipe.train, precision)
    loader = Loader(Examples(split.dataset, CPU), split.train[: 3 * SIZE + 10], SIZE, seed=0)
    batches = [batch for epoch in range(2) for batch in loader.epoch(epoch)][:6]
    losses = [
        take_step(batch, epoch, 1 + number % 3).clone() for number, batch in enumerate(batches)
    ]
    replayed = take_step._repeated_step
    sizes = replayed.sizes if isinstance(replayed, ReplayedStep) else set()
    return torch.stack(losses), model.state_dict(), sizes


def assert_same(recipe, split, precision="float32", sizes=frozenset([SIZE])):
    plain = override(recipe, {"train.engine": "plain"})
    expected, weights, none = train(plain, split, precision)
    losses, others, replayed = train(recipe, split, precision)
    assert (none, replayed) == (set(), sizes), recipe.name
    assert torch.equal(losses, expected), recipe.name
    assert all(torch.equal(weights[name], others[name]) for name in weights), recipe.name


def captured_sizes(optimizer):
    """RMSprop reads its rate as a number here, so that it is not captured."""
    return set() if optimizer == "rmsprop" else {SIZE}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_engines_take_the_same_steps_of_every_recipe(precision, small):
    for name in recipe_names():
        recipe = prepare(load_recipe(name), small)
        if recipe.objective.samples > 5:
            recipe = override(recipe, {"objective.samples": 5})
        split = binarize_split(small, recipe.data.binarize)
        assert_same(recipe, split, precision, captured_sizes(recipe.train.optimizer))


def test_both_engines_take_the_same_steps_of_batches_that_accumulate(small):
    for name in ("vae-20", "conv-bn"):
        changes = {"train.batch_size": 3, "train.accumulate": 3, "train.clip_norm": 0.5}
        assert_same(prepare(override(load_recipe(name), changes), small), small)


def test_both_engines_take_the_same_steps_by_every_optimizer(small):
    for optimizer in ("adam", "adamw", "muon", "sgd", "rmsprop"):
        for clip_norm in (None, 0.5):
            changes = {"train.optimizer": optimizer, "train.clip_norm": clip_norm}
            changes |= {"train.momentum": 0.9, "train.weight_decay": 1e-3}
            recipe = prepare(override(load_recipe("vae-20"), changes), small)
            assert_same(recipe, small, sizes=captured_sizes(optimizer))


def test_steps_of_an_objective_that_still_changes_are_not_captured(small):
    recipe = prepare(override(load_recipe("vae-20"), {"objective.rate_warmup": 2}), small)
    assert train(recipe, small, epoch=1.5)[2] == set()
    assert train(recipe, small, epoch=2.0)[2] == {SIZE}


def test_the_plain_engine_needs_none_of_the_internals(small, monkeypatch):
    """A version of PyTorch without them is one in which the fast engine cannot be imported."""
    monkeypatch.setitem(sys.modules, "latentscape.training.engine.fast", None)
    with pytest.raises(ImportError):
        choose_engine("auto")
    recipe = prepare(override(load_recipe("simple-20"), {"train.engine": "plain"}), small)
    assert train(recipe, small)[0].isfinite().all()


def test_the_engine_does_not_make_another_run():
    recipe = load_recipe("simple-20")
    plain = override(recipe, {"train.engine": "plain"})
    assert plain.fingerprint("data") == recipe.fingerprint("data")


def test_a_step_that_depends_on_a_number_is_computed_but_not_replayed():
    values = torch.arange(3.0)
    result, repeat = OperationCapture().capture(lambda: values * values.max().item())
    assert torch.equal(result, torch.tensor([0.0, 2, 4]))
    assert repeat is None


def test_a_replay_reads_its_inputs_anew_and_leaves_earlier_results_alone():
    values, rate = torch.arange(3.0), torch.tensor(2.0)
    first, repeat = OperationCapture().capture(lambda: (values * rate).cumsum(0))
    values += 1
    rate.fill_(3.0)
    assert torch.equal(repeat(), torch.tensor([3.0, 9, 18]))
    assert torch.equal(first, torch.tensor([0.0, 2, 6]))


def test_what_cannot_be_captured_at_one_size_is_captured_at_none():
    """As on a GPU, where a capture that fails leaves another generator behind."""

    class Capture(OperationCapture):
        def capture(self, compute):
            result = compute()
            return result, None if len(result) == 1 else compute

    replayed = ReplayedStep(lambda batch: batch.images + 1, Capture())
    sizes = []
    for size in (2, 2, 1, 1, 2):
        images = torch.arange(float(size))
        assert torch.equal(replayed(Batch(images, None)), images + 1)
        sizes.append(replayed.sizes)
    assert sizes == [set(), {2}, {2}, set(), set()]


@needs_cuda
def test_a_cuda_device_gives_the_numbers_of_the_cpu(small):
    """The first losses, before rounding has had time to grow."""
    for name in recipe_names():
        recipe = prepare(load_recipe(name), small)
        split = binarize_split(small, recipe.data.binarize)
        losses = []
        for device in (CPU, torch.device("cuda")):
            torch.manual_seed(0)
            model = Network(recipe.model, recipe.objective).to(device).train()
            optimizers = build_optimizers(model.players(), recipe.train)
            step = TrainingStep(model, model.objective, optimizers, recipe.train, "float32")
            loader = Loader(Examples(split.dataset, device), split.train, 64, seed=0)
            losses.append([step(batch, 1e6).tolist() for batch in loader.epoch(0)])
            if device.type == "cuda":
                assert isinstance(step._repeated_step._capture, CudaGraphCapture), name
                assert step._repeated_step.sizes, name
        ours, theirs = (torch.tensor(values)[:5, 0] for values in losses)
        assert torch.allclose(ours, theirs, rtol=0.1 if model.draws else 0.01), name
