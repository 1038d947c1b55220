import numpy as np
import pytest
import torch
from torch.nn import functional

from latentscape.analyses.probes import perceptron as module
from latentscape.analyses.probes.perceptron import (
    CURVE_POINTS,
    Perceptrons,
    Setting,
    train_perceptrons,
)

NOTHING = (torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "MIN_STEPS", 90)


def exclusive_or(count, seed=0, noise=0.0):
    """Four clouds, of which opposite ones have the same label: no straight line parts them."""
    rng = np.random.default_rng(seed)
    codes = rng.uniform(-1, 1, (count, 2))
    labels = (codes[:, 0] * codes[:, 1] > 0) ^ (rng.random(count) < noise)
    return torch.tensor(codes, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)


def places(*draws):
    return torch.tensor([list(draw) for draw in draws])


def weights_of(training, network):
    return [weights[network].detach() for weights in training.networks.parameters()]


def test_each_network_is_a_perceptron_of_its_own():
    networks = Perceptrons(3, 5, 4, torch.Generator().manual_seed(0))
    codes = torch.randn(3, 7, 5)
    weights = zip(*(parameter.detach() for parameter in networks.parameters()), strict=True)
    for network, own, logits in zip(weights, codes, networks(codes), strict=True):
        hidden, hidden_bias, weight, bias = network
        expected = (own @ hidden + hidden_bias).relu() @ weight + bias
        torch.testing.assert_close(logits, expected)


def test_the_same_codes_for_all_and_any_number_of_them(monkeypatch):
    networks = Perceptrons(3, 5, 4, torch.Generator().manual_seed(0))
    codes = torch.randn(10, 5)
    monkeypatch.setattr(module, "CHUNK", 4)
    torch.testing.assert_close(networks.logits(codes), networks(codes.expand(3, 10, 5)))


def test_it_learns_what_no_line_parts(monkeypatch):
    monkeypatch.setattr(module, "MIN_STEPS", 600)
    codes, labels = exclusive_or(300)
    training = train_perceptrons((codes, labels), places(range(300)), NOTHING, 2, 0)
    unseen, truth = exclusive_or(200, seed=1)
    assert (training.networks.logits(unseen).argmax(2) == truth).float().mean() > 0.9


def test_no_network_learns_from_what_another_was_given():
    examples = exclusive_or(60)
    first = train_perceptrons(examples, places(range(20), range(20, 40)), NOTHING, 2, 0)
    other = train_perceptrons(examples, places(range(20), range(40, 60)), NOTHING, 2, 0)
    for weights, same in zip(weights_of(first, 0), weights_of(other, 0), strict=True):
        torch.testing.assert_close(weights, same)
    assert not torch.equal(weights_of(first, 1)[0], weights_of(other, 1)[0])


def test_it_keeps_the_epoch_with_the_best_validation_accuracy(monkeypatch):
    # Labels that are wrong in part are learnt by heart sooner or later.
    train, (codes, labels) = exclusive_or(40, noise=0.3), exclusive_or(200, seed=1)
    monkeypatch.setattr(module, "MIN_STEPS", 1500)
    training = train_perceptrons(train, places(range(40)), (codes, labels), 2, 0, Setting(3e-3, 0))
    accuracies = {point.epoch: point.validation.accuracy for point in training.curves}
    assert training.best_epochs == (max(accuracies, key=accuracies.get),)
    assert training.best_epochs != (training.epochs,)
    kept = training.networks.logits(codes)[0].argmax(1)
    accuracy = float((kept == labels).double().mean())
    assert accuracy == pytest.approx(max(accuracies.values())) == training.best_accuracy


def test_the_loss_does_not_choose_the_epoch(monkeypatch):
    """A confident network has a rising loss long before its accuracy falls."""
    losses = iter([1.0, 2.0, 3.0])
    accuracies = iter([0.5, 0.7, 0.6])

    def scores(networks, examples):
        is_held_out = len(examples[1].shape) == 1
        loss = next(losses) if is_held_out else 0.0
        accuracy = next(accuracies) if is_held_out else 1.0
        return module._Scores(torch.tensor([loss]), torch.tensor([accuracy]).double())

    monkeypatch.setattr(module, "_scores", scores)
    examples = exclusive_or(20)
    training = train_perceptrons(examples, places(range(20)), examples, 2, 0, points=3)
    assert training.best_epochs == (6,)  # Three epochs lie between two points.


