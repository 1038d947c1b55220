"""An objective of two players, registered from outside the package: an autoencoder and a critic."""

import math
import pickle
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from disturbing import At, press_ctrl_c
from latentscape import Autoencoder
from latentscape.api.finishing import describe_architecture
from latentscape.api.preparing import prepare
from latentscape.config import TERMS, Term, load_recipe, override
from latentscape.core.errors import ConfigError, Interrupted
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.doctor.rates import try_rates
from latentscape.doctor.training_batches import gradient_norms
from latentscape.model import Network, Objective
from latentscape.runs import DataFacts, Environment, create_run, load_model
from latentscape.training.engine import replay
from latentscape.training.engine.replay import ReplayedStep
from latentscape.training.hooks import vitals
from latentscape.training.loader import Examples, Loader
from latentscape.training.memory import memory_of
from latentscape.training.optimizers import build_optimizers
from latentscape.training.step import TrainingStep
from latentscape.training.train import train_run

CPU = torch.device("cpu")


class Critic(nn.Module):
    """Tells codes from draws of N(0, I)."""

    def __init__(self, objective, model, latent_dim):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent_dim, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, codes):
        return self.layers(codes).squeeze(-1)


class Mute(nn.Module):
    """A critic that has nothing to learn."""

    def __init__(self, objective, model, latent_dim):
        super().__init__()


def drawn(result):
    return torch.randn_like(result.code.z)


def fooling(result):
    """The critic takes codes for draws; both losses look at the same draws."""
    offset = result.once(drawn).mean()
    return functional.softplus(-result.modules["critic"](result.code.z)).mean() + 0 * offset


def criticism(result):
    critic, draws = result.modules["critic"], result.once(drawn)
    codes = critic(result.code.z.detach())
    return functional.softplus(codes).mean() + functional.softplus(-critic(draws)).mean()


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    term = Term(fooling, "continuous", module=("critic", Critic), adversary=criticism)
    monkeypatch.setitem(TERMS, "fooling", term)


TOY = {
    "model.encoder.widths": [16],
    "model.latent.dim": 4,
    "objective.weights.fooling": 0.5,
    "train.epochs": 3,
    "train.batch_size": 64,
    "train.players.critic": {"optimizer": "sgd", "lr": 0.1, "momentum": 0.5},
}


@pytest.fixture
def recipe(small):
    return toy(small)


def toy(split, **changes):
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    return prepare(override(load_recipe("simple-20"), {**TOY, **changes}), split)


def spoil(training):
    with torch.no_grad():
        next(training.model.objective.critic.parameters()).fill_(math.nan)


def trained(path, recipe, split, stops=(), poison=()):
    """Train in a run directory; stop and resume, or spoil the critic, after some steps."""
    run = create_run(path, recipe, DataFacts.of(split), Environment())
    for step in (*stops, None):
        with suppress(Interrupted):
            train_run(run, split, CPU, [At([step], press_ctrl_c), At(poison, spoil)])
    return run


def losses_of(run):
    return [(epoch.train, epoch.validation) for epoch in run.history.epochs]


def test_both_players_learn_and_both_losses_are_logged(tmp_path, recipe, small):
    run = trained(tmp_path / "run", recipe, small)
    for epoch in run.history.epochs:
        for losses in (epoch.train, epoch.validation):
            assert list(losses.terms) == ["reconstruction", "fooling", "critic"]
            expected = losses.terms["reconstruction"] + 0.5 * losses.terms["fooling"]
            assert losses.loss == pytest.approx(expected, rel=1e-5)
    start = Network(recipe.model, recipe.objective).objective.critic
    end = load_model(run.path).objective.critic  # The model file has the critic too.
    pairs = zip(start.parameters(), end.parameters(), strict=True)
    assert not any(torch.equal(before, after) for before, after in pairs)


def test_a_stopped_run_resumes_to_the_same_bits(tmp_path, recipe, small):
    whole = trained(tmp_path / "whole", recipe, small)
    stopped = trained(tmp_path / "stopped", recipe, small, stops=(1, 7, 5))
    assert stopped.model_file.read_bytes() == whole.model_file.read_bytes()
    assert losses_of(stopped) == losses_of(whole)


def test_a_critic_that_is_nan_is_rolled_back(tmp_path, small):
    recipe = toy(small, train__schedule="constant")
    run = trained(tmp_path / "run", recipe, small, poison=[10])
    assert [event.kind for event in run.events] == ["rollback"]
    assert [epoch.lr for epoch in run.history.epochs] == [0.001, 0.0005, 0.0005]
    assert run.finished


