"""Captured steps, replayed: the same as steps taken as usual.

No CUDA device is needed for that. A tape that notes every operation, and carries them out again on
the very same tensors, does what a CUDA graph does: it reads memory anew, and nothing else.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from latentscape.config import load_recipe, override, recipe_names
from latentscape.data import binarize_split
from latentscape.experiment import prepare
from latentscape.model import Network
from latentscape.training.batches import Batches, Examples
from latentscape.training.graphs import WARM_UPS, CudaCapture
from latentscape.training.optim import build_optimizer
from latentscape.training.step import TrainingStep

CPU = torch.device("cpu")
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "bincount", "equal")
"""Operations whose result the host has to wait for; a CUDA graph cannot hold them."""


class Tape(TorchDispatchMode):
    """Notes operations, with the tensors they read and write."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result

    def replay(self):
        for function, args, kwargs, result in self.operations:
            again = function(*args, **kwargs)
            for place, value in zip(tree_iter(result), tree_iter(again), strict=True):
                if isinstance(place, torch.Tensor) and not same_memory(place, value):
                    place.copy_(value)


def same_memory(one, other):
    return one.data_ptr() == other.data_ptr()


class TapeCapture:
    """Captures on a tape. What is taken down is computed too, so that has to be undone."""

    def __init__(self, model, optimizer):
        self.model, self.optimizer, self.tapes = model, optimizer, []

    def warm_up(self, compute):
        return compute()

    def capture(self, compute):
        moments = [v for entries in self.optimizer.state.values() for v in entries.values()]
        kept = [*self.model.state_dict().values(), *filter(torch.is_tensor, moments)]
        before, random = [value.clone() for value in kept], torch.get_rng_state()
        with Tape() as tape:
            result = compute()
        with torch.no_grad():
            for value, old in zip(kept, before, strict=True):
                value.copy_(old)
        torch.set_rng_state(random)
        self.tapes.append(tape)

        def replay():
            with torch.no_grad():
                tape.replay()
            return result

        return replay


def train(recipe, split, captured, steps=9):
    """Take some steps, the sixth of them with a smaller batch, at a rate that changes."""
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    optimizer = build_optimizer(model, recipe.train)
    for group in optimizer.param_groups:  # As it is on a CUDA device.
        group["lr"] = torch.tensor(recipe.train.lr)
    take_step = TrainingStep(model, optimizer, recipe.train, "float32")
    capture = TapeCapture(model, optimizer)
    if captured:
        take_step._graphs._capture = capture
    batches = Batches(Examples(split.dataset, CPU), split.train[: 5 * 32 + 20], 32, seed=0)
    torch.manual_seed(1)
    losses = []
    for number in range(steps):
        batch = list(batches.epoch(number // len(batches)))[number % len(batches)]
        losses.append(take_step(batch, 1e-3 * (1 + number % 3), epoch=1e6).clone())
    return torch.stack(losses), model.state_dict(), capture.tapes


@pytest.mark.parametrize("name", recipe_names())
def test_replayed_steps_do_what_steps_do(name, small):
    recipe = prepare(load_recipe(name), small)
    split = binarize_split(small, recipe.data.binarize)
    losses, weights, _ = train(recipe, split, captured=False)
    replayed, others, tapes = train(recipe, split, captured=True)
    assert len(tapes) == 1
    assert torch.allclose(losses, replayed, rtol=1e-5)
    for key, value in weights.items():
        assert torch.allclose(value, others[key], rtol=1e-4, atol=1e-6), key
    operations = {function.__name__.split(".")[0] for function, *_ in tapes[0].operations}
    assert not operations & set(WAITING)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_with_every_optimizer(optimizer, clip_norm, small):
    changes = {"train.optimizer": optimizer, "train.clip_norm": clip_norm, "train.momentum": 0.9}
    recipe = prepare(override(load_recipe("vae-20"), changes), small)
    losses, _, _ = train(recipe, small, captured=False)
    replayed, _, _ = train(recipe, small, captured=True)
    assert torch.allclose(losses, replayed, rtol=1e-5)


def test_what_still_changes_is_not_captured(small):
    recipe = prepare(override(load_recipe("vae-20"), {"objective.rate_warmup": 2e6}), small)
    _, _, tapes = train(recipe, small, captured=True)
    assert not tapes
    assert WARM_UPS > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("name", recipe_names())
def test_a_cuda_device_gives_the_numbers_of_the_cpu(name, small):
    """The first losses, before rounding has had time to grow."""
    recipe = prepare(override(load_recipe(name), {"train.precision": "float32"}), small)
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
