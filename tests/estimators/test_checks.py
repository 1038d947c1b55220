"""Scikit-learn's own checks, on every estimator."""

import numpy as np
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
from latentscape.config import fitting, load_recipe


def quick(recipe="simple-20", **settings):
    """Take one epoch, because the checks fit hundreds of times."""
    return Autoencoder(recipe, max_epochs=1, **settings)


ESTIMATORS = [
    Autoencoder(),
    AutoencoderClusterer(),
    AutoencoderDetector(),
    AutoencoderClassifier(),
]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Shorten what training is fitted to, because the checks fit hundreds of times."""
    monkeypatch.setattr(fitting, "STEPS", 1)


# SciPy's array API is off unless a variable of the environment turns it on, so that scikit-learn
# skips one check: arrays of other libraries, which the estimators convert to NumPy's.
@pytest.mark.filterwarnings("ignore:Skipping check check_array_api_input")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda it: type(it).__name__)
def test_scikit_learn_accepts_every_estimator_as_it_stands(estimator):
    check_estimator(estimator)


def test_other_methods_pass_the_checks_that_depend_on_the_method():
    for estimator in (
        quick("vae-20", latent_dim=3, batch_size=16, changes={"model.likelihood": "gaussian"}),
        AutoencoderClusterer(quick(latent_dim=4), method="gmm"),
        AutoencoderClusterer(quick(latent_dim=4), method="agglomerative"),
        AutoencoderDetector(quick(latent_dim=4), method="mahalanobis", contamination=0.2),
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


@pytest.mark.parametrize(
    ("shape", "settings", "recipe"),
    [
        ((9,), {}, "simple-20"),
        ((8, 8), {}, "simple-20"),
        ((15, 40), {}, "simple-20"),
        ((16, 16), {}, "conv-bn"),
        ((20, 16, 3), {}, "conv-bn"),
        ((256,), {}, "simple-20"),
        ((256,), {"image_shape": (16, 16)}, "conv-bn"),
    ],
)
def test_without_a_recipe_the_data_decide(shape, settings, recipe):
    X = np.random.default_rng(0).random((12, *shape))
    estimator = Autoencoder(max_epochs=1, **settings).fit(X)
    assert estimator.recipe_.name == recipe
    assert estimator.recipe is None


def test_fit_fits_training_to_the_examples_unless_it_shall_be_as_published(vectors):
    X = vectors.dataset.images[:]
    fitted = Autoencoder("beta-vae", random_state=1).fit(X)
    assert fitted.recipe_.published.examples == len(X) - len(X) // 10
    assert fitted.recipe_.train.batch_size == 8
    assert fitted.n_iter_ == fitted.recipe_.train.epochs
    published = Autoencoder("beta-vae", max_epochs=1, as_published=True).fit(X)
    assert published.recipe_.published is None
    assert published.recipe_.train.batch_size == load_recipe("beta-vae").train.batch_size
    with_lr = Autoencoder("beta-vae", lr=0.02, batch_size=32).fit(X)
    assert (with_lr.recipe_.train.lr, with_lr.recipe_.train.batch_size) == (0.02, 32)


def test_partial_fit_trains_as_published(vectors):
    estimator = Autoencoder("simple-20").partial_fit(vectors.dataset.images)
    assert estimator.recipe_.published is None
    assert estimator.recipe_.train.lr == load_recipe("simple-20").train.lr


def test_the_defaults_are_none_where_the_data_decide():
    estimator = Autoencoder()
    assert estimator.get_params() == {
        **dict.fromkeys(["recipe", "latent_dim", "max_epochs", "batch_size", "lr", "changes"]),
        **dict.fromkeys(["image_shape", "value_range", "folder"]),
        **dict.fromkeys(["start_from", "encoder", "decoder"]),
        "as_published": False,
        "validation_fraction": 0.1,
        "device": "auto",
        "verbose": False,
        "random_state": 0,
    }


def test_a_frozen_autoencoder_is_not_trained_again(vectors):
    X = vectors.dataset.images[:]
    fitted = quick(latent_dim=3).fit(X).set_output(transform="pandas")
    before = fitted.transform(X)
    clusterer = AutoencoderClusterer(FrozenEstimator(fitted), n_clusters=2).fit(X[:50])
    assert clusterer.autoencoder_.transform(X).equals(before)
    assert fitted.transform(X).equals(before)
