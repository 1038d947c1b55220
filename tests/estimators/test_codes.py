"""The estimators that use codes: clusterer, detector, classifier."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV

from latentscape import (
    AutoencoderClassifier,
    AutoencoderClusterer,
    AutoencoderDetector,
    ConfigError,
    DataError,
)
from latentscape.analyses.clusters.clusterers import CLUSTERERS


@pytest.fixture
def frozen(fitted):
    """An autoencoder that no test has to train."""
    return FrozenEstimator(fitted)


@pytest.mark.parametrize("method", CLUSTERERS)
def test_clusters(method, frozen, images):
    clusterer = AutoencoderClusterer(frozen, n_clusters=4, method=method)
    labels = clusterer.fit_predict(images)
    assert labels.shape == (300,)
    assert set(labels) <= set(range(4))
    assert (clusterer.labels_ == labels).all()
    again = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(again.predict(images[:9]), clusterer.predict(images[:9]))


def test_centres_can_be_looked_at(frozen, images):
    clusterer = AutoencoderClusterer(frozen, n_clusters=3).fit(images)
    assert (clusterer.predict(images) == clusterer.labels_).all()
    assert clusterer.autoencoder_.inverse_transform(clusterer.cluster_centers_).shape == (3, 28, 28)


def test_clusters_that_cannot_be(frozen, images):
    with pytest.raises(ConfigError, match="Did you mean 'kmeans'"):
        AutoencoderClusterer(frozen, method="k-means").fit(images)
    with pytest.raises(DataError, match="n_clusters is 301"):
        AutoencoderClusterer(frozen, n_clusters=301).fit(images)


@pytest.mark.parametrize("method", ["reconstruction", "latent_knn", "mahalanobis"])
def test_noise_is_an_anomaly(method, frozen, images):
    detector = AutoencoderDetector(frozen, method=method, contamination=0.05).fit(images)
    noise = np.random.default_rng(0).integers(0, 256, images.shape).astype(np.uint8)
    both = np.concatenate([images, noise])
    truth = np.repeat([1, 0], 300)
    assert roc_auc_score(truth, detector.score_samples(both)) > 0.8
    assert (detector.predict(images) == -1).mean() == pytest.approx(0.05, abs=0.01)
    decisions = detector.decision_function(both)
    np.testing.assert_allclose(decisions, detector.score_samples(both) - detector.offset_)
    np.testing.assert_array_equal(detector.predict(both) == -1, decisions < 0)
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(again.predict(both), detector.predict(both))


def test_a_training_example_is_no_neighbour_of_its_own(frozen, fitted, images):
    detector = AutoencoderDetector(frozen, method="latent_knn").fit(images)
    codes = fitted.transform(images).astype(np.float64)
    distances = np.sort(np.linalg.norm(codes[:, None] - codes, axis=-1))
    np.testing.assert_allclose(
        detector.score_samples(images), -distances[:, 1:6].mean(1), rtol=1e-4
    )
    shifted = codes + 0.01
    nearest = np.sort(np.linalg.norm(shifted[:, None] - codes, axis=-1))[:, :5].mean(1)
    np.testing.assert_allclose(detector._distance(shifted.astype(np.float32)), nearest, rtol=1e-3)


def test_a_frozen_autoencoder_that_knows_names(images, labels, fitted, quick):
    X = pd.DataFrame(images.reshape(300, -1)).rename(columns=lambda i: f"pixel{i}")
    named = FrozenEstimator(quick().fit(X))
    classifier = AutoencoderClassifier(named).fit(X, labels)
    assert classifier.predict(X).shape == (300,)
    with pytest.raises(ValueError, match="feature names"):
        classifier.predict(X.rename(columns={"pixel3": "three"}))


def test_detectors_that_cannot_be(frozen, images):
    with pytest.raises(ConfigError, match="Did you mean 'latent_knn'"):
        AutoencoderDetector(frozen, method="latent-knn").fit(images)
    for contamination in (0, 0.6):
        with pytest.raises(ConfigError, match=f"contamination is {contamination}"):
            AutoencoderDetector(frozen, contamination=contamination).fit(images)
    with pytest.raises(DataError, match="more than the 5 neighbours"):
        AutoencoderDetector(frozen, method="latent_knn").fit(images[:5])


@pytest.mark.parametrize("probe", ["logistic", "knn", "mlp"])
def test_labels_are_read_from_codes(probe, frozen, images, labels):
    names = np.array([f"digit {label}" for label in labels])
    classifier = AutoencoderClassifier(frozen, probe=probe).fit(images[:200], names[:200])
    assert list(classifier.classes_) == sorted(set(names[:200]))
    chances = classifier.predict_proba(images)
    np.testing.assert_allclose(chances.sum(1), 1, atol=1e-6)
    assert (classifier.predict(images) == classifier.classes_[chances.argmax(1)]).all()
    assert classifier.score(images[200:], names[200:]) > 0.3
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict(images), classifier.predict(images))


def test_the_probe_sees_the_codes_alone(frozen, fitted, images, labels):
    codes = fitted.transform(images)
    standardised = (codes - codes.mean(0)) / np.sqrt(codes.var(0).mean())
    expected = LogisticRegression(max_iter=200).fit(standardised, labels).predict(standardised)
    classifier = AutoencoderClassifier(frozen).fit(images, labels)
    assert accuracy_score(expected, classifier.predict(images)) > 0.99


def test_classifiers_that_cannot_be(frozen, images, labels):
    with pytest.raises(ConfigError, match="Did you mean 'logistic'"):
        AutoencoderClassifier(frozen, probe="logistics").fit(images, labels)
    with pytest.raises(DataError, match="only one class"):
        AutoencoderClassifier(frozen).fit(images, np.zeros(300))


def test_a_grid_over_the_autoencoder_within(quick, images, labels):
    search = GridSearchCV(
        AutoencoderClassifier(quick(max_epochs=5, batch_size=32)),
        {"autoencoder__latent_dim": [1, 8]},
        cv=2,
    ).fit(images, labels)
    assert search.best_params_ == {"autoencoder__latent_dim": 8}
