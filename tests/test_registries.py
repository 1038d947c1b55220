"""A new part is one module and one entry: here all of them come from outside the package."""

import math
from typing import Literal

import pytest
import torch
import yaml
from torch import nn

import latentscape
from latentscape.api.preparing import prepare
from latentscape.config import (
    BODIES,
    CORRUPTIONS,
    LATENTS,
    LIKELIHOODS,
    OPTIMIZERS,
    SAMPLERS,
    TERMS,
    BodyConfig,
    Corruption,
    LatentConfig,
    LikelihoodConfig,
    Recipe,
    Term,
    load,
    load_recipe,
    override,
)
from latentscape.core.errors import ConfigError
from latentscape.exports.target import choose_target
from latentscape.exports.targets import TARGETS
from latentscape.inference.samplers import Sampler
from latentscape.model import Network
from latentscape.model.latents import Code, Latent
from latentscape.model.likelihoods import Likelihood
from latentscape.training.optimizers import build_optimizers

REGISTRIES = {
    "bodies": BODIES,
    "latents": LATENTS,
    "likelihoods": LIKELIHOODS,
    "corruptions": CORRUPTIONS,
    "terms": TERMS,
    "optimizers": OPTIMIZERS,
    "samplers": SAMPLERS,
    "targets": TARGETS,
}


class NoisyLatent(Latent):
    """A code with noise of a fixed size."""

    def __init__(self, config, features_shape, input_shape):
        super().__init__()
        self.sd = config.sd
        self.layers = nn.Sequential(nn.Linear(math.prod(features_shape), config.dim))
        self.code_shape, self.numbers = (config.dim,), config.dim

    def forward(self, features, prior, samples):
        mean = self.mean(features)
        return Code(mean + self.sd * torch.randn_like(mean))

    def mean(self, features):
        return self.layers(features).float()

    def diagnose(self, features):
        return {"deviation": float(self.mean(features).std())}

    def collapse(self, measured):
        return "noise" if measured["deviation"] < self.sd else None


class NoisyConfig(LatentConfig):
    implementation = NoisyLatent
    draws = True
    can_collapse = True

    kind: Literal["noisy"] = "noisy"
    sd: float = 0.1


class Laplace(Likelihood):
    """The loss is the absolute error plus a constant."""

    def __init__(self, config):
        super().__init__()

    def mean(self, output):
        return torch.sigmoid(output)

    def _per_pixel(self, output, images):
        return -(images - self.mean(output)).abs() - math.log(2)


class LaplaceConfig(LikelihoodConfig):
    implementation = Laplace
    grey_pixels = "density"

    kind: Literal["laplace"] = "laplace"


def linear_encoder(config, shape):
    layers = [nn.Flatten(), nn.Linear(math.prod(shape), config.features)]
    return nn.Sequential(*layers), (config.features,)


def linear_decoder(config, code_shape, shape):
    size = math.prod(shape)
    return nn.Sequential(nn.Linear(math.prod(code_shape), size), nn.Unflatten(1, shape))


class LinearConfig(BodyConfig):
    encoder = linear_encoder
    decoder = linear_decoder

    kind: Literal["linear"] = "linear"
    features: int = 6

    def mirrored(self):
        return self


class Scale(nn.Module):
    """A module that a term owns: the size that codes shall have."""

    def __init__(self, objective, model, dim):
        super().__init__()
        self.size = nn.Parameter(torch.ones(dim))


def spread_out(result):
    return (result.code.z.std(0) - result.modules["latent_scale"].size).abs().sum()


def upside_down(images, amount):
    return images.flip(-2) * amount


def adagrad(parameters, lr, config):
    return torch.optim.Adagrad(parameters, config.lr)


class ZeroSampler(Sampler):
    name = "zero"
    description = "the middle of the latent space"

    def draw(self, split, count, labels, seed):
        return torch.zeros(count, self.model.latent_dim)


@pytest.fixture
def registered(monkeypatch):
    """Register one part of each kind for the time of a test."""
    entries = {
        "latents": ("noisy", NoisyConfig),
        "likelihoods": ("laplace", LaplaceConfig),
        "bodies": ("linear", LinearConfig),
        "terms": ("spread_out", Term(spread_out, "continuous", module=("latent_scale", Scale))),
        "corruptions": (
            "upside_down",
            Corruption(upside_down, "up for down", needs_images=True),
        ),
        "optimizers": ("adagrad", adagrad),
        "samplers": ("zero", ZeroSampler),
    }
    for kind, (name, entry) in entries.items():
        monkeypatch.setitem(REGISTRIES[kind], name, entry)


