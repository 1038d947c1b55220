"""An autoencoder as scikit-learn's users know their estimators."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import latentscape
from latentscape import Autoencoder, ConfigError, DataError, TrainingError
from latentscape.core import files
from latentscape.core.errors import Interrupted
from latentscape.core.findings import to_json
from latentscape.data import stores
from latentscape.training import train as training

from .layouts import in_layout


def test_codes_are_the_networks_own(images, fitted):
    with torch.inference_mode():
        codes = fitted.network_.encode(torch.from_numpy(images[:50, None]))
    np.testing.assert_allclose(fitted.transform(images[:50]), codes.numpy(), atol=1e-5)


def test_learning_pays(images, fitted):
    mean = np.broadcast_to(images.mean(0), images.shape)
    of_the_mean = -(((images - mean) / 255.0) ** 2).mean()
    assert fitted.score(images) > of_the_mean * 0.95
    assert fitted.history_[-1]["train"]["loss"] < fitted.history_[0]["train"]["loss"]


def test_the_score_is_minus_the_squared_error_on_the_scale_of_the_range(images, fitted):
    errors = ((fitted.reconstruct(images) - images) / 255.0) ** 2
    expected = -errors.reshape(len(images), -1).mean(1)
    np.testing.assert_allclose(fitted.score_samples(images), expected, atol=1e-6)
    assert fitted.score(images) == pytest.approx(expected.mean(), abs=1e-6)


def test_a_learnt_range_is_no_unit_of_scores(quick):
    """An outlier widens the range of the folds that it is trained in, a hundredfold."""
    X = np.random.default_rng(0).standard_normal((90, 6))
    X[3, 2] = 300.0
    folds = [(np.setdiff1d(np.arange(90), test), test) for test in np.split(np.arange(90), 3)]
    scores = cross_val_score(quick(latent_dim=3), X, cv=folds, error_score="raise")
    for score, (train, test) in zip(scores, folds, strict=True):
        fitted = quick(latent_dim=3).fit(X[train])
        usual = test[np.abs(X[test]).max(1) < 100]
        errors = (X[usual] - fitted.reconstruct(X[usual])) ** 2
        assert fitted.score(X[usual]) == pytest.approx(-errors.mean(), rel=1e-4)
        assert score == pytest.approx(fitted.score(X[test]))
    # The fold that is tested on the outlier does worst, and no fold is better for a wide range.
    assert scores[0] < -(300**2) / 180 / 2
    assert max(scores) < -0.5


def test_scores_of_a_set_range_and_of_8_bit_integers_are_on_their_scale(images, quick):
    eight_bits = quick().fit(images[:200])
    floats = images[:200].astype(np.float32)
    in_units = quick().fit(floats).score(floats)
    assert eight_bits.score(images[:200]) == pytest.approx(in_units / 255**2, rel=1e-3)
    on_scale = quick(value_range=(0, 255)).fit(floats).score(floats)
    assert on_scale == pytest.approx(eight_bits.score(images[:200]), rel=1e-3)


def test_the_range_is_learnt_from_the_values(quick):
    for values, expected in [
        (np.uint8([[0, 3], [9, 200]]), (0, 255)),
        (np.array([[0, 0.3], [0.9, 0.2]]), (0, 1)),
        (np.array([[-2, 0.3], [0.9, 6]]), (-2, 6)),
        (np.array([[0, 3], [9, 16]]), (0, 16)),
        (np.full((3, 2), 7.0), (7, 8)),
    ]:
        assert quick().fit(values).recipe_.model.input.range == expected


def test_values_come_back_in_their_own_range(images, fitted, quick):
    shifted = quick(max_epochs=8, latent_dim=6, batch_size=32).fit(images * 0.5 - 30)
    back = shifted.reconstruct(images * 0.5 - 30)
    assert -31 < back.min() < -25
    assert 40 < back.max() < 98


def test_a_value_range_is_checked(images, quick):
    with pytest.raises(DataError, match=r"value_range is \(5, 5\)"):
        quick(value_range=(5, 5)).fit(images)
    with pytest.raises(DataError, match="value_range"):
        quick(value_range=(0, 100)).fit(images)


def test_the_parameters_change_the_recipe(images):
    estimator = Autoencoder(
        "simple-20",
        latent_dim=3,
        max_epochs=2,
        batch_size=50,
        lr=0.01,
        changes={"train.optimizer": "sgd", "model.encoder.widths": [16]},
    ).fit(images)
    recipe = estimator.recipe_
    assert recipe.model.latent.dim == 3
    assert (recipe.train.epochs, recipe.train.batch_size, recipe.train.lr) == (2, 50, 0.01)
    assert (recipe.train.optimizer, recipe.model.encoder.widths) == ("sgd", (16,))
    assert estimator.n_iter_ == len(estimator.history_) == 2


def test_the_same_seed_makes_the_same_codes(images, quick):
    first, same, different = (
        quick(random_state=seed).fit(images).transform(images) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != different).any()


def test_early_stopping(images, quick):
    estimator = quick(max_epochs=50, lr=0.05, changes={"train.patience": 1}).fit(images)
    assert estimator.n_iter_ < 50


def test_nothing_is_held_out_with_a_fraction_of_zero(images, quick):
    assert quick(validation_fraction=0.0).fit(images).history_[0]["validation"] is None


def test_samples_of_a_prior_and_of_a_mixture(images, quick, fitted):
    for estimator in (quick("vae-20", max_epochs=2).fit(images), fitted):
        samples = estimator.sample(7, random_state=3)
        assert samples.shape == (7, 28, 28)
        assert samples.min() >= 0
        assert samples.max() <= 255
        np.testing.assert_array_equal(samples, estimator.sample(7, random_state=3))
        assert (estimator.sample(7) != estimator.sample(7)).any()


def test_too_few_examples_for_a_mixture(images, quick):
    with pytest.raises(DataError, match="too few for a mixture"):
        quick().fit(images[:20]).sample(3)


def test_a_fit_that_fails_changes_nothing(images, quick, monkeypatch, tmp_path):
    estimator = quick(folder=tmp_path).fit(images)
    before, content = pickle.dumps(estimator), sorted(estimator.run_.path.iterdir())

    def fail(*_, **__):
        raise TrainingError("It failed")

    monkeypatch.setattr(training, "fit", fail)
    for X in (images, images[:, :14] / 255.0):
        with pytest.raises(TrainingError):
            estimator.fit(X)
    assert pickle.dumps(estimator) == before
    assert sorted(estimator.run_.path.iterdir()) == content
    assert len(list(tmp_path.iterdir())) == 1


def test_fits_in_threads_are_as_good_as_alone(images, quick):
    alone = quick("dense-dropout").fit(images).transform(images)
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda _: quick("dense-dropout").fit(images).transform(images), range(2))
        for codes in both:
            np.testing.assert_array_equal(codes, alone)


def test_a_clone_is_not_fitted(fitted, images):
    with pytest.raises(NotFittedError):
        clone(fitted).transform(images)


def test_a_pipeline_and_a_grid(images, labels, quick):
    flat = in_layout(images, "flat")
    pipeline = make_pipeline(MinMaxScaler(), quick())
    assert pipeline.fit(flat).transform(flat).shape == (300, 20)
    assert pipeline.score(flat) == pytest.approx(pipeline[-1].score(flat / 255.0), abs=0.02)
    search = GridSearchCV(
        quick(max_epochs=5, batch_size=32, lr=0.005), {"latent_dim": [1, 16]}, cv=2
    )
    search.fit(images)
    assert search.best_params_ == {"latent_dim": 16}
    assert search.best_estimator_.transform(images).shape == (300, 16)


def test_cross_validation_in_two_processes(images, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of joblib's workers, which may be slow to start.
        scores = cross_val_score(quick(), images, cv=2, n_jobs=2)
    np.testing.assert_allclose(scores, cross_val_score(quick(), images, cv=2), rtol=1e-4)


def test_data_frames(images, quick):
    X = pd.DataFrame(in_layout(images, "flat"), columns=[f"pixel{i}" for i in range(784)])
    for container in ("pandas", "polars"):
        estimator = quick(latent_dim=2).set_output(transform=container)
        codes = estimator.fit_transform(X)
        assert type(codes).__module__.startswith(container)
        assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
        assert list(estimator.feature_names_in_[:2]) == ["pixel0", "pixel1"]
        assert estimator.reconstruct(X).shape == X.shape


def test_labels_where_the_recipe_trains_with_them(images, labels, quick):
    with pytest.raises(DataError, match=r"as in fit\(X, y\)"):
        quick("kaggle-2d-center").fit(images)
    estimator = quick("kaggle-2d-center").fit(images, labels)
    assert estimator.transform(images).shape == (300, 2)
    with pytest.raises(DataError, match="299 labels"):
        quick("kaggle-2d-center").fit(images, labels[1:])


def test_a_conditional_recipe_is_refused(images, labels, quick):
    with pytest.raises(ConfigError, match="conditioned on labels"):
        quick("cond-vae").fit(images, labels)


def test_a_folder_keeps_the_run(images, quick, tmp_path):
    estimator = quick(folder=tmp_path).fit(images)
    again = quick(folder=tmp_path).fit(images)
    other = quick(folder=tmp_path, latent_dim=3).fit(images)
    assert estimator.run_.path == again.run_.path != other.run_.path
    assert estimator.run_.history.records() == again.history_
    model = latentscape.load(estimator.run_.path)
    np.testing.assert_array_equal(
        model.latent.layers[0].weight.detach().numpy(),
        estimator.network_.latent.layers[0].weight.detach().numpy(),
    )


def test_without_a_folder_nothing_is_written(images, quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "write_atomic", lambda path, write: pytest.fail(f"wrote {path}"))
    assert quick().fit(images).run_ is None
    assert not any(tmp_path.iterdir())


def test_wrong_codes_are_refused(fitted):
    with pytest.raises(DataError, match="codes of 5 numbers"):
        fitted.inverse_transform(np.zeros((2, 5)))


def test_an_interrupt_stops_whatever_runs_many_fits(images, quick, monkeypatch):
    def interrupted(*_, **__):
        raise Interrupted("Stopped")

    monkeypatch.setattr(training, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(quick(), images, cv=2)


def test_pixels_are_drawn_where_the_recipe_draws_them(images, quick):
    small = {"model.encoder.widths": [8], "objective.samples": 1}
    for binarize in ("static", "dynamic"):
        estimator = quick("vae-50", changes={**small, "data.binarize": binarize}).fit(images)
        grey = quick("vae-50", changes={**small, "data.binarize": "none"}).fit(images)
        assert (estimator.transform(images) != grey.transform(images)).any()


def test_changes_that_would_be_ignored(images, quick):
    for changes, message in [
        ({"data.train": 10}, "means nothing"),
        ({"data.validation": 0.2}, "validation_fraction"),
        ({"train.seed": 3}, "random_state"),
        ({"model.latent.dim": 9}, "latent_dim"),
    ]:
        with pytest.raises(ConfigError, match=message):
            quick(latent_dim=3, changes=changes).fit(images)


def test_settings_out_of_range(images, quick):
    for name, value in {"validation_fraction": 1.5, "max_epochs": 0, "random_state": -1}.items():
        with pytest.raises(ConfigError):
            quick(**{name: value}).fit(images)


def test_numbers_of_samples_out_of_range(fitted):
    for count in (0, -1, 2.5):
        with pytest.raises(ConfigError, match="n_samples"):
            fitted.sample(count)


def test_a_code_does_not_depend_on_its_company(images, fitted, quick):
    for estimator in (fitted, quick("conv-bn", latent_dim=3).fit(images)):
        codes = estimator.transform(images)
        alone = np.concatenate([estimator.transform(image[None]) for image in images[:20]])
        np.testing.assert_array_equal(alone, codes[:20])
        np.testing.assert_array_equal(estimator.transform(images[::-1]), codes[::-1])


def test_a_run_that_was_kept_is_not_evaluated_on_what_it_was_trained_on(images, quick, tmp_path):
    run = quick(folder=tmp_path).fit(images).run_
    with pytest.raises(DataError, match="in memory"):
        latentscape.evaluate(run)
    with pytest.raises(DataError, match="measure it with its score"):
        latentscape.evaluate(run, data=latentscape.Dataset("X", images[:, None]))


def test_values_on_another_scale_are_refused(fitted, images):
    for method in (fitted.transform, fitted.score_samples, fitted.reconstruct):
        with pytest.raises(DataError, match=r"values of X go from 0 to 1020.*value_range"):
            method(images * np.int64(4))


def test_values_a_little_beyond_a_learnt_range_are_none(quick):
    X = np.random.default_rng(0).normal(size=(60, 8))
    estimator = quick().fit(X)
    assert estimator.transform(X * 1.2).shape == (60, 20)
    with pytest.raises(DataError, match="values of X go from"):
        estimator.transform(X * 100)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((8, 8), {}), ((64,), {}), ((64,), {"image_shape": (8, 8)}), ((4, 4, 4), {})],
)
def test_an_x_that_is_mapped_stays_mapped_and_is_as_any_other(
    tmp_path, monkeypatch, quick, shape, settings
):
    images = np.random.default_rng(0).integers(0, 255, (60, *shape), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    resident = quick("simple-20", **settings, folder=tmp_path / "a").fit(images)
    assert quick("simple-20", **settings).fit(mapped)._dataset(mapped).images.kind == "resident"
    stored = {"changes": {"data.store": "mapped"}}
    asked = quick("simple-20", **settings, **stored, folder=tmp_path / "b").fit(mapped)
    monkeypatch.setattr(stores, "available_memory", lambda: 0)
    large = quick("simple-20", **settings, folder=tmp_path / "c").fit(mapped)
    for estimator in (asked, large):
        assert estimator.run_.data.kept.kind == "mapped"
        assert estimator._dataset(mapped[3:]).images.kind == "mapped"
        assert np.array_equal(estimator.transform(mapped), resident.transform(images))
        assert np.array_equal(estimator.score_samples(mapped), resident.score_samples(images))
        findings = [one.diagnose(X) for one, X in ((estimator, mapped), (resident, images))]
        assert to_json(findings[0]) == to_json(findings[1])
    assert large.run_.name == resident.run_.name, "their data have one fingerprint"
