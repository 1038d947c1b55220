"""The pictures of a run, for every kind of latent."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.api.experiment import prepare
from latentscape.config import load_recipe
from latentscape.evaluation import pictures
from latentscape.evaluation.pictures import collect_pictures
from latentscape.model import Network

WALKS = {"interpolation", "traversals"}
EXPECTED = {
    "plain": {"samples", "samples_normal", *WALKS},
    "plain-2": {"samples", "samples_normal", *WALKS, "manifold"},
    "plain-cond": {"samples", "samples_normal", *WALKS, "manifold"},
    "denoising": {"samples_normal", *WALKS, "denoising"},  # 330 codes are needed for a mixture.
    "vae": {"samples", *WALKS},
    "vae-2": {"samples", *WALKS, "manifold"},
    "cond": {"samples", *WALKS},
    "cond-2": {"samples", *WALKS, "manifold"},
    "vamp": {"samples", *WALKS},
    "wae": {"samples", *WALKS},
    "vq": {"samples", "interpolation"},
}
SHAPES = {
    "samples": (64,),
    "samples_normal": (64,),
    "interpolation": (4, 10),
    "manifold": (20, 20),
    "denoising_clean": (16,),
    "denoising_noisy": (16,),
    "denoising_restored": (16,),
}


@pytest.fixture
def some(small, kind):
    """Too few codes of 32 numbers for a mixture, enough of others."""
    return replace(small, train=small.train[:329]) if kind == "denoising" else small


def test_whatever_a_model_has_is_pictured_and_again_bit_by_bit(model, kind, some):
    found, again = (collect_pictures(model, some, 7) for _ in range(2))
    assert found.values == again.values
    assert all(np.array_equal(found.arrays[name], again.arrays[name]) for name in found.arrays)
    facts = found.values["pictures"]
    assert facts.keys() == EXPECTED[kind]
    denoised = {"denoising_clean", "denoising_noisy", "denoising_restored"}
    named = facts.keys() - {"denoising"} | (denoised if "denoising" in facts else set())
    assert found.arrays.keys() == named
    for name, values in found.arrays.items():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        rows = (min(20, model.latent_dim), 9)
        assert values.shape == (*SHAPES.get(name, rows), 1, 28, 28)
    assert all(entry["about"].endswith(".") for entry in facts.values())
    json.dumps(found.values, allow_nan=False)


def test_plain_vectors_have_no_pictures(vectors):
    recipe = prepare(load_recipe("elaborate-4"), vectors)
    found = collect_pictures(Network(recipe.model).eval(), vectors, 0)
    assert found.values == found.arrays == {}


@pytest.mark.parametrize("kind", ["vae-2", "plain-2", "cond"])
def test_of_large_images_there_are_fewer(model, small, monkeypatch):
    monkeypatch.setattr(pictures, "VALUES", 20 * 784)
    arrays = collect_pictures(model, small, 0).arrays
    assert len(arrays["samples"]) == 20
    assert len(arrays["traversals"]) == 2
    if model.latent_dim == 2:
        assert arrays["manifold"].shape[:2] == (4, 4)


@pytest.mark.parametrize("kind", ["vae", "cond-2", "plain"])
def test_one_test_image_and_few_training_images_are_enough(model, small):
    tiny = replace(small, train=small.train[::100], test=small.test[:1])
    found = collect_pictures(model, tiny, 0)
    assert "interpolation" not in found.arrays
    assert "traversals" in found.arrays


def test_images_in_colour_without_labels_are_pictured_too(small):
    torch.manual_seed(0)
    dataset = replace(
        small.dataset,
        images=np.repeat(small.dataset.images[:, :, :8, :6], 3, 1),
        labels=None,
        label_names=(),
    )
    split = replace(small, dataset=dataset)
    recipe = prepare(load_recipe("vae-20"), split)
    found = collect_pictures(Network(recipe.model, recipe.objective).eval(), split, 0)
    assert found.arrays["samples"].shape == (64, 3, 8, 6)
