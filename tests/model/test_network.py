"""Sampling, conditions and corruption: what a whole model does with its parts."""

import numpy as np
import pytest
import torch

from latentscape.api.preparing import prepare
from latentscape.config import load_recipe, override, recipe_names
from latentscape.core.errors import ConfigError
from latentscape.model import Network

LABELS = torch.tensor([0, 1, 2, 0, 1, 1])
PRIORS = [name for name in recipe_names() if load_recipe(name).model.latent.kind != "point"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", PRIORS)
def test_samples_repeat_with_their_generator_and_are_images(name, small):
    recipe = prepare(load_recipe(name), small)
    model = Network(recipe.model, recipe.objective).eval()
    with torch.no_grad():
        first, again, other = (model.sample(7, generator=seeded(seed)) for seed in (1, 1, 2))
    assert first.shape == (7, 1, 28, 28)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.unique(dim=0)) == 7


@pytest.mark.parametrize("name", [name for name in recipe_names() if name not in PRIORS])
def test_plain_codes_have_no_prior_and_the_refusal_says_what_to_do(name, small):
    recipe = prepare(load_recipe(name), small)
    model = Network(recipe.model, recipe.objective)
    assert model.prior() is None
    with pytest.raises(ConfigError, match=r"no prior .*latentscape sample RUN --from gmm"):
        model.sample(3)


def test_samples_leave_the_callers_random_numbers_alone(build):
    model = build("vamp-vae", {"model.latent.pseudo_inputs": 5})
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model.sample(3, generator=seeded())
    assert torch.equal(torch.rand(3), expected)


def test_the_labels_of_samples_take_turns_unless_they_are_given(build):
    model = build("cond-vae").eval()
    turns = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    by_default = model.sample(7, generator=seeded())
    assert torch.equal(by_default, model.sample(7, turns, seeded()))
    assert not torch.equal(by_default, model.sample(7, torch.zeros_like(turns), seeded()))
    codes = model.prior().sample(torch.Size([7]), seeded())
    assert torch.equal(by_default, model.decode(codes, turns))


CONDITIONED = {
    "fully connected": {"kind": "mlp", "widths": [8], "activation": "tanh"},
    "convolutional": {"kind": "conv", "channels": [3, 4], "activation": "tanh"},
}


@pytest.mark.parametrize("kind", ["point", "gaussian"])
@pytest.mark.parametrize("encoder", CONDITIONED.values(), ids=CONDITIONED.keys())
def test_a_label_reaches_encoder_and_decoder_of_every_body(build, blots, encoder, kind):
    changes = {"model.encoder": encoder, "model.latent": {"kind": kind, "dim": 2}}
    weights = {"reconstruction": 1, **({"rate": 1} if kind == "gaussian" else {})}
    changes |= {"model.condition": "label", "objective.weights": weights}
    model = build("simple-20", changes).eval()
    codes = model.encode(blots, LABELS)
    other_labels = (LABELS + 1) % 3
    assert not torch.equal(codes, model.encode(blots, other_labels))
    assert not torch.equal(model.decode(codes, LABELS), model.decode(codes, other_labels))
    several = model.outputs(codes.expand(5, *codes.shape), LABELS)
    assert torch.allclose(several[3], model.outputs(codes, LABELS), atol=1e-6)
    assert sum(row["parameters"] for row in model.describe()) == model.parameter_count


def test_a_conditional_model_learns_to_rely_on_its_labels(small, averages_to):
    changes = {"model.encoder.widths": [64], "model.latent.dim": 2}
    recipe = prepare(override(load_recipe("cond-vae"), changes), small)
    model = Network(recipe.model, recipe.objective)
    images, labels = (
        torch.from_numpy(part) for part in (np.asarray(small.dataset.images), small.dataset.labels)
    )
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    train = torch.from_numpy(small.train)
    for _ in range(150):
        index = train[torch.randint(len(train), (50,))]
        optimizer.zero_grad()
        model.loss(images[index], labels[index]).total.backward()
        optimizer.step()
    with torch.no_grad():
        true, wrong = (
            elbo(model.eval(), images[small.test], labels[small.test], shift) for shift in (0, 5)
        )
    assert not averages_to(true - wrong, 0)
    assert (true - wrong).mean() > 5


def elbo(model, images, labels, shift):
    """Return a draw of the bound (N,) of images whose labels are shifted by some classes."""
    torch.manual_seed(0)
    result = model(images, (labels + shift) % 10)
    return result.likelihood.log_prob(result.output, result.target) - result.code.rate


@pytest.mark.parametrize("kind", ["gaussian", "masking", "salt_and_pepper", "block", "affine"])
def test_corruption_hides_from_the_encoder_and_not_from_the_target(build, blots, kind):
    model = build("denoising", {"model.corruption": {"kind": kind, "amount": 0.5}})
    before = blots.clone()
    result = model(blots)
    assert torch.equal(blots, before)
    assert torch.equal(result.target, blots)
    assert not torch.equal(result.inputs, blots)
    assert torch.equal(result.code.z, model.latent.mean(model.encoder(result.inputs)))
    # Only training corrupts.
    assert torch.equal(model.encode(blots), model.latent.mean(model.encoder(blots)))
    assert model.draws


PARTS = [
    (
        "denoising",
        {"model.corruption": "block"},
        {"shape": (16,)},
        "Vectors of 16 numbers have no rows and columns.*block.*masking",
    ),
    ("cond-vae", {}, {"labels": 0}, "conditioned on labels, and there are 0.*--labels"),
    ("cond-vae", {}, {"labels": 1}, "two labels or more"),
    ("vamp-vae", {"model.condition": "label"}, {}, "pseudo-inputs without labels.*standard"),
    ("vq-vae", {"model.condition": "label"}, {}, "vq latent cannot be conditioned"),
    ("vamp-vae", {"model.encoder.norm": "batch"}, {}, "would make another prior of them"),
    ("vamp-vae", {"model.encoder.dropout": 0.1}, {}, "would make another prior of them"),
    ("simple-20", {"objective.rate_warmup": 5}, {}, "belongs to the term rate"),
    ("vae-20", {"objective.capacity.nats": 5}, {}, "belongs to the term capacity"),
]


@pytest.mark.parametrize(("name", "changes", "settings", "message"), PARTS)
def test_parts_that_do_not_go_together_are_refused(build, name, changes, settings, message):
    with pytest.raises(ConfigError, match=message):
        build(name, changes, **settings)


def test_what_a_refusal_recommends_is_accepted(build):
    build("denoising", {"model.corruption": "masking"}, shape=(16,))
    build("cond-vae", {}, labels=2)
    build("vamp-vae", {"model.condition": "label", "model.latent.prior": "standard"})
    build("vamp-vae", {"model.encoder.norm": "layer"})
    build("vamp-vae", {"model.encoder.norm": "batch", "model.latent.prior": "standard"})


def test_a_config_without_an_input_is_refused():
    with pytest.raises(ConfigError, match=r"Fill in model\.input"):
        Network(load_recipe("simple-20").model)


def test_codes_on_a_sphere_have_one_length_and_keep_their_direction(build, blots):
    free = build("simple-20", {"model.latent.dim": 5})
    sphere = build(
        "simple-20", {"model.latent": {"kind": "point", "dim": 5, "activation": "sphere"}}
    )
    sphere.load_state_dict(free.state_dict())
    codes, directions = sphere.encode(blots), free.encode(blots)
    assert torch.allclose(codes.norm(dim=1), torch.tensor(5.0).sqrt())
    cosine = torch.nn.functional.cosine_similarity(codes, directions)
    assert torch.allclose(cosine, torch.ones(len(blots)))
