"""Adversarial terms and their critics: formulas, known answers, and who moves by which gradient."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from latentscape.config import TERMS, TrainConfig, load, load_recipe, override, recipe_names
from latentscape.core.errors import ConfigError
from latentscape.evaluation.latent import moment_mismatch
from latentscape.model.critic import Critic
from latentscape.model.terms import adversarial_images, adversarial_interpolation, density_ratio
from latentscape.model.terms.adversarial_prior import prior_critic_loss
from latentscape.runs.facts import Losses
from latentscape.training.engine.optimizers import update, without_compiler
from latentscape.training.hooks.validation import comparable
from latentscape.training.loader import Batch
from latentscape.training.optimizers import build_optimizers
from latentscape.training.step import TrainingStep

ADVERSARIAL = [name for name in recipe_names() if load_recipe(name).objective.is_adversarial]
SMALL = {"kind": "mlp", "widths": [8], "activation": "leaky_relu"}
CRITICS = {"objective.critics": {"codes": SMALL, "images": SMALL}}


@pytest.fixture
def played(build):
    """Return a function that builds a small network of an adversarial recipe."""
    return lambda name, **changes: build(name, {"model.latent.dim": 2, **CRITICS, **changes})


def cross_entropy(numbers, is_real):
    return binary_cross_entropy_with_logits(numbers, torch.full_like(numbers, float(is_real)))


def seeded(function, *arguments):
    torch.manual_seed(5)
    return function(*arguments)


def players(model):
    return model.objective.players(model)


def step_of(model, config, captured=True):
    optimizers = build_optimizers(players(model), config)
    return TrainingStep(model, model.objective, optimizers, config, "float32", captured)


def test_a_critic_is_a_body_and_a_linear_layer(played):
    model = played("vae-gan")
    critic, images = model.objective.image_critic, torch.rand(5, 1, 4, 4)
    assert critic.features(images).shape == (5, 8)
    assert torch.equal(critic(images), critic.head(critic.features(images))[:, 0])
    assert played("aae").objective.prior_critic(torch.rand(3, 2)).shape == (3,)


def test_settings_give_critics_their_bodies_and_codes_take_no_convolutions(played):
    conv = {"kind": "conv", "channels": [3, 4]}
    model = played("vae-gan", **{"objective.critics.images": conv})
    assert [type(layer) for layer in model.objective.image_critic.body][:1] == [nn.Conv2d]
    with pytest.raises(ConfigError, match=r"critics\.codes"):
        played("aae", **{"objective.critics.codes": conv})


def test_codes_pass_for_draws_of_the_prior_by_the_loss_that_does_not_saturate(played, blots):
    model = played("aae")
    result, critic = model(blots), model.objective.prior_critic
    expected = cross_entropy(critic(result.code.z), True)
    assert model.objective(result).terms["adversarial_prior"].item() == pytest.approx(
        expected.item()
    )
    loss = seeded(prior_critic_loss, result)
    draws = seeded(torch.randn_like, result.code.z)
    expected = cross_entropy(critic(draws), True) + cross_entropy(critic(result.code.z), False)
    assert loss.item() == pytest.approx(expected.item())


def test_the_density_ratio_is_what_the_critic_says_and_it_learns_from_two_halves(played, blots):
    model = played("factor-vae")
    result, critic = model(blots), model.objective.dependence_critic
    z = result.code.z
    ratio = model.objective(result).terms["density_ratio"]
    assert ratio.item() == pytest.approx(critic(z).mean().item())
    loss = seeded(density_ratio.dependence_critic_loss, result)
    permuted = seeded(density_ratio.permute_dimensions, z[3:])
    expected = 0.5 * (cross_entropy(critic(z[:3]), True) + cross_entropy(critic(permuted), False))
    assert loss.item() == pytest.approx(expected.item())
    for one in (model(blots[:1]), model(blots[:3])):  # A batch need not be even.
        assert torch.isfinite(density_ratio.dependence_critic_loss(one))


def test_each_dimension_is_permuted_by_itself():
    codes = torch.arange(400.0).repeat(3, 1).T + torch.tensor([0.0, 1000.0, 2000.0])
    permuted = density_ratio.permute_dimensions(codes)
    assert torch.equal(permuted.sort(0).values, codes)
    assert abs(np.corrcoef(permuted.T.numpy())[np.triu_indices(3, 1)]).max() < 0.2


def test_a_trained_critic_finds_the_total_correlation_of_a_gaussian():
    """Of two normal numbers with correlation r it is -log(1 - r^2) / 2."""
    torch.manual_seed(0)
    body = override(load_recipe("aae"), {"objective.critics.codes.widths": [32]}).objective.critics
    critic, r = Critic(body.codes, (2,)), 0.8
    with without_compiler():
        learner = torch.optim.Adam(critic.parameters(), 0.01)
    mixing = torch.linalg.cholesky(torch.tensor([[1.0, r], [r, 1.0]]))

    def result(count):
        z = torch.randn(count, 2) @ mixing.T
        modules = {"dependence_critic": critic}
        return SimpleNamespace(code=SimpleNamespace(z=z), modules=modules)

    for step in range(200):
        learner.param_groups[0]["lr"] = 0.01 * (1 - step / 200)
        loss = density_ratio.dependence_critic_loss(result(400))
        learner.zero_grad()
        loss.backward()
        update(learner)
    with torch.no_grad():
        found = density_ratio.density_ratio(result(10_000)).item()
    assert found == pytest.approx(-0.5 * math.log(1 - r**2), rel=0.15)


def test_reconstructions_are_compared_in_the_features_of_the_critic(played, blots):
    model = played("vae-gan")
    result, critic = model(blots), model.objective.image_critic
    terms, images = model.objective(result).terms, torch.sigmoid(result.output)
    distances = torch.cdist(critic.features(images), critic.features(blots)).diagonal()
    half = 0.5 * distances.square().mean()
    assert terms["feature_reconstruction"].item() == pytest.approx(half.item(), rel=1e-4)


def test_the_decoder_deceives_the_critic_and_both_see_the_same_samples(played, blots):
    model = played("vae-gan")
    result, critic = model(blots), model.objective.image_critic
    deceiving = seeded(adversarial_images.adversarial_images, result)
    telling = adversarial_images.image_critic_loss(result)
    samples = model.decode(seeded(model.prior().sample, torch.Size([6])))
    numbers = [critic(images) for images in (torch.sigmoid(result.output), samples)]
    expected = sum(cross_entropy(each, True) for each in numbers)
    assert deceiving.item() == pytest.approx(expected.item(), rel=1e-5)
    expected = sum(cross_entropy(each, False) for each in numbers)
    expected += cross_entropy(critic(blots), True)
    assert telling.item() == pytest.approx(expected.item(), rel=1e-5)


def test_plain_codes_have_no_samples_that_the_critic_could_see(played, blots):
    model = played("vae-gan", **{"model.latent": {"kind": "point", "dim": 2}} | WITHOUT_RATE)
    result = model(blots)
    own = model.objective.image_critic(torch.sigmoid(result.output))
    loss = adversarial_images.adversarial_images(result)
    assert loss.item() == pytest.approx(cross_entropy(own, True).item())


WITHOUT_RATE = {
    "objective.weights": {"feature_reconstruction": 1, "adversarial_images": 1},
}


def test_the_look_of_images_reaches_the_decoder_alone(played, blots):
    model = played("vae-gan")
    adversarial_images.adversarial_images(model(blots)).backward()
    assert all(weight.grad.any() for weight in model.decoder.parameters())
    encoder = [*model.encoder.parameters(), *model.latent.parameters()]
    assert all(weight.grad is None for weight in encoder)


def test_a_critic_learns_how_much_of_another_image_is_in_a_mixture(played, blots):
    model = played("acai")
    result, critic = model(blots), model.objective.interpolation_critic
    output, shares = result.once(adversarial_interpolation.interpolated)
    assert ((shares >= 0) & (shares <= 0.5)).all()
    assert len(shares.unique()) == 6
    z = result.code.z
    codes = torch.stack([(1 - a) * z[i] + a * z[-1 - i] for i, a in enumerate(shares)])
    assert torch.allclose(output, model.outputs(codes), atol=1e-6)
    mixed = critic(torch.sigmoid(output))
    term = model.objective(result).terms["adversarial_interpolation"]
    assert term.item() == pytest.approx(mixed.square().mean().item())
    blend = 0.2 * blots + 0.8 * torch.sigmoid(result.output)
    expected = (mixed - shares).square().mean() + critic(blend).square().mean()
    loss = adversarial_interpolation.interpolation_critic_loss(result)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_critic_drives_codes_to_the_prior(played):
    wide = {"objective.critics.codes.widths": [64], "model.encoder.widths": [32]}
    model = played("aae", **wide).train()
    config = TrainConfig(lr=0.01, epochs=1, schedule={"kind": "linear"})
    step = step_of(model, config)
    images = torch.rand(800, 1, 4, 4)
    assert mismatch(model, images) > 1
    for number in range(600):
        batch = images[torch.randint(800, (100,))]
        step(Batch(batch, None), number / 600)
    assert mismatch(model, images) < 0.1


@torch.no_grad()
def mismatch(model, images):
    codes = model.encode(images).double().numpy()
    return moment_mismatch(codes.mean(0), np.cov(codes.T))


def test_epochs_compare_by_the_error_of_images_where_another_critic_measures_each():
    losses = Losses(loss=90.0, terms={}, mse=0.02)
    assert comparable(losses, load_recipe("aae").objective) == 0.02
    assert comparable(losses, load_recipe("simple-20").objective) == 90.0


def test_only_those_take_turns_who_can(played):
    with pytest.raises(ConfigError, match="all terms are without one"):
        played("simple-20", **{"objective.turns": True})
    weights = {"feature_reconstruction": 1.0, "adversarial_prior": 1.0}
    with pytest.raises(ConfigError, match="all terms are with one"):
        played("aae", **{"objective.weights": weights})
    assert [player.name for player in players(played("aae"))] == [
        "autoencoder",
        "prior_critic",
        "generator",
    ]
    override(load_recipe("aae"), {"train.players.generator.lr": 0.1})
    with pytest.raises(ConfigError, match="one of autoencoder, prior_critic"):
        override(load_recipe("wae-gan"), {"train.players.generator.lr": 0.1})


def test_an_objective_needs_a_reconstruction_of_any_kind(played):
    with pytest.raises(ConfigError, match="Nothing in the objective asks for a reconstruction"):
        played("vae-gan", **{"objective.weights": {"rate": 1, "adversarial_images": 1}})


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_a_player_moves_by_its_own_loss_alone(played, blots, name):
    """By gradient descent with a rate of 1 a step is minus the gradient."""
    model = played(name).train()
    config = TrainConfig(optimizer="sgd", lr=1.0)
    expected = {key: value.clone() for key, value in model.state_dict().items()}
    torch.manual_seed(2)
    by_hand(model, blots, expected)
    step = step_of(model, config, captured=False)
    torch.manual_seed(2)
    losses = step(Batch(blots, None), 1e6)
    assert len(losses) == 1 + len(model.objective.names)
    weights = model.objective.config.weights
    total = sum(weight * value for weight, value in zip(weights.values(), losses[1:], strict=False))
    assert losses[0].item() == pytest.approx(total.item())
    for key, value in model.state_dict().items():
        assert torch.allclose(value, expected[key], rtol=1e-4, atol=1e-5), key


def by_hand(model, images, weights):
    """Write out a step of gradient descent on the state of a model."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    own = [parameter for name, parameter in model.named_parameters() if "critic" not in name]
    theirs = [parameter for name, parameter in model.named_parameters() if "critic" in name]
    config = model.objective.config
    played = {name: TERMS[name].adversary for name in config.weights}
    (adversary,) = {*played.values()} - {None}

    def total(result, wanted):
        """Sum up the terms without an adversary, with one, or all."""
        return sum(
            weight * load(TERMS[name].implementation)(result)
            for name, weight in config.weights.items()
            if (played[name] is not None) in wanted
        )

    def moved(loss, parameters):
        slopes = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        pairs = zip(parameters, slopes, strict=True)
        return [(names[id(parameter)], slope) for parameter, slope in pairs if slope is not None]

    def move(moves):
        for name, slope in moves:
            weights[name] = weights[name] - slope

    def turn():
        model.load_state_dict(weights)
        return model(images)

    before = {key: value.clone() for key, value in weights.items()}
    result = model(images)
    if config.turns:
        move(moved(total(result, {False}), own))
        move(moved(load(adversary)(turn()), theirs))
        move(moved(total(turn(), {True}), own))
    else:
        loss = total(result, {False, True})
        move(moved(loss, own) + moved(load(adversary)(result), theirs))
    model.load_state_dict(before)