def test_a_training_stops_where_accuracy_no_longer_rises(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 4)
    train, (codes, _) = exclusive_or(40), exclusive_or(30, seed=1)
    constant = codes, torch.full((30,), 5)  # A label that is never seen: no accuracy ever.
    training = train_perceptrons(train, places(range(40)), constant, 6, 0)
    assert training.best_epochs == (3,)
    assert training.epochs == 15
    assert len(training.curves) == 5


def test_decay_pulls_weights_towards_zero():
    examples = exclusive_or(100)
    norms = []
    for decay in (0.0, 5.0):
        setting = Setting(3e-3, decay)
        training = train_perceptrons(examples, places(range(100)), NOTHING, 2, 0, setting)
        norms.append(float(weights_of(training, 0)[0].norm()))
    assert norms[1] < 0.7 * norms[0]


def test_the_setting_is_the_one_with_the_best_validation_accuracy(monkeypatch):
    """Against trainings with each setting, one by one."""
    monkeypatch.setattr(module, "TRIAL_POINTS", 3)
    monkeypatch.setattr(module, "GRID", (Setting(1e-5, 0.0), Setting(1e-2, 0.0), Setting(1e-2, 9)))
    train, validation = exclusive_or(400), exclusive_or(200, seed=1)
    draw = torch.randperm(400, generator=torch.Generator().manual_seed(0))
    chosen = module.choose_setting(train, draw, validation, 2, 0)
    best = {}
    for setting in module.GRID:
        training = train_perceptrons(train, draw[None], validation, 2, 0, setting, 3)
        logits = training.networks.logits(validation[0])[0]
        best[setting] = float((logits.argmax(1) == validation[1]).double().mean())
    assert best[chosen] == max(best.values()) > min(best.values())


def test_the_grid_is_tried_on_so_many_examples_at_most(monkeypatch):
    monkeypatch.setattr(module, "MAX_TO_TUNE", 30)
    sizes = []
    monkeypatch.setattr(
        module,
        "train_perceptrons",
        lambda train, draws, *rest: (
            sizes.append(draws.shape) or train_perceptrons(train, draws, *rest)
        ),
    )
    examples = exclusive_or(60)
    module.choose_setting(examples, torch.arange(60), examples, 2, 0)
    assert sizes == [(1, 30)] * 6


def test_networks_keep_epochs_of_their_own(monkeypatch):
    monkeypatch.setattr(module, "MIN_STEPS", 600)
    validation = exclusive_or(200, seed=1)
    parts = zip(exclusive_or(40), exclusive_or(40, seed=2, noise=0.5), strict=True)
    train = tuple(torch.cat(part) for part in parts)
    training = train_perceptrons(train, places(range(40), range(40, 80)), validation, 2, 0)
    # From labels at random it can only get worse, and soon.
    assert training.best_epochs[1] < training.best_epochs[0]


def test_without_validation_it_keeps_the_last_epoch():
    codes, labels = exclusive_or(50)
    training = train_perceptrons((codes, labels), places(range(50)), NOTHING, 2, 0)
    last = training.curves[-1]
    assert training.best_epochs == (training.epochs,) == (last.epoch,)
    loss = functional.cross_entropy(training.networks.logits(codes)[0], labels)
    assert loss.item() == pytest.approx(last.train.loss, rel=1e-5)
    assert last.validation is None


@pytest.mark.parametrize(("examples", "epochs"), [(10, 90), (600, 30), (300, 60)])
def test_few_examples_are_seen_more_often(examples, epochs):
    # 90 steps at least: one, three and two steps to an epoch, and 30 points on the curves.
    training = train_perceptrons(exclusive_or(examples), places(range(examples)), NOTHING, 2, 0)
    assert training.epochs == epochs
    assert [point.epoch for point in training.curves] == list(
        range(epochs // CURVE_POINTS, epochs + 1, epochs // CURVE_POINTS)
    )


def test_the_same_bits_whatever_was_drawn_before_and_on_any_number_of_threads():
    examples, trainings, before = exclusive_or(100), [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            torch.manual_seed(threads)
            state = torch.get_rng_state()
            trainings.append(train_perceptrons(examples, places(range(100)), examples, 2, 0))
            assert torch.equal(torch.get_rng_state(), state)
    finally:
        torch.set_num_threads(before)
    first, again = trainings
    assert first.curves == again.curves
    for weights, same in zip(weights_of(first, 0), weights_of(again, 0), strict=True):
        assert torch.equal(weights, same)


def test_another_seed_is_another_network():
    examples = exclusive_or(20)
    first, other = (train_perceptrons(examples, places(range(20)), NOTHING, 2, s) for s in (0, 1))
    assert first.curves != other.curves
