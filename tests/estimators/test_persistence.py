"""Pickles and model files of an autoencoder."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

import latentscape
from latentscape import Autoencoder, DataError, RunError
from latentscape.runs import save_model

from .layouts import LAYOUTS, in_layout


def assert_same(estimator, other, images):
    np.testing.assert_array_equal(estimator.transform(images), other.transform(images))
    np.testing.assert_array_equal(estimator.sample(3, 1), other.sample(3, 1))
    assert estimator.history_ == other.history_
    assert estimator.recipe_ == other.recipe_
    assert estimator.layout_ == other.layout_


def test_pickle_and_joblib(images, fitted, tmp_path):
    assert_same(pickle.loads(pickle.dumps(fitted)), fitted, images)
    joblib.dump(fitted, tmp_path / "x.joblib")
    assert_same(joblib.load(tmp_path / "x.joblib"), fitted, images)


def test_a_pickle_of_version_0_1_0(images, fitted):
    state = fitted.__getstate__()
    state["layout_"] = dict(zip(["given", "image", "seen"], state["layout_"].values(), strict=True))
    state["_some_codes"] = state.pop("_training_codes")
    estimator = Autoencoder()
    estimator.__setstate__(state)
    assert_same(estimator, fitted, images)


def test_no_object_of_the_network_is_pickled(images, quick, tmp_path):
    streamed = quick().partial_fit(images)
    streamed.save(tmp_path / "model.safetensors")
    for estimator in (streamed, quick(folder=tmp_path).fit(images)):
        content = pickle.dumps(estimator)
        for name in (b"torch.", b"latentscape.model", b"latentscape.config", b"latentscape.runs"):
            assert name not in content


def test_a_pickle_goes_to_a_machine_without_the_device(images, fitted):
    elsewhere = pickle.loads(pickle.dumps(fitted))
    elsewhere.device = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.warns(UserWarning, match="Going on with the CPU"):
        here = pickle.loads(pickle.dumps(elsewhere))
    np.testing.assert_array_equal(here.transform(images), fitted.transform(images))


def test_save_and_load(images, quick, tmp_path):
    file = tmp_path / "model.safetensors"
    for layout in LAYOUTS:
        X = in_layout(images, layout)
        shape = (28, 28) if layout == "flat" else None
        estimator = quick("vae-20", image_shape=shape, random_state=5).fit(X)
        estimator.save(file)
        again = Autoencoder.load(file)
        assert_same(again, estimator, X)
        assert again.reconstruct(X).shape == X.shape
        np.testing.assert_array_equal(clone(again).fit(X).transform(X), estimator.transform(X))
    assert latentscape.load(file).latent_dim == 20


def test_scores_keep_their_unit(quick, tmp_path):
    """A range that was learnt is no unit, and files from before scores had one count the range."""
    X, file = np.random.default_rng(0).standard_normal((40, 5)), tmp_path / "model.safetensors"
    for settings in ({}, {"value_range": (-5, 5)}):
        estimator = quick(latent_dim=2, **settings).fit(X)
        estimator.save(file)
        again = Autoencoder.load(file)
        assert again.value_range == settings.get("value_range")
        for other in (again, pickle.loads(pickle.dumps(estimator)), clone(again).fit(X)):
            assert other.score(X) == pytest.approx(estimator.score(X))
    save_model(file, estimator.network_.state_dict(), estimator.recipe_, (), {})
    assert Autoencoder.load(file).score(X) == pytest.approx(estimator.score(X))


def test_save_keeps_the_names_of_features(images, quick, tmp_path):
    X = pd.DataFrame(in_layout(images, "flat")).rename(columns=str)
    quick().fit(X).save(tmp_path / "model.safetensors")
    again = Autoencoder.load(tmp_path / "model.safetensors")
    assert list(again.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        again.transform(X.rename(columns={"3": "three"}))


def test_a_run_becomes_an_estimator(images, tmp_path):
    run = latentscape.train(
        "simple-20",
        data="mnist-5k",
        changes={"train.epochs": 1, "data.train": 200, "data.test": 20},
        folder=tmp_path,
        quiet=True,
    )
    estimator = Autoencoder.load(run.path)
    assert estimator.run_ == run
    assert estimator.n_iter_ == 1
    assert estimator.reconstruct(images).shape == images.shape
    with pytest.raises(DataError, match="no training codes"):
        estimator.sample(2)
    assert estimator.partial_fit(images).n_iter_ == 2


def test_entries_for_an_estimator_are_checked(images, quick, tmp_path):
    estimator = quick().fit(images)
    file = tmp_path / "model.safetensors"
    for damage in [
        {"given": 5},
        {"given": [3, 3]},
        {"image": None},
        {"history": 5},
        {"feature_names": ["a"]},
        {"unit": "x"},
        {"unit": 0},
    ]:
        entries = {"given": [28, 28], "image": [28, 28], "history": [], **damage}
        save_model(file, estimator.network_.state_dict(), estimator.recipe_, (), entries)
        with pytest.raises(RunError, match="entries for an estimator are not valid"):
            Autoencoder.load(file)
