"""Scikit-learn's own checks, on every estimator."""

import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.utils.estimator_checks import (
    check_dict_unchanged,
    check_estimator,
    check_estimators_pickle,
    check_fit_idempotent,
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
)

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
    quick("vae-20", latent_dim=3, batch_size=16, changes={"model.likelihood": "gaussian"}),
    AutoencoderClusterer(quick(latent_dim=4), method="gmm"),
    AutoencoderDetector(quick(latent_dim=4), method="mahalanobis", contamination=0.2),
    AutoencoderClassifier(quick(latent_dim=4)),
]


# SciPy's array API is off unless a variable of the environment turns it on, so that scikit-learn
# skips one check: arrays of other libraries, which the estimators convert to NumPy's.
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda it: type(it).__name__)
def test_scikit_learn_accepts(estimator):
    check_estimator(estimator)


def test_other_methods_pass_the_checks_that_depend_on_the_method():
    for estimator in (
        quick("dense-dropout", latent_dim=2),
        AutoencoderClusterer(quick(latent_dim=4)),
        AutoencoderClusterer(quick(latent_dim=4), method="agglomerative"),
        AutoencoderDetector(quick(latent_dim=4)),
        AutoencoderDetector(quick(latent_dim=4), method="latent_knn"),
        AutoencoderClassifier(quick(latent_dim=4), probe="knn"),
        AutoencoderClassifier(quick(latent_dim=4), probe="mlp"),
    ):
        for check in (
            check_dict_unchanged,
            check_estimators_pickle,
            check_fit_idempotent,
            check_methods_sample_order_invariance,
            check_methods_subset_invariance,
        ):
            check(type(estimator).__name__, estimator)


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
