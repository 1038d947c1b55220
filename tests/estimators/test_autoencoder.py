import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
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
from latentscape import Autoencoder, ConfigError, DataError, RunError, TrainingError
from latentscape.core import files
from latentscape.core.errors import Interrupted
from latentscape.estimators import streaming
from latentscape.runs import save_model
from latentscape.training.loop import Trainer
from latentscape.training.step import TrainingStep

from .layouts import in_layout

LAYOUTS = ["NHW", "NCHW", "NHWC", "flat"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_means_the_same(layout, images, quick):
    X = in_layout(images[:60], layout)
    shape = (28, 28) if layout == "flat" else None
    estimator = quick("conv-bn", latent_dim=3, image_shape=shape).fit(X)
    plain = quick("conv-bn", latent_dim=3).fit(images[:60])
    assert estimator.recipe_.model.input.shape == (1, 28, 28)
    codes = estimator.transform(X)
    np.testing.assert_array_equal(codes, plain.transform(images[:60]))
    back = estimator.inverse_transform(codes)
    assert back.shape == X.shape
    expected = plain.reconstruct(images[:60])
    np.testing.assert_array_equal(back.ravel(), expected.ravel())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_images_may_be_given_otherwise_than_to_fit(layout, images, fitted):
    codes = fitted.transform(in_layout(images[:9], layout))
    np.testing.assert_array_equal(codes, fitted.transform(images[:9]))


def test_colour_goes_in_and_comes_out_as_colour(images, quick):
    colour = np.stack([images[:40], 255 - images[:40], images[:40] // 2], axis=-1)
    channels_first = np.moveaxis(colour, -1, 1)
    last = quick("conv-bn", latent_dim=2).fit(colour)
    first = quick("conv-bn", latent_dim=2).fit(channels_first)
    assert last.recipe_.model.input.shape == (3, 28, 28)
    assert last.reconstruct(colour).shape == colour.shape
    np.testing.assert_array_equal(last.transform(colour), first.transform(channels_first))


def test_images_without_axes_that_look_like_channels(quick):
    X = np.random.default_rng(0).random((20, 5, 8, 9))
    with pytest.raises(DataError, match="channels"):
        quick("conv-bn").fit(X)
    assert quick("conv-bn", image_shape=(5, 8, 9)).fit(X).recipe_.model.input.shape == (5, 8, 9)


def test_a_convolution_wants_images(images):
    with pytest.raises(DataError, match=r"image_shape=\(height, width\)"):
        Autoencoder().fit(in_layout(images, "flat"))
    with pytest.raises(DataError, match=r"image_shape is \(20, 20\)"):
        Autoencoder(image_shape=(20, 20)).fit(in_layout(images, "flat"))


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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.uint8([[0, 3], [9, 200]]), (0, 255)),
        (np.array([[0, 0.3], [0.9, 0.2]]), (0, 1)),
        (np.array([[-2, 0.3], [0.9, 6]]), (-2, 6)),
        (np.array([[0, 3], [9, 16]]), (0, 16)),
        (np.full((3, 2), 7.0), (7, 8)),
    ],
)
def test_the_range_is_learnt_from_the_values(values, expected, quick):
    assert quick().fit(values).recipe_.model.input.range == expected


def test_values_come_back_in_their_own_range(images, fitted, quick):
    shifted = quick(max_epochs=8, latent_dim=6, batch_size=32).fit(images * 0.5 - 30)
    back = shifted.reconstruct(images * 0.5 - 30)
    assert -31 < back.min() < -25
    assert 40 < back.max() < 98


def test_a_range_of_ones_own(images, quick):
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
    one, same, other = (quick(random_state=seed).fit(images) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.transform(images), same.transform(images))
    assert (one.transform(images) != other.transform(images)).any()


def test_early_stopping(images, quick):
    estimator = quick(max_epochs=50, lr=0.05, changes={"train.patience": 1}).fit(images)
    assert estimator.n_iter_ < 50


