"""Estimators with networks of the user's own."""

import pickle
import sys

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from latentscape import Autoencoder
from latentscape.core.errors import CodeError, UntrustedCode
from latentscape.core.trust import VARIABLE
from latentscape.model.own import giving


class Encoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(width), nn.ReLU())

    def forward(self, vectors):
        return self.layers(vectors)


@pytest.fixture(autouse=True)
def _nobody_is_trusted(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(giving, "_known", {})


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return (rng.random((50, 2)) @ rng.random((2, 6))).astype(np.float32)


def own(**parameters):
    torch.manual_seed(0)
    settings = {"latent_dim": 2, "max_epochs": 2, "batch_size": 16, **parameters}
    return Autoencoder(encoder=Encoder(5), decoder=nn.Linear(2, 6), **settings)


def test_clones_fit_to_the_same_codes_and_leave_the_modules_alone(X):
    estimator = own()
    before = {name: value.clone() for name, value in estimator.decoder.state_dict().items()}
    codes = clone(estimator).fit_transform(X)
    assert np.array_equal(estimator.fit_transform(X), codes)
    assert np.array_equal(estimator.fit_transform(X), codes)  # Not from where it was before.
    after = estimator.decoder.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert estimator.network_.decoder[0].module.weight is not estimator.decoder.weight
    assert estimator.get_params()["encoder"] is estimator.encoder
    assert "Encoder(" in repr(estimator)


def test_the_decoder_of_the_recipe_stays_behind_an_encoder_alone(X):
    estimator = Autoencoder(encoder=Encoder(5), max_epochs=1).fit(X)
    assert estimator.recipe_.model.decoder.kind == "mlp"


def test_pickles_need_no_trust_and_no_module_handed_over(X, tmp_path, monkeypatch):
    estimator = own().fit(X)
    content = pickle.dumps(estimator)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    monkeypatch.setattr(giving, "_known", {})  # As in another process.
    for again in (pickle.loads(content), joblib.load(tmp_path / "estimator.joblib")):
        assert np.array_equal(again.transform(X), estimator.transform(X))
        assert np.array_equal(clone(again).fit_transform(X), estimator.transform(X))


def test_a_model_file_needs_the_modules_once_more(X, tmp_path, monkeypatch):
    estimator, file = own().fit(X), tmp_path / "model.safetensors"
    estimator.save(file)
    monkeypatch.setattr(giving, "_known", {})
    with pytest.raises(CodeError, match="handed over in Python"):
        Autoencoder.load(file)
    modules = {"encoder": Encoder(5), "decoder": nn.Linear(2, 6)}
    again = Autoencoder.load(file, **modules)
    assert np.array_equal(again.transform(X), estimator.transform(X))
    Autoencoder("simple-20", max_epochs=1).fit(X).save(file)
    with pytest.raises(CodeError, match="of kind mlp"):
        Autoencoder.load(file, **modules)


def test_named_networks_are_imported_if_they_are_trusted(X, tmp_path, monkeypatch):
    (tmp_path / "estimated_nets.py").write_text(
        "from torch import nn\nclass Encoder(nn.Linear):\n    def __init__(self, shape):\n"
        "        super().__init__(shape[0], 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    settings = {"kind": "module", "target": "estimated_nets:Encoder"}
    changes = {"model.encoder": settings, "model.decoder": {"kind": "mlp", "widths": [4]}}
    estimator = Autoencoder("simple-20", max_epochs=1, changes=changes)
    with pytest.raises(UntrustedCode):
        estimator.fit(X)
    assert "estimated_nets" not in sys.modules
    monkeypatch.setenv(VARIABLE, "estimated_nets")
    codes = estimator.fit_transform(X)
    estimator.save(tmp_path / "model.safetensors")
    monkeypatch.setenv(VARIABLE, "")
    again = Autoencoder.load(tmp_path / "model.safetensors", trust=["estimated_nets"])
    assert np.array_equal(again.transform(X), codes)
    assert np.array_equal(pickle.loads(pickle.dumps(again)).transform(X), codes)
    sys.modules.pop("estimated_nets")


def test_a_stream_of_data_goes_on(X):
    estimator = own()
    codes = [estimator.partial_fit(X).transform(X) for _ in range(2)]
    assert not np.array_equal(*codes)
    assert np.isfinite(codes).all()


def test_a_search_tries_networks_of_ones_own(X):
    pipeline = make_pipeline(StandardScaler(), own())
    grid = {"autoencoder__encoder": [Encoder(3), nn.Sequential(nn.Linear(6, 4), nn.Tanh())]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_module_of_another_shape_leaves_the_estimator_as_it_was(X):
    estimator = own().fit(X)
    codes = estimator.transform(X)
    estimator.set_params(decoder=nn.Linear(2, 5))
    with pytest.raises(ValueError, match=r"makes \(5,\) of a code \(2,\)"):
        estimator.fit(X)
    assert np.array_equal(estimator.transform(X), codes)
