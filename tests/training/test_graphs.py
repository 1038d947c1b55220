"""Captured steps, replayed: the same as steps taken as usual, to the bit.

What can be replayed on the CPU keeps most of what a CUDA graph asks for: it reads nothing but
tensors that stay where they are, and waits for no number.
"""

import pytest
import torch

from latentscape.api.experiment import prepare
from latentscape.config import load_recipe, override, recipe_names
from latentscape.data import binarize_split
from latentscape.model import Network
from latentscape.training.batches import Batches, Examples
from latentscape.training.graphs import CudaCapture, OperationCapture
from latentscape.training.optim import build_optimizer
from latentscape.training.step import TrainingStep

CPU = torch.device("cpu")


def train(recipe, split, captured=True, precision="float32", epoch=1e6):
    """Take thirteen steps at a rate that changes, the sixth and the twelfth with a small batch."""
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    optimizer = build_optimizer(model, recipe.train)
    take_step = TrainingStep(model, optimizer, recipe.train, precision)
    if not captured:
        take_step._graphs._capture = None
    batches = Batches(Examples(split.dataset, CPU), split.train[: 5 * 32 + 20], 32, seed=0)
    losses = []
    for number in range(13):
        batch = list(batches.epoch(number // len(batches)))[number % len(batches)]
        losses.append(take_step(batch, 1e-3 * (1 + number % 3), epoch).clone())
    return torch.stack(losses), model.state_dict(), take_step._graphs


def assert_same(recipe, split, precision="float32"):
    losses, weights, _ = train(recipe, split, captured=False, precision=precision)
    replayed, others, graphs = train(recipe, split, precision=precision)
    assert list(graphs._graphs) == [32]
    assert torch.equal(losses, replayed)
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", recipe_names())
def test_replayed_steps_do_what_steps_do(name, precision, small):
    recipe = prepare(load_recipe(name), small)
    assert_same(recipe, binarize_split(small, recipe.data.binarize), precision)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_with_every_optimizer_that_takes_its_rate_from_a_tensor(optimizer, clip_norm, small):
    changes = {"train.optimizer": optimizer, "train.clip_norm": clip_norm, "train.momentum": 0.9}
    assert_same(prepare(override(load_recipe("vae-20"), changes), small), small)


def test_rmsprop_is_not_captured_here_and_sees_its_rate_change(small):
    recipe = prepare(override(load_recipe("vae-20"), {"train.optimizer": "rmsprop"}), small)
    _, _, graphs = train(recipe, small)
    assert not graphs._graphs


def test_what_still_changes_is_not_captured(small):
    recipe = prepare(override(load_recipe("vae-20"), {"objective.rate_warmup": 2}), small)
    assert not train(recipe, small, epoch=1.5)[2]._graphs
    assert train(recipe, small, epoch=2.0)[2]._graphs


def test_what_depends_on_a_number_is_computed_but_not_captured():
    values = torch.arange(3.0)
    result, replay = OperationCapture().capture(lambda: values * values.max().item())
    assert torch.equal(result, torch.tensor([0.0, 2, 4]))
    assert replay is None


def test_what_was_captured_reads_tensors_anew_and_leaves_others_alone():
    values, rate = torch.arange(3.0), torch.tensor(2.0)
    first, replay = OperationCapture().capture(lambda: (values * rate).cumsum(0))
    values += 1
    rate.fill_(3.0)
    assert torch.equal(replay(), torch.tensor([3.0, 9, 18]))
    assert torch.equal(first, torch.tensor([0.0, 2, 6]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("name", recipe_names())
def test_a_cuda_device_gives_the_numbers_of_the_cpu(name, small):
    """The first losses, before rounding has had time to grow."""
    recipe = prepare(load_recipe(name), small)
    split = binarize_split(small, recipe.data.binarize)
    losses = []
    for device in (CPU, torch.device("cuda")):
        torch.manual_seed(0)
        model = Network(recipe.model, recipe.objective).to(device).train()
        step = TrainingStep(model, build_optimizer(model, recipe.train), recipe.train, "float32")
        batches = Batches(Examples(split.dataset, device), split.train, 64, seed=0)
        losses.append([step(batch, 1e-3, 1e6).tolist() for batch in batches.epoch(0)])
        if device.type == "cuda":
            assert isinstance(step._graphs._capture, CudaCapture)
            assert step._graphs._graphs
    mine, theirs = (torch.tensor(values)[:5, 0] for values in losses)
    assert torch.allclose(mine, theirs, rtol=0.1 if model.draws else 0.01)
