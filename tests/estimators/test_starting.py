"""Estimators that begin with the weights of a run, and other ways to train."""

import numpy as np
import pytest
from sklearn.base import clone

from latentscape import Autoencoder
from latentscape.core.errors import ConfigError

FEW = {"latent_dim": 4, "max_epochs": 1, "changes": {"model.encoder.widths": [16]}}


@pytest.fixture(scope="module")
def images(digits):
    return digits.images[:200:2]


@pytest.fixture(scope="module")
def earlier(images, tmp_path_factory):
    return Autoencoder("simple-20", **FEW, folder=tmp_path_factory.mktemp("runs")).fit(images)


def test_fit_begins_with_the_weights_of_a_run(earlier, images, tmp_path):
    begun = clone(Autoencoder(start_from=earlier.run_.path, max_epochs=1, lr=1e-9, folder=tmp_path))
    codes = begun.fit(images).transform(images)
    assert begun.recipe_.model.latent.dim == 4
    assert np.allclose(codes, earlier.transform(images), atol=1e-4)
    assert begun.run_.start.left == ()
    assert begun.run_.name.startswith(earlier.run_.name.rsplit("-", 1)[0])
    in_memory = Autoencoder(start_from=earlier.run_.model_file, max_epochs=1, lr=1e-9)
    assert np.array_equal(in_memory.fit(images).transform(images), codes)


def test_partial_fit_begins_with_them_too(earlier, images):
    begun = Autoencoder(start_from=earlier.run_.path, lr=1e-9).partial_fit(images)
    assert np.allclose(begun.transform(images), earlier.transform(images), atol=1e-4)


def test_weights_of_another_kind_are_refused(earlier, images):
    with pytest.raises(ConfigError, match="No layer of"):
        Autoencoder("conv-bn", start_from=earlier.run_.path).fit(images)


def test_other_ways_to_train_are_settings(images):
    changes = {
        **FEW["changes"],
        "train.frozen": ["decoder"],
        "train.average": 0.9,
        "train.accumulate": 2,
        "train.schedule": "one_cycle",
    }
    for fitted in (
        Autoencoder("simple-20", max_epochs=1, latent_dim=4, changes=changes).fit(images),
        Autoencoder("simple-20", latent_dim=4, changes=changes).partial_fit(images),
    ):
        frozen = {name for name, w in fitted.network_.named_parameters() if not w.requires_grad}
        assert frozen == {n for n, _ in fitted.network_.named_parameters() if "decoder" in n}
        assert fitted.transform(images).shape == (len(images), 4)
