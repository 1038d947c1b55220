"""Models of every kind of latent, untrained, small and quick."""

from functools import cache

import pytest
import torch

from latentscape.api.experiment import prepare
from latentscape.config import load_recipe, override
from latentscape.model import Network

SMALL = {"model.encoder.widths": [32]}
KINDS = {
    "plain": ("simple-20", SMALL),
    "plain-2": ("simple-20", {**SMALL, "model.latent.dim": 2}),
    "plain-cond": ("simple-20", {**SMALL, "model.latent.dim": 2, "model.condition": "label"}),
    "denoising": ("denoising", SMALL),
    "vae": ("vae-20", SMALL),
    "vae-2": ("vae-20", {**SMALL, "model.latent.dim": 2}),
    "cond": ("cond-vae", SMALL),
    "cond-2": ("cond-vae", {**SMALL, "model.latent.dim": 2}),
    "vamp": ("vamp-vae", {**SMALL, "model.latent.pseudo_inputs": 7}),
    "wae": ("wae-mmd", SMALL),
    "vq": ("vq-vae", {"model.encoder.channels": [4, 8], "model.latent.codes": 16}),
}


@pytest.fixture(scope="session")
def model_of(small):
    """Return a function from a name of `KINDS` to an evaluating model."""

    @cache
    def build(kind: str) -> Network:
        name, changes = KINDS[kind]
        recipe = prepare(override(load_recipe(name), changes), small)
        torch.manual_seed(0)
        return Network(recipe.model, recipe.objective).eval()

    return build


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def model(kind, model_of):
    return model_of(kind)
