import numpy as np
import pytest

from latentscape import Autoencoder


@pytest.fixture(scope="session")
def images(digits):
    """300 digits (N, H, W), as users have them in memory."""
    return digits.images[sample_of(digits), 0]


@pytest.fixture(scope="session")
def labels(digits):
    return digits.labels[sample_of(digits)]


def sample_of(digits):
    """Draw 300 digits, since they are sorted by label."""
    return np.random.default_rng(0).permutation(len(digits))[:300]


@pytest.fixture(scope="session")
def fitted(images):
    """A small autoencoder, trained enough to reconstruct a little."""
    settings = {"latent_dim": 6, "max_epochs": 8, "batch_size": 32, "as_published": True}
    return Autoencoder("simple-20", **settings).fit(images)


@pytest.fixture(scope="session")
def quick():
    """Return a function that makes an autoencoder that is trained for one epoch."""

    def make(recipe="simple-20", **settings):
        return Autoencoder(recipe, **{"max_epochs": 1, **settings})

    return make
