"""Estimators say what is wrong with them."""

import joblib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from doctor.cases import CASES, images
from latentscape import Autoencoder, AutoencoderClusterer

X = images().dataset.images[:400]
COLLAPSING = {"objective.weights.reconstruction": 1 / 64, "model.encoder.widths": [16]}


@pytest.fixture(scope="module")
def collapsed():
    return Autoencoder("vae-20", max_epochs=4, latent_dim=4, changes=COLLAPSING).fit(X)


def test_it_names_the_cause_first_and_the_settings_that_mend_it(collapsed):
    first = collapsed.diagnose(X).first
    assert first.symptom == "kl_weight"
    assert first.changes == {"objective.weights.reconstruction": 1.0}
    mended = collapsed.set_params(changes={**COLLAPSING, **first.changes})
    assert mended.changes["objective.weights.reconstruction"] == 1.0


def test_what_was_held_out_is_looked_at(collapsed):
    assert (collapsed.diagnose(X).looked_at, collapsed.diagnose(X).n) == ("validation", 40)


def test_labels_do_not_change_what_was_held_out(collapsed):
    labels = np.arange(len(X)) % 7
    without, with_labels = (collapsed._patient(X, y) for y in (None, labels))
    assert (without.index == with_labels.index).all()
    assert with_labels.has("labels")


def test_a_pickle_is_diagnosed_as_the_estimator_is(collapsed, tmp_path):
    joblib.dump(collapsed, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib").diagnose(X)
    assert again.examined == collapsed.diagnose(X).examined


def test_epochs_of_streams_are_known():
    model = Autoencoder("simple-20", latent_dim=2, changes={"model.encoder.widths": [8]})
    diagnoses = model.partial_fit(X).partial_fit(X).diagnose(X)
    assert diagnoses.get("under_training").fact("steps") > 0
    assert diagnoses.looked_at == "train"  # Nothing was held out.


def test_a_clusterer_has_a_number_of_clusters_that_can_be_wrong(collapsed):
    apart = next(case for case in CASES if case.symptom == "cluster_count")
    values = images(**apart.data).dataset.images[:300]
    changes = {"model.encoder.widths": [32]}
    encoder = Autoencoder("simple-20", latent_dim=4, max_epochs=30, batch_size=32, changes=changes)
    clusterer = AutoencoderClusterer(FrozenEstimator(encoder.fit(values)), n_clusters=10)
    wrong = clusterer.fit(values).diagnose(values).get("cluster_count")
    assert (wrong.value, wrong.fact("best")) == (10, 4)


def test_before_fit_there_is_nothing_to_diagnose():
    with pytest.raises(NotFittedError):
        Autoencoder().diagnose(np.zeros((4, 8, 8)))