def test_nothing_is_held_out_if_so_asked(images, quick):
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


def test_partial_fit_goes_on(images, quick):
    whole = quick(validation_fraction=0.0)
    losses = []
    for _ in range(4):
        for start in range(0, len(images), 100):
            whole.partial_fit(images[start : start + 100])
        losses.append(whole.score(images))
    assert losses == sorted(losses)
    assert whole.n_iter_ == 12
    assert [record["epoch"] for record in whole.history_] == list(range(1, 13))


def test_partial_fit_remembers_the_optimizer_through_a_pickle(images, quick):
    straight, broken = quick(), quick()
    for _ in range(3):
        straight.partial_fit(images)
        broken = pickle.loads(pickle.dumps(broken.partial_fit(images)))
    np.testing.assert_array_equal(straight.transform(images), broken.transform(images))


def test_partial_fit_after_fit_learns_more(images, fitted):
    more = pickle.loads(pickle.dumps(fitted)).partial_fit(images)
    assert more.n_iter_ == fitted.n_iter_ + 1
    assert more.score(images) > fitted.score(images)


@pytest.fixture
def broken_step(monkeypatch):
    """Return a function that says how the second step of an epoch ends, weights having moved."""

    def breaks(end):
        steps = []

        class BreakingStep(TrainingStep):
            def __call__(self, *arguments):
                loss = super().__call__(*arguments)
                steps.append(loss)
                return end(loss) if len(steps) == 2 else loss

        monkeypatch.setattr(streaming, "TrainingStep", BreakingStep)

    return breaks


def stop(loss):
    raise KeyboardInterrupt


def infinite(loss):
    return loss * np.inf


@pytest.mark.parametrize(("end", "error"), [(stop, KeyboardInterrupt), (infinite, TrainingError)])
def test_partial_fit_that_fails_changes_nothing(end, error, images, quick, broken_step):
    estimator = quick("dense-dropout", batch_size=64).partial_fit(images)
    before = pickle.dumps(estimator)
    broken_step(end)
    with pytest.raises(error):
        estimator.partial_fit(images)
    assert pickle.dumps(estimator) == before
    np.testing.assert_array_equal(estimator.transform(images), estimator.transform(images))


def test_a_first_partial_fit_that_fails_leaves_it_unfitted(images, quick, broken_step):
    estimator = quick(batch_size=64)
    broken_step(infinite)
    with pytest.raises(TrainingError, match="as they were before"):
        estimator.partial_fit(images)
    with pytest.raises(NotFittedError):
        estimator.transform(images)
    assert not hasattr(estimator, "n_features_in_")


def test_weights_that_overflow_are_noticed(images, quick):
    estimator = quick(lr=1e39, batch_size=300)
    with pytest.raises(TrainingError, match="weight"):
        estimator.partial_fit(images)


def test_partial_fit_takes_a_new_rate(images, quick):
    estimator = quick().partial_fit(images)
    before = estimator.transform(images)
    estimator.set_params(lr=1e-12).partial_fit(images)
    np.testing.assert_allclose(estimator.transform(images), before, atol=1e-4)


def test_partial_fit_leaves_out_what_it_cannot_do(images, labels, quick):
    with pytest.raises(ConfigError, match="trains with labels"):
        quick("kaggle-2d-center").partial_fit(images, labels)
    supervised = quick("kaggle-2d-center").fit(images, labels)
    with pytest.raises(ConfigError, match="trains with labels"):
        supervised.partial_fit(images, labels)
    patient = quick(changes={"train.patience": 2})
    assert patient.partial_fit(images).partial_fit(images).n_iter_ == 2
    normalised = quick(changes={"model.encoder.norm": "batch"}).partial_fit(images)
    with pytest.raises(ConfigError, match="batches of one example"):
        normalised.partial_fit(images[:1])


