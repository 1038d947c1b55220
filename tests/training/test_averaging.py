"""Weight averaging: the model is the average, and steps go on from the weights themselves."""

import pytest
import torch
from test_loop import fit, history_of, interrupt, new_run

from disturbing import At, spoil
from latentscape.config import DataConfig, override
from latentscape.data import split_dataset
from latentscape.runs import load_model, write_recipe
from latentscape.training.hook import Hook
from latentscape.training.train import checkpoints_of

PLAIN = {"train.batch_size": 50, "train.snapshots": [], "train.patience": None}
AVERAGE = {**PLAIN, "train.average": {"decay": 0.7, "start": 1}}


@pytest.fixture(scope="module")
def few(digits):
    """200 training images: four steps an epoch."""
    return split_dataset(digits, DataConfig(train=200, test=20))


@pytest.fixture
def train(tmp_path, quick, few):
    """Return a function that trains a run of three epochs, and returns its run and its model."""

    def trained(name, changes, *hooks):
        run = new_run(tmp_path / name, override(quick, changes), few)
        return run, fit(run, few, *hooks)

    return trained


class Watch(Hook):
    """Keeps the weights after each step."""

    def __init__(self):
        self.weights = []

    def on_step(self, training):
        self.weights.append({k: v.clone() for k, v in training.model.state_dict().items()})


def assert_equal(weights, others):
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_the_model_is_the_average_from_its_start_on(train, few):
    watch = Watch()
    run, model = train("run", AVERAGE, watch)
    expected, *later = watch.weights[4:]
    for steps, weights in enumerate(later, 1):
        decay = min(0.7, (1 + steps) / (10 + steps))
        expected = {n: value.lerp(weights[n], 1 - decay) for n, value in expected.items()}
    for name, value in model.state_dict().items():
        assert torch.allclose(value, expected[name], atol=1e-6), name
    assert_equal(load_model(run.path).state_dict(), model.state_dict())


def test_the_average_may_move_every_few_steps_by_as_much(train):
    watch = Watch()
    run, model = train("run", {**PLAIN, "train.average": {"decay": 0.7, "every": 3}}, watch)
    expected, *later = watch.weights[2::3]  # Twelve steps in all.
    for place, weights in enumerate(later, 2):
        steps = 3 * place - 1
        decay = min(0.7, (1 + steps) / (10 + steps)) ** 3
        expected = {n: value.lerp(weights[n], 1 - decay) for n, value in expected.items()}
    assert len(later) == 3
    for name, value in model.state_dict().items():
        assert torch.allclose(value, expected[name], atol=1e-6), name
    assert_equal(load_model(run.path).state_dict(), model.state_dict())


def test_the_average_is_what_is_measured(train, few):
    run, model = train("run", AVERAGE)
    with torch.no_grad():
        images = torch.from_numpy(few.dataset.images[few.validation])
        loss = model.loss(images).total.item()
    assert run.history.epochs[-1].validation.loss == pytest.approx(loss, rel=1e-6)


def test_steps_go_on_from_the_weights_which_the_checkpoint_keeps(train):
    (run, model), (plain, last) = train("run", AVERAGE), train("plain", PLAIN)
    groups, others = (checkpoints_of(one).latest().groups for one in (run, plain))
    assert_equal(groups["model"], others["model"])
    assert_equal(groups["average"], model.state_dict())
    assert "average" not in others
    losses, theirs = ([epoch.train for epoch in one.history.epochs] for one in (run, plain))
    assert losses == theirs
    first, its = (one.history.epochs[0].validation for one in (run, plain))
    assert first == its  # There was no average yet.
    assert_equal(last.state_dict(), others["model"])


def test_early_stopping_keeps_the_best_average(train):
    changes = {**AVERAGE, "train.epochs": 8, "train.patience": 8, "train.lr": 0.03}
    run, model = train("run", changes)
    losses = [epoch.validation.loss for epoch in run.history.epochs]
    groups = checkpoints_of(run).latest().groups
    assert_equal(groups["best"], model.state_dict())
    assert checkpoints_of(run).latest().state.best_loss == min(losses)


def test_a_roll_back_takes_the_average_back_too(train):
    run, model = train("run", AVERAGE, At([10], spoil))
    assert [event.kind for event in run.events] == ["rollback"]
    assert len(run.history.epochs) == 3
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_all_of_it_together_goes_on_to_the_same_bits_by_either_engine(train, tmp_path, quick, few):
    changes = {
        "train.batch_size": 20,
        "train.accumulate": 2,
        "train.frozen": ["encoder.1"],
        "train.average": {"start": 0.5, "every": 2},
        "train.schedule": "one_cycle",
    }
    undisturbed, _ = train("undisturbed", changes)
    recipe = override(quick, changes)
    run = new_run(tmp_path / "stopped", recipe, few)
    for engine in ("plain", "auto"):
        interrupt(run, few, 4)
        write_recipe(run.path / "recipe.yaml", override(recipe, {"train.engine": engine}))
    fit(run, few)
    assert history_of(run) == history_of(undisturbed)
    assert_equal(load_model(run.path).state_dict(), load_model(undisturbed.path).state_dict())
    groups, others = (checkpoints_of(one).latest().groups for one in (run, undisturbed))
    assert groups.keys() == others.keys()
    for name in groups:
        assert_equal(groups[name], others[name])