NEW = {
    "data.train": 100,
    "data.test": 20,
    "model.encoder": {"kind": "linear"},
    "model.latent": {"kind": "noisy", "dim": 3, "sd": 0.2},
    "model.likelihood": "laplace",
    "model.corruption": {"kind": "upside_down", "amount": 0.5},
    "objective.weights.spread_out": 0.1,
    "train.epochs": 2,
    "train.optimizer": "adagrad",
}


@pytest.fixture
def run(registered, tmp_path):
    """A run of a recipe all parts of which are new."""
    return latentscape.train("simple-20", data="mnist-5k", changes=NEW, folder=tmp_path, quiet=True)


def test_new_parts_are_trained_evaluated_saved_and_read_back(run):
    recipe = Recipe.model_validate(yaml.safe_load((run.path / "recipe.yaml").read_text()))
    assert recipe == run.recipe
    assert recipe.model.latent.sd == 0.2
    model = latentscape.load(run.path)
    assert {"noisy", "laplace", "linear"} == {
        model.config.latent.kind,
        model.config.likelihood.kind,
        model.config.encoder.kind,
    }
    assert not torch.equal(
        model.objective.latent_scale.size, torch.ones(3)
    )  # The term's own weights moved.
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    assert torch.equal(model.encode(images), latentscape.load(run.path).encode(images))
    assert latentscape.report(run.path).exists()
    sheet = latentscape.sample(run.path, count=2, source="zero")
    assert "the middle of the latent space" in sheet.about


@pytest.mark.usefixtures("registered")
def test_each_new_part_works_beside_those_of_the_package(small):
    for path, value in NEW.items():
        recipe = prepare(override(load_recipe("simple-20"), {path: value}), small)
        model = Network(recipe.model, recipe.objective)
        optimizer = build_optimizers(model.players(), recipe.train)["autoencoder"]
        batch = torch.from_numpy(small.dataset.images[:20])
        before = model.loss(batch).total
        before.backward()
        optimizer.step()
        assert torch.isfinite(before), path
        assert model.loss(batch).total != before, path
    changes = {"model.decoder": "linear"}
    decoder = prepare(override(load_recipe("conv-bn"), changes), small)
    assert Network(decoder.model).reconstruct(batch).shape == batch.shape


@pytest.mark.usefixtures("registered")
def test_mistakes_name_new_parts_too():
    recipe = load_recipe("simple-20")
    for path, value in (
        ("model.latent", {"kind": "noise", "dim": 2}),
        ("model.likelihood", "laplacian"),
        ("model.corruption", "upside-down"),
        ("train.optimizer", "adagard"),
        ("objective.weights.spread", 1),
    ):
        with pytest.raises(ConfigError, match="noisy|laplace'|upside_down|adagrad'|spread_out"):
            override(recipe, {path: value})


def test_parts_that_are_not_registered_are_refused():
    for path, value in (
        ("model.latent", {"kind": "noisy", "dim": 2}),
        ("model.likelihood", "laplace"),
        ("train.optimizer", "adagrad"),
    ):
        with pytest.raises(ConfigError):
            override(load_recipe("simple-20"), {path: value})


@pytest.mark.parametrize("registry", [BODIES, LATENTS, LIKELIHOODS])
def test_settings_are_registered_under_their_kind(registry):
    for kind, settings in registry.items():
        assert settings.model_fields["kind"].default == kind


def test_every_entry_names_an_implementation_that_exists():
    implementations = [
        *(term.implementation for term in TERMS.values()),
        *(term.module[1] for term in TERMS.values() if term.module),
        *(corruption.implementation for corruption in CORRUPTIONS.values()),
        *(latent.implementation for latent in LATENTS.values()),
        *(likelihood.implementation for likelihood in LIKELIHOODS.values()),
        *(body.decoder for body in BODIES.values() if body.encodes),
        *(body.encoder for body in BODIES.values() if body.encodes),
        *OPTIMIZERS.values(),
        *SAMPLERS.values(),
    ]
    assert all(callable(load(implementation)) for implementation in implementations)
    assert all(choose_target(name).suffix for name in TARGETS)