@pytest.mark.parametrize("own_pass", [False, True])
def test_both_engines_take_the_steps_that_a_plain_loop_takes(recipe, small, monkeypatch, own_pass):
    """One pass for both; or a second one for the critic, after the autoencoder has moved."""
    monkeypatch.setattr(replay, "WARM_UPS", 1)
    monkeypatch.setattr(Objective, "players", players_with(own_pass))
    loader = Loader(Examples(small.dataset, CPU), small.train[:96], 16, seed=0)
    torch.manual_seed(0)
    start = Network(recipe.model, recipe.objective).train()
    models = [deepcopy(start) for _ in range(3)]
    torch.manual_seed(1)
    expected = by_hand(models[0], list(loader.epoch(0)), own_pass)
    for model, engine in zip(models[1:], ("auto", "plain"), strict=True):
        config = override(recipe, {"train.engine": engine}).train
        step = step_of(model, config)
        torch.manual_seed(1)
        losses = torch.stack([step(batch, 1e6).clone() for batch in loader.epoch(0)])
        assert isinstance(step._repeated_step, ReplayedStep) == (engine == "auto")
        assert engine == "plain" or step._repeated_step.sizes == {16}
        assert torch.equal(losses, expected)
        for name, value in models[0].state_dict().items():
            assert torch.equal(model.state_dict()[name], value), (engine, name)


def step_of(model, config):
    optimizers = build_optimizers(model.players(), config)
    assert list(optimizers) == ["autoencoder", "critic"]
    return TrainingStep(model, model.objective, optimizers, config, "float32")


def players_with(own_pass, players=Objective.players):
    def changed(self, network):
        first, critic = players(self, network)
        return first, replace(critic, own_pass=own_pass)

    return changed


def by_hand(model, batches, own_pass):
    critic = model.objective.critic
    others = [weight for name, weight in model.named_parameters() if "critic" not in name]
    first = torch.optim.Adam(others, 1e-3, fused=True)
    second = torch.optim.SGD(critic.parameters(), 0.1, momentum=0.5, fused=True)
    losses = []
    for batch in batches:
        result = model(batch.images, batch.labels)
        loss = model.objective(result)
        if not own_pass:
            criticised = criticism(result)
        model.zero_grad()
        loss.total.backward()
        if own_pass:
            first.step()
            criticised = criticism(model(batch.images, batch.labels))
        model.objective.critic.zero_grad()  # The autoencoder's loss has reached it too.
        criticised.backward()
        if not own_pass:
            first.step()
        second.step()
        losses.append(torch.stack([loss.total, *loss.terms.values(), criticised]).detach())
    return torch.stack(losses)


def test_settings_of_a_player_are_its_own(small):
    for changes, moves in (({"train__players__critic__lr": 1e-30}, False), ({}, True)):
        recipe = toy(small, **changes)
        assert recipe.train.of("critic").optimizer == "sgd"
        assert recipe.train.of("autoencoder") == recipe.train
        torch.manual_seed(0)
        model = Network(recipe.model, recipe.objective).train()
        before = deepcopy(model.state_dict())
        step = step_of(model, recipe.train)
        for batch in Loader(Examples(small.dataset, CPU), small.train, 64, 0).epoch(0):
            step(batch, 1.0)
        moved = [n for n, value in model.state_dict().items() if not torch.equal(value, before[n])]
        assert any("critic" in name for name in moved) == moves
        assert any("encoder" in name for name in moved)


def test_the_gradient_of_every_player_is_clipped_by_itself(small):
    changes = {"train.optimizer": "sgd", "train.lr": 1.0, "train.clip_norm": 1e-3}
    changes |= {"train.players.critic": {"lr": 1.0, "clip_norm": 1e-4}}
    recipe = override(toy(small), changes)
    torch.manual_seed(0)
    model = Network(recipe.model, recipe.objective).train()
    before = deepcopy(model)
    step = step_of(model, recipe.train)
    step(next(Loader(Examples(small.dataset, CPU), small.train, 64, 0).epoch(0)), 1.0)
    for player, start, norm in zip(model.players(), before.players(), (1e-3, 1e-4), strict=True):
        pairs = zip(player.parameters, start.parameters, strict=True)
        moved = sum((new - old).square().sum().item() for new, old in pairs)
        assert math.sqrt(moved) == pytest.approx(norm, rel=1e-3), player.name


