"""One step of training with a network of the user's own, before anything is written."""

import torch

from latentscape.config import Recipe
from latentscape.core.errors import CodeError, ConfigError, LatentscapeError
from latentscape.core.randomness import forked_random
from latentscape.model import Network
from latentscape.model.own import OwnModule, raised

CODES = 8
"""Codes that a decoder is tried with."""


def rehearse(recipe: Recipe, examples: int) -> None:
    """Train on a batch of zeros, as small as batches become, and refuse what cannot be trained.

    Recipes without a network of the user's own need no rehearsal. A CodeError if one raises in
    training, or no gradient reaches its weights; a ConfigError if the decoder gives grey levels,
    and the likelihood makes some of its output once more.
    """
    model, shape = recipe.model, recipe.model.input
    if model.is_stock or shape is None:
        return
    size = min(recipe.train.batch_size, examples)
    size = examples % size if examples % size > 1 else size
    with forked_random(0, torch.device("cpu")):
        network = Network(model, recipe.objective).train()
        _take_step(network, torch.zeros(size, *shape.shape) + shape.range[0])
        _check_range(network.eval())


def _take_step(network: Network, images: torch.Tensor) -> None:
    labels = torch.zeros(len(images), dtype=torch.int64)
    try:
        network.loss(images, labels, 0.0).total.backward()  # type: ignore[no-untyped-call]
    except LatentscapeError as error:
        if len(images) > 1:
            raise
        fix = "Raise train.batch_size, if it only lacks a second example."
        raise CodeError(f"Batches of one example cannot be trained on: {error}", fix=fix) from error
    except Exception as error:
        raise raised("A network of your own", "in a step of training", error) from error
    for own in (module for module in network.modules() if isinstance(module, OwnModule)):
        _check_gradient(own)


def _check_gradient(own: OwnModule) -> None:
    trained = [parameter for parameter in own.parameters() if parameter.requires_grad]
    if trained and all(parameter.grad is None for parameter in trained):
        raise CodeError(
            f"{own.subject} has weights, and no gradient reaches any of them",
            fix="Look for detach() or no_grad() in its forward; or freeze it on purpose: "
            "requires_grad_(False).",
        )


@torch.no_grad()
def _check_range(network: Network) -> None:
    """Refuse grey levels from a decoder, where the likelihood takes them for logits."""
    if network.config.decoder.is_stock:
        return
    labels = torch.zeros(CODES, dtype=torch.int64)
    outputs = network.outputs(torch.randn(CODES, network.latent_dim), labels)
    is_grey = 0 < float(outputs.min()) < float(outputs.max()) < 1
    squashes = not torch.equal(network.likelihood.mean(torch.zeros(1)), torch.zeros(1))
    if not (is_grey and squashes):
        return
    raise ConfigError(
        f"The decoder gives numbers between 0 and 1, as behind a sigmoid, and the likelihood "
        f"{network.config.likelihood.kind} puts them through a sigmoid of its own",
        expected="logits: what stands before the sigmoid",
        fix="Leave the sigmoid out of the decoder.",
    )
