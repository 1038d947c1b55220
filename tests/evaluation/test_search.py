"""What trials may be compared by, and what they may differ in."""

import pytest

from latentscape.config import load_recipe, override
from latentscape.core.errors import ConfigError
from latentscape.evaluation.search import (
    check_comparable,
    choose_metric,
    read_metric,
    value_of,
)
from latentscape.runs.facts import Epoch, History, Losses

VAE, PLAIN = load_recipe("vae-20"), load_recipe("simple-20")
ADVERSARIAL = load_recipe("aae")


def epoch(number, loss, mse, **terms):
    losses = Losses(loss=loss, terms=terms, mse=mse)
    return Epoch(
        epoch=number, lr=0.1, seconds=1, images_per_second=1, train=losses, validation=losses
    )


def test_the_loss_is_what_trials_are_compared_by_unless_it_means_nothing():
    assert choose_metric(VAE, None) == "loss"
    assert choose_metric(VAE, "mse") == "mse"
    assert choose_metric(ADVERSARIAL, None) == "mse"
    with pytest.raises(ConfigError, match="without an adversary"):
        check_comparable(ADVERSARIAL, ["train.lr"], "loss")


@pytest.mark.parametrize(
    "path", ["train.lr", "model.latent.dim", "model.encoder.widths", "objective.rate_warmup"]
)
def test_what_leaves_the_loss_the_same_quantity_may_vary(path):
    check_comparable(VAE, [path], "loss")


@pytest.mark.parametrize(
    ("path", "metric", "words"),
    [
        # The weight of the rate is part of the loss: the smallest one would win.
        (
            "objective.weights.rate",
            "loss",
            r"different quantities.*--metric elbo .*or --metric mse",
        ),
        ("objective.weights", "elbo", "--metric mse"),
        ("model.likelihood", "loss", "--metric mse"),
        ("model.likelihood.kind", "elbo", "--metric mse"),
        ("model.latent.kind", "loss", "--metric mse"),
        ("model", "loss", "follows from the data"),
        ("data.train", "mse", "the same examples"),
        ("model.condition", "mse", "labels"),
        ("model.corruption.amount", "mse", "corrupted as well"),
        ("train.seed", "loss", "luckiest"),
        ("train", "loss", "luckiest"),
        ("train.engine", "loss", "changes no number"),
    ],
)
def test_what_makes_another_quantity_of_it_is_refused(path, metric, words):
    with pytest.raises(ConfigError, match=words) as raised:
        check_comparable(VAE, ["train.lr", path], metric)
    assert path in str(raised.value)


def test_the_elbo_is_the_same_quantity_whatever_terms_weigh():
    check_comparable(VAE, ["objective.weights.rate", "objective.weights.mmd"], "elbo")
    check_comparable(VAE, ["objective.weights.rate"], "mse")
    heavy = epoch(1, 90.0, 0.1, reconstruction=70.0, rate=5.0)
    assert read_metric(heavy, "elbo") == 75.0
    with pytest.raises(ConfigError, match="terms reconstruction and rate"):
        check_comparable(PLAIN, ["train.lr"], "elbo")


def test_a_trial_is_worth_what_the_weights_that_it_kept_are():
    epochs = [epoch(1, 9.0, 0.3), epoch(2, 7.0, 0.2), epoch(3, 8.0, 0.1)]
    history = History(epochs=tuple(epochs))
    last, best = (override(PLAIN, {"train.patience": patience}) for patience in (None, 5))
    assert value_of(history, last, "loss") == 8.0
    assert value_of(history, best, "loss") == 7.0
    # Early stopping goes by the loss: the weights are those of its lowest.
    assert value_of(history, best, "mse") == 0.2
