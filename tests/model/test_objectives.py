"""Terms against exact values: grids, Jacobians, a calculation by hand, and each other."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from members import variants

from latentscape.config import LATENTS, TERMS, ModelConfig, ObjectiveConfig
from latentscape.config.model import InputConfig
from latentscape.core.errors import ConfigError
from latentscape.model.latents import Code, Normal
from latentscape.model.terms.center import Centers
from latentscape.model.terms.contrast import contrast
from latentscape.model.terms.mmd import squared_mmd
from latentscape.model.terms.penalties import contraction
from latentscape.model.terms.total_correlation import total_correlation

LABELS = torch.tensor([0, 1, 2, 0, 1, 1])


def objective(name, term, latent):
    """Weights with a term, and with what the latent and the term need beside it."""
    weights = {name: 2.0}
    if "reconstruction" not in term.includes:
        weights = {"reconstruction": 1.0, **weights}
        if latent.has_posterior:
            weights["rate"] = weights.get("rate", 1.0)
        if latent.quantises:
            weights["commitment"] = weights.get("commitment", 1.0)
    return weights


def cases():
    """Every term with every latent that it can be computed for, and as many codes as there are."""
    for name, term in TERMS.items():
        for latent in variants(LATENTS):
            if latent.provides(term.needs):
                for samples in (1, 3) if latent.draws else (1,):
                    yield name, term, latent, samples


CONTRAST = {"objective.weights.contrast": 1.0, "model.corruption": "masking"}


def test_every_term_has_finite_gradients_with_every_latent_it_can_be_computed_for(build, blots):
    for name, term, latent, samples in cases():
        changes = {
            "model.latent": latent.model_dump(),
            "objective.weights": objective(name, term, latent),
            "objective.samples": samples,
            **({"model.corruption": "masking"} if term.needs_corruption else {}),
        }
        model = build("simple-20", changes)
        for _ in range(2):  # In training codebooks and centres move.
            loss = model.loss(blots, LABELS)
            model.zero_grad()
            loss.total.backward()
            slopes = [p.grad for p in model.parameters() if p.grad is not None]
            assert loss.terms[name].shape == (), (name, latent)
            assert torch.isfinite(loss.total), (name, latent)
            assert all(torch.isfinite(slope).all() for slope in slopes), (name, latent)
            assert any(slope.any() for slope in slopes), (name, latent)
        model.eval()
        with torch.no_grad():
            assert torch.isfinite(model.loss(blots, LABELS).total), (name, latent)


@pytest.fixture
def informed(build):
    """Return a function that builds a VAE of one dimension which says much about the image."""

    def informed(term, samples):
        torch.manual_seed(3)
        weights = {"reconstruction": 1, "rate": 1} if term == "elbo" else {term: 1}
        changes = {
            "model.latent.dim": 1,
            "objective.weights": weights,
            "objective.samples": samples,
        }
        model = build("vae-20", changes)
        with torch.no_grad():
            model.latent.layers[0].bias[1] = -1.0
            model.decoder[-2].weight *= 8
        return model

    return informed


def log_evidence(model, images):
    """Integrate p(x, z) over a grid of codes: the log-likelihood (B,), exactly."""
    line = torch.linspace(-8, 8, 4001)
    codes = line[:, None, None].expand(-1, len(images), 1)
    log_likelihood = model.likelihood.log_prob(model.outputs(codes), images)
    joint = log_likelihood + model.prior().log_prob(codes)
    return torch.logsumexp(joint, 0) + math.log(line[1] - line[0])


@torch.no_grad()
def test_bounds_rise_from_the_elbo_towards_the_likelihood(informed, blots):
    def bound(term, samples):
        model = informed(term, samples)
        draws = torch.stack([-model.loss(blots).total for _ in range(300)])
        return draws.mean().item(), (draws.std() / math.sqrt(300)).item()

    elbo, single, five, fifty = (
        bound(*case) for case in (("elbo", 1), *(("importance", k) for k in (1, 5, 50)))
    )
    exact = log_evidence(informed("elbo", 1), blots).mean().item()
    assert abs(elbo[0] - single[0]) <= 4 * (elbo[1] + single[1])
    for lower, higher in ((single, five), (five, fifty)):
        assert higher[0] - lower[0] > 4 * (lower[1] + higher[1])
    assert fifty[0] <= exact + 4 * fifty[1]
    assert exact - fifty[0] < 0.1 * (exact - elbo[0])


def slopes(model, images, seed):
    """Return the loss and the gradients of encoder and decoder, each as one vector."""
    torch.manual_seed(seed)
    model.zero_grad()
    loss = model.loss(images).total
    loss.backward()
    parts = [[*model.encoder.parameters(), *model.latent.parameters()], model.decoder.parameters()]
    return loss.item(), *(torch.cat([p.grad.flatten() for p in half]) for half in parts)


def test_dreg_has_the_value_of_the_bound_and_the_decoders_gradient(informed, blots):
    plain, doubly = (
        slopes(informed(term, 5), blots, 1) for term in ("importance", "importance_dreg")
    )
    assert doubly[0] == pytest.approx(plain[0])
    assert torch.allclose(doubly[2], plain[2], atol=1e-5)
    assert not torch.allclose(doubly[1], plain[1], atol=1e-3)


def test_dreg_agrees_on_the_encoders_gradient_in_expectation_and_varies_less(
    informed, blots, averages_to
):
    images = blots.repeat(10, 1, 1, 1)
    plain, doubly = (
        torch.stack([slopes(model, images, seed)[1] for seed in range(300)])
        for model in (informed("importance", 5), informed("importance_dreg", 5))
    )
    mean = plain.mean(0)
    for direction in (mean, *torch.randn(4, len(mean))):
        assert averages_to((plain - doubly) @ direction, 0)
    assert not averages_to(plain @ mean, 0)
    assert not averages_to(doubly @ mean, 0)
    assert doubly.var(0).sum() < plain.var(0).sum()


EPOCHS = {0.0: 0.0, 2.5: 0.25, 5.0: 0.5, 10.0: 1.0, 99.0: 1.0, math.inf: 1.0}


@pytest.mark.parametrize(("epoch", "share"), EPOCHS.items())
def test_the_weight_of_the_rate_and_its_capacity_grow_over_epochs(build, blots, epoch, share):
    warm = build("beta-vae", {"objective.rate_warmup": 10})
    loss = warm.loss(blots, None, epoch)
    expected = loss.terms["reconstruction"] + share * 4 * loss.terms["rate"]
    assert loss.total.item() == pytest.approx(expected.item())

    growing = build("beta-vae-capacity", {"objective.capacity": {"nats": 20, "epochs": 10}})
    result = growing(blots, None, epoch)
    distance = growing.objective(result).terms["capacity"].item()
    assert distance == pytest.approx(abs(result.code.rate.mean().item() - share * 20), rel=1e-5)


def test_a_schedule_of_no_epochs_is_over_at_once(build, blots):
    model = build("beta-vae-capacity", {"objective.capacity": {"nats": 20, "epochs": 0}})
    result = model(blots, None, 0.0)
    distance = model.objective(result).terms["capacity"].item()
    assert distance == pytest.approx(abs(result.code.rate.mean().item() - 20), rel=1e-5)


@pytest.mark.parametrize(("epoch", "count"), [(0, 2), (2.9, 2), (3, 7), (math.inf, 7)])
def test_the_first_epochs_draw_fewer_codes(build, blots, epoch, count):
    first = {"samples": 2, "epochs": 3}
    model = build("iwae-50", {"objective.samples": 7, "objective.first_samples": first})
    assert model(blots, None, epoch).code.z.shape == (count, len(blots), 50)


def dependence(means):
    """Total correlation of codes drawn around means (N, D) with a standard deviation of 1/2."""
    posterior = Normal(means, torch.full_like(means, 2 * math.log(0.5)))
    z = posterior.sample(torch.Size())
    return total_correlation(SimpleNamespace(code=Code(z, posterior=posterior))).item()


def test_total_correlation_is_that_of_normal_codes():
    """It is zero for independent dimensions; a correlation r makes -ln(1 - r^2) / 2."""
    independent = torch.randn(2000, 2)
    assert dependence(independent) == pytest.approx(0, abs=0.03)
    for r in (0.6, -0.95):
        mixed = torch.stack([independent[:, 0], r * independent[:, 0]], 1)
        mixed[:, 1] += math.sqrt(1 - r**2) * independent[:, 1]
        correlation = r / 1.25  # The variance around the means dilutes it.
        assert dependence(mixed) == pytest.approx(-0.5 * math.log(1 - correlation**2), abs=0.05)


def test_squared_mmd_is_unbiased(averages_to):
    def draws(shift, scale, count=20):
        return torch.stack(
            [
                squared_mmd(torch.randn(count, 3), shift + scale * torch.randn(2 * count, 3))
                for _ in range(200)
            ]
        )

    assert averages_to(draws(0, 1), 0)
    for different in (draws(1, 1), draws(0, 2)):
        assert different.mean() > 0.05
    # The size of the sample does not move it.
    assert averages_to(draws(1, 1, 5), draws(1, 1, 200).mean())


def test_contraction_is_the_squared_norm_of_the_jacobian_on_average(build, blots, averages_to):
    model = build("contractive", {"model.latent.dim": 3})
    with torch.no_grad():
        result = model(blots)
        draws = torch.stack([contraction(result) for _ in range(1000)])
    jacobians = [torch.autograd.functional.jacobian(model.encode, image[None]) for image in blots]
    exact = torch.stack([jacobian.square().sum() for jacobian in jacobians]).mean()
    assert averages_to(draws, exact)


def test_contrast_is_the_cross_entropy_of_finding_the_other_copy(build, blots):
    """By the definition of Chen et al. (2020), equation 1, pair by pair."""
    model = build("simple-20", {**CONTRAST, "model.latent.dim": 3})
    result = replace(model(blots), corrupt=lambda images: images.flip(0))
    codes = torch.cat([result.code.z, model.encode(blots.flip(0))]).detach().double()
    cosine = torch.nn.functional.cosine_similarity(codes[:, None], codes[None], dim=-1)
    ratios = torch.exp(cosine / 0.5)
    expected = 0.0
    for i in range(12):
        partner, rest = (i + 6) % 12, [j for j in range(12) if j != i]
        expected -= math.log(ratios[i, partner] / ratios[i, rest].sum()) / 12
    assert contrast(result).item() == pytest.approx(expected, rel=1e-4)


def test_contrast_is_least_where_copies_agree_and_images_differ(build, blots):
    model = build("simple-20", {**CONTRAST, "model.latent.dim": 6})
    result = model(blots)

    def value(z, rest):
        code = replace(result.code, z=z)
        return contrast(replace(result, code=code, encode=lambda _: rest)).item()

    apart, alike = torch.eye(6), torch.ones(6, 6)
    assert value(apart, apart) < value(alike, alike) == pytest.approx(math.log(11))
    assert value(apart, apart.roll(1, 0)) > value(apart, apart)


def test_centers_move_half_way_to_their_codes_less_one():
    """Equation 4 of Wen et al. (2016): c -= sum(c - x) / (1 + n) / 2."""
    model = ModelConfig(
        encoder={"kind": "mlp", "widths": []},
        latent={"kind": "point", "dim": 1},
        input=InputConfig(shape=(1,), labels=3),
    )
    centers = Centers(ObjectiveConfig(), model, 1)
    centers.places = torch.tensor([[0.0], [5.0], [4.0]])
    codes = torch.tensor([[1.0], [3.0], [10.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 2])
    distances = centers.train()(codes, labels)
    distances.sum().backward()
    assert distances.tolist() == [0.5, 4.5, 18.0]  # From where the centres were.
    assert codes.grad.tolist() == [[1], [3], [6]]
    assert centers.places[:, 0].tolist() == pytest.approx([0.5 * 4 / 3, 5, 4 + 0.5 * 6 / 2])
    before = centers.places
    centers.eval()(codes, labels)
    assert torch.equal(centers.places, before)


REFUSED = [
    ("simple-20", {"objective.weights.contrast": 1}, "compares two corrupted copies.*affine"),
    ("simple-20", {"objective.weights.rate": 1}, "rate cannot be computed .* of kind point"),
    ("vq-vae", {"objective.weights.mmd": 1}, "mmd .* of kind vq.*kind point or gaussian"),
    ("vae-20", {"objective.weights.commitment": 1}, "commitment .* of kind gaussian"),
    ("iwae-50", {"objective.weights.reconstruction": 1}, "holds reconstruction and rate already"),
    ("iwae-50", {"objective.weights.capacity": 1}, "importance_dreg: 1"),
    ("iwae-50", {"objective.weights.importance": 1}, "The term importance holds"),
    ("iwae-50", {"objective.weights.mmd": 1}, "rescales the gradient.*Choose importance"),
    ("simple-20", {"objective.weights": {"sparsity": 1}}, "Nothing .* asks for a reconstruction"),
    ("vae-20", {"objective.weights": {"reconstruction": 1}}, "only learns to have no variance"),
    ("vae-20", {"objective.weights": {"reconstruction": 1, "sparsity": 1}}, "no variance"),
    ("vq-vae", {"objective.weights": {"reconstruction": 1}}, "needs the term commitment"),
    ("simple-20", {"objective.samples": 5}, "Several samples .* of kind point"),
    (
        "contractive",
        {"model.encoder": {"kind": "mlp", "widths": [3], "norm": "batch"}},
        "Jacobian .* batch normalisation.*layer or none",
    ),
]


@pytest.mark.parametrize(("name", "changes", "message"), REFUSED)
def test_terms_that_do_not_go_together_are_refused(build, name, changes, message):
    with pytest.raises(ConfigError, match=message):
        build(name, changes)


@pytest.mark.parametrize("labels", [0, 1])
def test_centers_of_fewer_than_two_labels_are_refused(build, labels):
    with pytest.raises(ConfigError, match=f"over labels, and there are {labels}"):
        build("kaggle-2d-center", {}, labels=labels)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("vae-20", {"reconstruction": 1, "capacity": 1}),
        ("vae-20", {"reconstruction": 1, "mmd": 1}),
        ("vae-20", {"importance": 1, "total_correlation": 5}),
        ("vae-20", {"importance_dreg": 1}),
        ("vq-vae", {"reconstruction": 1, "commitment": 1, "decoder_norm": 1}),
    ],
)
def test_terms_that_go_together_are_not(build, blots, name, weights):
    assert torch.isfinite(build(name, {"objective.weights": weights}).loss(blots).total)
