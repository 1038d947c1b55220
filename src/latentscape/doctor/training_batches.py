"""What training batches show of a model: their gradients, and batch normalisation."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from latentscape.config import Recipe
from latentscape.core.randomness import derive_seed, forked_random, generator
from latentscape.core.records import Split
from latentscape.core.runtime import full_precision
from latentscape.inference.batches import Batch, evaluating, stored_batches, to_device
from latentscape.model import Network, scaled

BATCHES = 12
"""Training batches whose gradients are measured."""


def gradient_norms(model: Network, recipe: Recipe, split: Split) -> Tensor:
    """Return the norm of the gradient of some training batches, (n,), as the optimizer gets it."""
    model, norms = deepcopy(model).train(), list[Tensor]()
    seed = derive_seed(recipe.train.seed, "doctor")
    with forked_random(seed, model.device), full_precision(), torch.enable_grad():
        for images, labels in _batches(model, recipe, split):
            norms.append(model.gradient_norm(model.loss(images, labels).total).cpu())
    return torch.stack(norms)


def error_by_batches(model: Network, recipe: Recipe, split: Split) -> tuple[float, float]:
    """Measure the same training batches normalised by themselves, and by running statistics.

    Returns
    -------
    by_batch, by_running : float
        Squared error per pixel.
    """
    own = deepcopy(model)
    for item in own.modules():
        if isinstance(item, nn.modules.batchnorm._BatchNorm):
            item.train()
            item.momentum = 0.0
    errors = []
    with evaluating():
        for images, labels in _batches(model, recipe, split):
            target = scaled(images, split.dataset.value_range)
            errors.append(
                [
                    (either.reconstruct(images, labels) - target).square().mean().item()
                    for either in (own, model)
                ]
            )
    by_batch, by_running = torch.tensor(errors).mean(0).tolist()
    return by_batch, by_running


def _batches(model: Network, recipe: Recipe, split: Split) -> Iterator[Batch]:
    """Yield some training batches of the size of the recipe, on the device of the model."""
    size = min(recipe.train.batch_size, len(split.train))
    index = split.subset("train", BATCHES * size)
    order = torch.randperm(len(index), generator=generator(recipe.train.seed, "doctor"))
    for batch in stored_batches(split.dataset, index[order.numpy()], size):
        if len(batch[0]) > 1 or size == 1:
            yield to_device(model, batch)
