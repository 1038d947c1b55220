"""The pictures of a run, for every kind of latent."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe
from latentscape.core.findings import take_arrays
from latentscape.evaluation import pictures
from latentscape.evaluation.pictures import Pictures, make_pictures
from latentscape.model import Network
from latentscape.reporting.sentences import (
    describe_denoising,
    describe_interpolation,
    describe_manifold,
    describe_samples,
    describe_traversals,
)

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
    "samples/images": (64,),
    "samples_normal/images": (64,),
    "interpolation/images": (4, 10),
    "manifold/images": (20, 20),
    "denoising/clean": (16,),
    "denoising/noisy": (16,),
    "denoising/restored": (16,),
}
DESCRIBE = {
    "samples": describe_samples,
    "samples_normal": describe_samples,
    "interpolation": describe_interpolation,
    "traversals": describe_traversals,
    "manifold": describe_manifold,
    "denoising": describe_denoising,
}


@pytest.fixture
def split(small, kind):
    """Too few codes of 32 numbers for a mixture, enough of others."""
    return replace(small, train=small.train[:329]) if kind == "denoising" else small


def test_whatever_a_model_has_is_pictured_and_again_bit_by_bit(model, kind, split):
    pictures, (again, same) = (
        make_pictures(model, split, 7),
        take_arrays(make_pictures(model, split, 7)),
    )
    facts, arrays = take_arrays(pictures)
    assert facts == again
    assert all(np.array_equal(arrays[name], same[name]) for name in arrays)
    assert {name for name, part in facts.items() if part is not None} == EXPECTED[kind]
    for name, values in arrays.items():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        rows = (min(20, model.latent_dim), 9)
        assert values.shape == (*SHAPES.get(name, rows), 1, 28, 28)
    for name in EXPECTED[kind]:
        assert DESCRIBE[name](getattr(pictures, name)).endswith(".")
    json.dumps(facts, allow_nan=False)


def test_plain_vectors_have_no_pictures(vectors):
    recipe = prepare(load_recipe("elaborate-4"), vectors)
    assert make_pictures(Network(recipe.model).eval(), vectors, 0) == Pictures()


@pytest.mark.parametrize("kind", ["vae-2", "plain-2", "cond"])
def test_of_large_images_there_are_fewer(model, small, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_VALUES", 20 * 784)
    few = make_pictures(model, small, 0)
    assert len(few.samples.images) == 20
    assert len(few.traversals.images) == 2
    if model.latent_dim == 2:
        assert few.manifold.images.shape[:2] == (4, 4)


@pytest.mark.parametrize("kind", ["vae", "cond-2", "plain"])
def test_one_test_image_and_few_training_images_are_enough(model, small):
    tiny = replace(small, train=small.train[::100], test=small.test[:1])
    few = make_pictures(model, tiny, 0)
    assert few.interpolation is None
    assert few.traversals is not None


def test_images_in_colour_without_labels_are_pictured_too(small):
    torch.manual_seed(0)
    dataset = replace(
        small.dataset,
        images=np.repeat(np.asarray(small.dataset.images)[:, :, :8, :6], 3, 1),
        labels=None,
        label_names=(),
    )
    split = replace(small, dataset=dataset)
    recipe = prepare(load_recipe("vae-20"), split)
    colourful = make_pictures(Network(recipe.model, recipe.objective).eval(), split, 0)
    assert colourful.samples.images.shape == (64, 3, 8, 6)
