"""Scikit-learn's own checks, on every estimator and in several settings."""

import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from latentscape import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderClusterer,
    AutoencoderDetector,
)


def quick(recipe="simple-20", **settings):
    """Take one epoch, because the checks fit hundreds of times."""
    return Autoencoder(recipe, max_epochs=1, **settings)


ESTIMATORS = [
    quick(),
    quick("vae-20", latent_dim=3, batch_size=16),
    quick("dense-dropout", latent_dim=2, changes={"model.likelihood": "gaussian"}),
    AutoencoderClusterer(quick()),
    AutoencoderClusterer(quick(latent_dim=4), method="gmm"),
    AutoencoderClusterer(quick(latent_dim=4), method="agglomerative"),
    AutoencoderDetector(quick()),
    AutoencoderDetector(quick(latent_dim=4), method="latent_knn"),
    AutoencoderDetector(quick(latent_dim=4), method="mahalanobis", contamination=0.2),
    AutoencoderClassifier(quick()),
    AutoencoderClassifier(quick(latent_dim=4), probe="knn"),
    AutoencoderClassifier(quick(latent_dim=4), probe="mlp"),
]


# What only a flag in the environment turns on, set before SciPy is imported: arrays of other
# libraries, which the estimators take by turning them into NumPy's.
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@parametrize_with_checks(ESTIMATORS)
def test_what_scikit_learn_asks(estimator, check):
    check(estimator)


def test_the_defaults_are_those_of_the_recipe():
    estimator = Autoencoder()
    assert estimator.get_params() == {
        **dict.fromkeys(["latent_dim", "max_epochs", "batch_size", "lr", "changes"]),
        **dict.fromkeys(["image_shape", "value_range", "folder"]),
        "recipe": "conv-bn",
        "validation_fraction": 0.1,
        "device": "auto",
        "verbose": False,
        "random_state": 0,
    }


def test_a_frozen_autoencoder_is_not_trained_again(vectors):
    X = vectors.dataset.images
    fitted = quick(latent_dim=3).fit(X).set_output(transform="pandas")
    before = fitted.transform(X)
    clusterer = AutoencoderClusterer(FrozenEstimator(fitted), n_clusters=2).fit(X[:50])
    assert clusterer.autoencoder_.transform(X).equals(before)
    assert fitted.transform(X).equals(before)
