"""``partial_fit``: one more epoch, or nothing at all."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from latentscape import ConfigError, DataError, TrainingError
from latentscape.training import hook
from latentscape.training.step import TrainingStep


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
    """Return a function that sets the end of the second step, after the weights have changed."""

    def breaks(end):
        steps = []

        class BreakingStep(TrainingStep):
            def __call__(self, *arguments):
                loss = super().__call__(*arguments)
                steps.append(loss)
                return end(loss) if len(steps) == 2 else loss

        monkeypatch.setattr(hook, "TrainingStep", BreakingStep)

    return breaks


def stop(loss):
    raise KeyboardInterrupt


def infinite(loss):
    return loss * np.inf


def test_partial_fit_that_fails_changes_nothing(images, quick, broken_step):
    estimator = quick("dense-dropout", batch_size=64).partial_fit(images)
    before = pickle.dumps(estimator)
    for end, error in [(stop, KeyboardInterrupt), (infinite, TrainingError)]:
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


def test_partial_fit_beyond_the_range(images, quick):
    estimator = quick().partial_fit(images / 255.0)
    with pytest.raises(DataError, match="value_range"):
        estimator.partial_fit(images.astype(float))