def test_a_fit_that_fails_changes_nothing(images, quick, monkeypatch, tmp_path):
    estimator = quick(folder=tmp_path).fit(images)
    before, kept = pickle.dumps(estimator), sorted(estimator.run_.path.iterdir())

    def fail(self):
        raise TrainingError("It failed")

    monkeypatch.setattr(Trainer, "fit", fail)
    for X in (images, images[:, :14] / 255.0):
        with pytest.raises(TrainingError):
            estimator.fit(X)
    assert pickle.dumps(estimator) == before
    assert sorted(estimator.run_.path.iterdir()) == kept
    assert len(list(tmp_path.iterdir())) == 1


def test_fits_in_threads_are_as_good_as_alone(images, quick):
    alone = quick("dense-dropout").fit(images).transform(images)
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda _: quick("dense-dropout").fit(images).transform(images), range(2))
        for codes in both:
            np.testing.assert_array_equal(codes, alone)


def test_partial_fit_beyond_the_range(images, quick):
    estimator = quick().partial_fit(images / 255.0)
    with pytest.raises(DataError, match="value_range"):
        estimator.partial_fit(images.astype(float))


@pytest.mark.parametrize("through", [pickle, joblib])
def test_pickles(through, images, fitted, tmp_path):
    if through is pickle:
        again = pickle.loads(pickle.dumps(fitted))
    else:
        joblib.dump(fitted, tmp_path / "x.joblib")
        again = joblib.load(tmp_path / "x.joblib")
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    np.testing.assert_array_equal(again.sample(3, 1), fitted.sample(3, 1))
    assert again.history_ == fitted.history_
    assert again.recipe_ == fitted.recipe_


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


def test_a_clone_is_not_fitted(fitted, images):
    with pytest.raises(NotFittedError):
        clone(fitted).transform(images)


def test_a_pipeline_and_a_grid(images, labels, quick):
    flat = in_layout(images, "flat")
    pipeline = make_pipeline(MinMaxScaler(), quick())
    assert pipeline.fit(flat).transform(flat).shape == (300, 20)
    assert pipeline.score(flat) == pytest.approx(pipeline[-1].score(flat / 255.0), abs=0.02)
    search = GridSearchCV(quick(max_epochs=15, batch_size=32), {"latent_dim": [1, 16]}, cv=2)
    search.fit(images)
    assert search.best_params_ == {"latent_dim": 16}
    assert search.best_estimator_.transform(images).shape == (300, 16)


def test_cross_validation_in_two_processes(images, quick):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of joblib's workers, which may be slow to start.
        scores = cross_val_score(quick(), images, cv=2, n_jobs=2)
    np.testing.assert_allclose(scores, cross_val_score(quick(), images, cv=2), rtol=1e-4)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_data_frames(container, images, quick):
    estimator = quick(latent_dim=2).set_output(transform=container)
    X = pd.DataFrame(in_layout(images, "flat"), columns=[f"pixel{i}" for i in range(784)])
    codes = estimator.fit_transform(X)
    assert type(codes).__module__.startswith(container)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    assert list(estimator.feature_names_in_[:2]) == ["pixel0", "pixel1"]
    assert estimator.reconstruct(X).shape == X.shape