def test_partial_fit_keeps_the_state_of_both_optimizers(small):
    X = small.dataset.images[:100]
    changes = {name: value for name, value in TOY.items() if not name.startswith("train.")}
    changes |= {"train.players.critic": {"optimizer": "adam", "lr": 0.01}}
    straight, pickled = (Autoencoder("simple-20", batch_size=20, changes=changes) for _ in range(2))
    for _ in range(3):
        straight.partial_fit(X)
        pickled = pickle.loads(pickle.dumps(pickled.partial_fit(X)))
    assert np.array_equal(straight.transform(X), pickled.transform(X))
    for name, value in straight.network_.state_dict().items():
        assert torch.equal(pickled.network_.state_dict()[name], value), name
    assert straight.history_[-1]["train"].keys() == {"loss", "reconstruction", "fooling", "critic"}


def test_a_player_without_parameters_is_refused(small, monkeypatch):
    term = Term(fooling, "continuous", module=("critic", Mute), adversary=criticism)
    monkeypatch.setitem(TERMS, "fooling", term)
    recipe = toy(small)
    with pytest.raises(ConfigError, match="player critic has no parameters"):
        Network(recipe.model, recipe.objective)


def test_players_that_the_objective_does_not_have_are_refused(small):
    with pytest.raises(ConfigError, match=r"players\.critc .* one of autoencoder, critic"):
        toy(small, train__players__critc__lr=1)
    with pytest.raises(ConfigError, match="unknown key train.players.critic.lrr"):
        toy(small, train__players__critic__lrr=1)
    with pytest.raises(ConfigError, match="one of autoencoder"):
        override(load_recipe("simple-20"), {"train.players.critic.lr": 1})


def test_the_network_is_described_without_its_critic_and_memory_counts_it(recipe, small):
    plain = prepare(
        override(recipe, {"objective.weights": {"reconstruction": 1}, "train.players": {}}), small
    )
    model, other = (Network(item.model, item.objective) for item in (recipe, plain))
    assert model.parameter_count == other.parameter_count
    assert describe_architecture(model, recipe) == describe_architecture(other, recipe)
    assert memory_of(model, recipe, 500) > memory_of(other, plain, 500)


def test_gradients_are_measured_without_the_critic(recipe, small):
    model = Network(recipe.model, recipe.objective)
    images = torch.from_numpy(small.dataset.images[:20])
    torch.manual_seed(0)
    norm = model.gradient_norm(model.loss(images).total)
    torch.manual_seed(0)
    model.loss(images).total.backward()
    own = [weight.grad for name, weight in model.named_parameters() if "critic" not in name]
    assert norm.item() == pytest.approx(torch.cat([g.flatten() for g in own]).norm().item())
    assert gradient_norms(model, recipe, small).isfinite().all()


def test_the_doctor_looks_at_training_with_a_critic(recipe, small, tmp_path, monkeypatch):
    monkeypatch.setattr(vitals, "EVERY", 1)
    run = trained(tmp_path / "run", override(recipe, {"train.epochs": 2}), small)
    assert not run.events
    test = try_rates(load_model(run.path), recipe, small)
    assert test.own_fall < math.inf
    assert test.best_fall >= test.own_fall


@pytest.mark.parametrize("parts", [["encoder"], ["encoder", "latent"]])
def test_a_frozen_encoder_stays_where_players_take_turns(tmp_path, small, parts):
    """Then the generator, which learns by the encoder, has nothing or its last layer to move."""
    changes = {"model.encoder.widths": [16], "train.epochs": 2, "train.frozen": parts}
    recipe = prepare(override(load_recipe("aae"), {**changes, "train.batch_size": 128}), small)
    whole = trained(tmp_path / "whole", recipe, small)
    stopped = trained(tmp_path / "stopped", recipe, small, stops=(1, 4))
    assert stopped.model_file.read_bytes() == whole.model_file.read_bytes()
    with forked_random(derive_seed(recipe.train.seed, "model"), CPU):
        start = Network(recipe.model, recipe.objective).state_dict()
    end = load_model(whole.path).state_dict()
    moved = {name.partition(".")[0] for name, value in end.items() if not value.equal(start[name])}
    assert moved == {"latent", "decoder", "objective"} - {*parts}
