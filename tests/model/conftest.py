"""What tests of the model share: a seed, and models small enough to be measured exactly."""

import math

import pytest
import torch

from latentscape.config import InputConfig, load_recipe, override
from latentscape.model import Network


@pytest.fixture(autouse=True)
def _seeded():
    """Let no test draw numbers that depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture
def build():
    """Return a function that builds a small model for images (1, 4, 4) of three labels."""

    def build(name="vae-20", changes=None, shape=(1, 4, 4), labels=3):
        small = {"model.encoder": {"kind": "mlp", "widths": [8]}}
        recipe = override(load_recipe(name), {**small, **(changes or {"model.latent.dim": 2})})
        settings = InputConfig(shape=shape, range=(0, 1), labels=labels)
        return Network(recipe.model.model_copy(update={"input": settings}), recipe.objective)

    return build


@pytest.fixture
def blots():
    """Six images (1, 4, 4) with values in [0, 1]."""
    return torch.rand(6, 1, 4, 4)


@pytest.fixture
def averages_to():
    """Return a function that tells whether independent draws (N,) have an expected value."""

    def averages_to(draws, expected):
        draws = draws.double()
        return abs(draws.mean() - expected) <= 4 * draws.std() / math.sqrt(len(draws))

    return averages_to