def test_labels_where_the_recipe_trains_with_them(images, labels, quick):
    with pytest.raises(DataError, match=r"Call fit\(X, y\)"):
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
    assert estimator.run_.history == again.history_
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
    def interrupted(self):
        raise Interrupted("Stopped")

    monkeypatch.setattr(Trainer, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(quick(), images, cv=2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_save_and_load(layout, images, quick, tmp_path):
    X = in_layout(images, layout)
    shape = (28, 28) if layout == "flat" else None
    estimator = quick("vae-20", image_shape=shape, random_state=5).fit(X)
    estimator.save(tmp_path / "model.safetensors")
    again = Autoencoder.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.transform(X), estimator.transform(X))
    assert again.reconstruct(X).shape == X.shape
    assert again.layout_ == estimator.layout_
    assert again.history_ == estimator.history_
    np.testing.assert_array_equal(again.sample(3, 0), estimator.sample(3, 0))
    np.testing.assert_array_equal(clone(again).fit(X).transform(X), estimator.transform(X))
    assert latentscape.load(tmp_path / "model.safetensors").latent_dim == 20


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


def test_pixels_are_drawn_where_the_recipe_draws_them(images, quick):
    small = {"model.encoder.widths": [8], "objective.samples": 1}
    for binarize in ("static", "dynamic"):
        estimator = quick("vae-50", changes={**small, "data.binarize": binarize}).fit(images)
        grey = quick("vae-50", changes={**small, "data.binarize": "none"}).fit(images)
        assert (estimator.transform(images) != grey.transform(images)).any()


@pytest.mark.parametrize(
    "damage",
    [{"given": 5}, {"given": [3, 3]}, {"image": None}, {"history": 5}, {"feature_names": ["a"]}],
)
def test_what_a_file_says_of_its_estimator_is_checked(damage, images, quick, tmp_path):
    estimator = quick().fit(images)
    told = {"given": [28, 28], "image": [28, 28], "history": [], **damage}
    file = tmp_path / "model.safetensors"
    save_model(file, estimator.network_.state_dict(), estimator.recipe_, (), told)
    with pytest.raises(RunError, match="makes no sense"):
        Autoencoder.load(file)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data.train": 10}, "means nothing"),
        ({"data.validation": 0.2}, "validation_fraction"),
        ({"train.seed": 3}, "random_state"),
        ({"model.latent.dim": 9}, "latent_dim"),
    ],
)
def test_changes_that_would_be_ignored(changes, told, images, quick):
    with pytest.raises(ConfigError, match=told):
        quick(latent_dim=3, changes=changes).fit(images)


@pytest.mark.parametrize(
    "settings", [{"validation_fraction": 1.5}, {"max_epochs": 0}, {"random_state": -1}]
)
def test_settings_that_make_no_sense(settings, images, quick):
    with pytest.raises(ConfigError):
        quick(**settings).fit(images)


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_counts_that_make_no_sense(count, fitted):
    with pytest.raises(ConfigError, match="n_samples"):
        fitted.sample(count)


def test_vectors_and_images_of_them_are_laid_out_alike(images, quick):
    colour = np.stack([images[:40], 255 - images[:40], images[:40] // 2], axis=-1)
    estimator = quick().fit(colour.reshape(40, -1))
    np.testing.assert_array_equal(
        estimator.transform(colour), estimator.transform(colour.reshape(40, -1))
    )


@pytest.mark.parametrize(
    ("shape", "given", "seen"),
    [
        ((1, 8, 4), (1, 8, 4), (1, 8, 4)),
        ((1, 8, 4), (32,), (1, 8, 4)),
        ((1, 8, 9), (8, 9), (1, 8, 9)),
        ((8, 9), (8, 9, 1), (1, 8, 9)),
        ((8, 9, 3), (216,), (3, 8, 9)),
        (np.array([8, 9]), (72,), (1, 8, 9)),
    ],
)
def test_image_shapes(shape, given, seen, quick, tmp_path):
    X = np.random.default_rng(0).random((20, *given))
    estimator = quick("conv-bn", image_shape=shape, latent_dim=2).fit(X)
    assert estimator.layout_.seen == seen
    assert estimator.reconstruct(X).shape == X.shape
    estimator.save(tmp_path / "model.safetensors")


def test_images_of_another_shape(fitted, quick):
    with pytest.raises(DataError, match=r"examples of shape \(14, 56\)"):
        fitted.transform(np.zeros((2, 14, 56)))
    with pytest.raises(DataError, match="5 axes"):
        quick().fit(np.zeros((3, 2, 2, 2, 2)))


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
