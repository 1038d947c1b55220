"""One step: batches that accumulate, and parts that are frozen."""

import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override
from latentscape.model import Network
from latentscape.training.loader import Batch, Examples, bounds
from latentscape.training.optimizers import build_optimizers
from latentscape.training.step import TrainingStep

CPU = torch.device("cpu")
SMALL = {"model.encoder.widths": [16], "train.optimizer": "sgd", "train.lr": 1e-3}


def stepped(recipe, batch):
    """Return the losses of a step, and the weights after it."""
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    optimizers = build_optimizers(model.players(), recipe.train)
    losses = TrainingStep(model, model.objective, optimizers, recipe.train, "float32")(batch, 0.5)
    return losses, model.state_dict()


@pytest.mark.parametrize("name", ["simple-20", "sparse", "kaggle-2d-center"])
@pytest.mark.parametrize("count", [12, 11, 13])
def test_batches_that_accumulate_are_one_large_batch(small, name, count):
    changes = {**SMALL, "train.batch_size": 4, "train.clip_norm": 50.0, "train.accumulate": 3}
    recipe = prepare(override(load_recipe(name), changes), small)
    if name == "kaggle-2d-center":  # Centres move with every batch.
        recipe = override(recipe, {"objective.weights": {"reconstruction": 1}})
    batch = Examples(small.dataset, CPU).take(torch.arange(count))
    large = override(recipe, {"train.batch_size": 12, "train.accumulate": 1})
    (losses, weights), (expected, others) = stepped(recipe, batch), stepped(large, batch)
    assert losses.tolist() == pytest.approx(expected.tolist(), rel=1e-5)
    for weight in weights:
        assert torch.allclose(weights[weight], others[weight], atol=1e-6), weight


def test_parts_hold_all_examples_in_order_and_none_a_single_one():
    images, labels = torch.arange(9)[:, None], torch.arange(9)
    parts = Batch(images, labels).split(4)
    assert [len(part) for part in parts] == [4, 5]
    assert torch.equal(torch.cat([part.images for part in parts]), images)
    assert torch.equal(torch.cat([part.labels for part in parts]), labels)
    assert bounds(1, 4) == [(0, 1)]
    assert [len(part) for part in Batch(images, None).split(100)] == [9]


def test_a_step_moves_nothing_that_is_frozen(small):
    recipe = prepare(override(load_recipe("simple-20"), SMALL), small)
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    model.freeze(["decoder"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizers = build_optimizers(model.players(), recipe.train)
    take_step = TrainingStep(model, model.objective, optimizers, recipe.train, "float32")
    take_step(Examples(small.dataset, CPU).take(torch.arange(20)), 0.5)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith("decoder."), name
