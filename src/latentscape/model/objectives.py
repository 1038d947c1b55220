"""Objectives: named terms over one forward pass, and their weighted sum.

A term is a function from a `Pass` to nats per example, averaged over examples, and an entry in
`TERMS` that says what it needs. A variant of an autoencoder is a choice of terms.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentscape.config import CapacityConfig, ModelConfig, ObjectiveConfig
from latentscape.core.errors import ConfigError
from latentscape.core.records import LossTerms
from latentscape.model.latents import Code
from latentscape.model.likelihoods import Likelihood

CENTER_RATE = 0.5
"""Share of the way that a centre moves to the mean of its codes in a step (Wen et al. 2016)."""


TEMPERATURE = 0.5
"""Of the term contrast: the lower, the more the nearest other images count."""


class Centers(nn.Module):
    """A centre of the codes of each label, moved by the codes themselves (Wen et al. 2016).

    Parameters
    ----------
    labels, dim : int
        How many centres, and how long.
    """

    places: Tensor

    def __init__(self, labels: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("places", torch.zeros(labels, dim))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return half the squared distances (B,) of codes (B, D) from the centres of their labels.

        In training the centres then move, as in equation 4 of the paper.
        """
        offset = self.places.index_select(0, labels) - z
        if self.training:
            moved = torch.zeros_like(self.places).index_add_(0, labels, offset.detach())
            ones = torch.ones_like(labels, dtype=moved.dtype)
            counts = moved.new_zeros(len(moved)).index_add_(0, labels, ones)
            self.places.sub_(CENTER_RATE * moved / (1 + counts[:, None]))
        return 0.5 * offset.square().sum(-1)


@dataclass(frozen=True)
class Pass:
    """All that a forward pass leaves behind for the terms to read.

    Attributes
    ----------
    target : Tensor
        (B, *shape) images in [0, 1] that are to be reconstructed.
    seen : Tensor
        (B, *shape) what the encoder saw of them.
    labels : Tensor or None
        (B,) their labels.
    code : Code
        The latent code.
    output : Tensor
        (B, *shape), or (S, B, *shape) where several codes were drawn: what the decoder put out.
    likelihood : Likelihood
        How to read the output.
    corrupt : callable
        From images (B, *shape) to what the encoder sees of them, drawn anew at each call.
    encode : callable
        From images (B, *shape) to codes (B, D), without sampling.
    decoder : nn.Module
        The decoder, for its weights.
    centers : Centers or None
        The centres of the labels.
    epoch : float
        How many epochs have been trained; infinite where no schedule is wanted.
    """

    target: Tensor
    seen: Tensor
    labels: Tensor | None
    code: Code
    output: Tensor
    likelihood: Likelihood
    corrupt: Callable[[Tensor], Tensor]
    encode: Callable[[Tensor], Tensor]
    decoder: nn.Module
    centers: Centers | None
    objective: ObjectiveConfig
    epoch: float


def reconstruction(result: Pass) -> Tensor:
    """Negative log-likelihood of the target."""
    return -result.likelihood.log_prob(result.output, result.target).mean()


def rate(result: Pass) -> Tensor:
    """Divergence of the posterior from the prior (Kingma and Welling 2014)."""
    assert result.code.rate is not None
    return result.code.rate.mean()


def capacity(result: Pass) -> Tensor:
    """Distance of the rate from a capacity that grows (Burgess et al. 2018, equation 8)."""
    config = result.objective.capacity
    grown = min(1.0, result.epoch / config.epochs) if config.epochs else 1.0
    return (rate(result) - grown * config.nats).abs()


def importance(result: Pass) -> Tensor:
    """Negative importance-weighted bound with S samples (Burda et al. 2016, equation 8)."""
    weights = log_weights(result)
    return -(torch.logsumexp(weights, 0) - math.log(len(weights))).mean()


def importance_dreg(result: Pass) -> Tensor:
    """Do as `importance`, with doubly reparameterised gradients (Tucker et al. 2019, equation 8).

    The encoder's share of each weight reaches it through the code alone, and counts squared.
    """
    z = result.code.z
    weights = log_weights(result, detach_posterior=True)
    shares = torch.softmax(weights.detach(), 0)
    if z.requires_grad:
        squared = shares.reshape(*z.shape[:-1], 1)
        z.register_hook(lambda gradient: gradient * squared)  # type: ignore[no-untyped-call]
    bound = torch.logsumexp(weights.detach(), 0) - math.log(len(weights))
    surrogate = (shares * weights).sum(0)
    # The value of the bound, with the gradient of the surrogate.
    return -(bound + surrogate - surrogate.detach()).mean()


def log_weights(result: Pass, detach_posterior: bool = False) -> Tensor:
    """Return log p(x, z) - log q(z | x) of each drawn code, (S, B)."""
    code = result.code
    assert code.posterior is not None
    assert code.prior is not None
    posterior = code.posterior.detach() if detach_posterior else code.posterior
    log_likelihood = result.likelihood.log_prob(result.output, result.target)
    weights = log_likelihood + code.prior.log_prob(code.z) - posterior.log_prob(code.z)
    return weights if weights.dim() == 2 else weights[None]


def total_correlation(result: Pass) -> Tensor:
    """Dependence between the dimensions of the code (Chen et al. 2018, beta-TC-VAE).

    The aggregate posterior is taken to be the mixture of the batch's posteriors, which differs from
    the paper's minibatch-weighted sampling by a constant: the gradient is the same.
    """
    posterior = result.code.posterior
    assert posterior is not None
    z = result.code.z.flatten(0, -2)
    distance = (z[:, None] - posterior.mean).square() * torch.exp(-posterior.log_variance)
    each = -0.5 * (distance + posterior.log_variance + math.log(2 * math.pi))  # (codes, B, D)
    size = math.log(len(posterior.mean))
    joint = torch.logsumexp(each.sum(-1), 1) - size
    single = (torch.logsumexp(each, 1) - size).sum(-1)
    return (joint - single).mean()


def mmd(result: Pass) -> Tensor:
    """Maximum mean discrepancy between codes and the prior, N(0, I) for a code that has none.

    With the inverse multiquadratic kernel of Tolstikhin et al. (2018, WAE), section 4.
    """
    z = result.code.z.flatten(0, -2)
    if result.code.prior is None:
        drawn = torch.randn_like(z)
    else:
        drawn = result.code.prior.sample(torch.Size([len(z)]))
    return squared_mmd(z, drawn)


def squared_mmd(first: Tensor, second: Tensor) -> Tensor:
    """Return an unbiased estimate of the squared discrepancy of codes (N, D) and (M, D)."""
    scale = 2.0 * first.shape[1]

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squared = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
        return scale / (scale + squared.clamp_min(0))

    def within(a: Tensor) -> Tensor:
        # An example is always 1 like itself, which says nothing.
        return (kernel(a, a).sum() - len(a)) / max(1, len(a) * (len(a) - 1))

    return within(first) + within(second) - 2 * kernel(first, second).mean()


def commitment(result: Pass) -> Tensor:
    """Squared distance of the vectors from their codes (van den Oord et al. 2017, equation 3)."""
    vectors = result.code.unquantised
    assert vectors is not None
    return (vectors - result.code.z.detach()).square().sum(-1).mean()


def sparsity(result: Pass) -> Tensor:
    """Sum of the absolute values of the code, which leaves few of them away from zero."""
    return result.code.z.abs().sum(-1).mean()


def contraction(result: Pass) -> Tensor:
    """Squared norm of the encoder's Jacobian (Rifai et al. 2011), estimated without bias.

    For noise v with unit covariance the mean of |J v|^2 is the squared norm of J.
    """
    noise = torch.randn_like(result.seen)
    moved: Tensor = torch.func.jvp(result.encode, (result.seen,), (noise,))[1]
    return moved.square().sum(-1).mean()


def contrast(result: Pass) -> Tensor:
    """Cross-entropy of finding each image's code among those of the batch, by its corrupted copy.

    Each image is corrupted twice; by the cosine of the angle between codes each copy has to tell
    the other one from all other images (Chen et al. 2020, SimCLR, NT-Xent). Codes become alike for
    whatever corruption leaves alone.
    """
    other = result.encode(result.corrupt(result.target))
    codes = functional.normalize(torch.cat([result.code.z.reshape(-1, *other.shape)[0], other]))
    similarity = codes @ codes.T / TEMPERATURE
    itself = torch.eye(len(codes), dtype=torch.bool, device=codes.device)
    partner = torch.arange(len(codes), device=codes.device).roll(len(other))
    return functional.cross_entropy(similarity.masked_fill(itself, -math.inf), partner)


def code_norm(result: Pass) -> Tensor:
    """Half the squared norm of the code (Ghosh et al. 2020, equation 6)."""
    return 0.5 * result.code.z.square().sum(-1).mean()


def decoder_norm(result: Pass) -> Tensor:
    """Squared norm of the decoder's weights (Ghosh et al. 2020, RAE-L2)."""
    return torch.stack([weight.square().sum() for weight in result.decoder.parameters()]).sum()


def center(result: Pass) -> Tensor:
    """Half the squared distance of the code from the centre of its label (Wen et al. 2016)."""
    assert result.centers is not None
    assert result.labels is not None
    z = result.code.z
    labels = result.labels.expand(z.shape[:-1])
    distances: Tensor = result.centers(z.flatten(0, -2), labels.flatten())
    return distances.mean()


@dataclass(frozen=True)
class Term:
    """A term, and what it needs.

    Attributes
    ----------
    compute : callable
        From a pass to a scalar.
    latents : tuple of str
        Kinds of latent that it can be computed for.
    """

    compute: Callable[[Pass], Tensor]
    latents: tuple[str, ...] = ("point", "gaussian", "vq")


_CONTINUOUS = ("point", "gaussian")
TERMS: dict[str, Term] = {
    "reconstruction": Term(reconstruction),
    "rate": Term(rate, ("gaussian",)),
    "capacity": Term(capacity, ("gaussian",)),
    "importance": Term(importance, ("gaussian",)),
    "importance_dreg": Term(importance_dreg, ("gaussian",)),
    "total_correlation": Term(total_correlation, ("gaussian",)),
    "mmd": Term(mmd, _CONTINUOUS),
    "commitment": Term(commitment, ("vq",)),
    "sparsity": Term(sparsity, _CONTINUOUS),
    "contraction": Term(contraction, _CONTINUOUS),
    "contrast": Term(contrast, _CONTINUOUS),
    "code_norm": Term(code_norm, _CONTINUOUS),
    "decoder_norm": Term(decoder_norm),
    "center": Term(center, _CONTINUOUS),
}
BOUNDS = ("importance", "importance_dreg")
"""Terms that hold reconstruction and rate already."""

_ON_POSTERIOR = {"rate", "capacity", "mmd", *BOUNDS}


def evaluate_terms(result: Pass) -> LossTerms:
    """Compute every term of an objective and their weighted sum."""
    config = result.objective
    terms: dict[str, Tensor] = {name: TERMS[name].compute(result) for name in config.weights}
    warmth = min(1.0, result.epoch / config.rate_warmup) if config.rate_warmup else 1.0
    weighted = [
        weight * (warmth if name == "rate" else 1.0) * terms[name]
        for name, weight in config.weights.items()
    ]
    return LossTerms(torch.stack(weighted).sum(), terms)


def check_objective(config: ObjectiveConfig, model: ModelConfig) -> None:
    """Refuse terms that do not go with the model or with each other.

    Raises
    ------
    ConfigError
        With the reason, and what would go instead.
    """
    names: set[str] = set(config.weights)
    kind = model.latent.kind
    for name in config.weights:
        if kind not in TERMS[name].latents:
            raise ConfigError(
                f"The term {name} cannot be computed for a latent of kind {kind}",
                expected=f"model.latent.kind {' or '.join(TERMS[name].latents)}",
            )
    bounds = names & {*BOUNDS}
    if bounds and names & {"reconstruction", "rate", "capacity"} or len(bounds) > 1:
        raise ConfigError(
            f"The term {min(bounds)} holds reconstruction and rate already",
            fix=f"Leave the others out: objective.weights={{{min(bounds)}: 1}}.",
        )
    if "importance_dreg" in names and len(names) > 1:
        raise ConfigError(
            "The term importance_dreg rescales the gradients of the codes, and stands alone",
            fix="Choose importance, or leave the others out.",
        )
    if not bounds and "reconstruction" not in names:
        raise ConfigError(
            "Nothing in the objective asks for a reconstruction",
            fix="Set objective.weights.reconstruction=1.",
        )
    if kind == "gaussian" and not names & _ON_POSTERIOR:
        raise ConfigError(
            "A gaussian latent without a term on its posterior only learns to have no variance",
            fix="Set objective.weights.rate=1, or choose a latent of kind point.",
        )
    if kind == "vq" and "commitment" not in names:
        raise ConfigError(
            "A vq latent needs the term commitment, or its vectors drift away from their codes",
            fix="Set objective.weights.commitment=0.25.",
        )
    if "center" in names and model.input is not None and model.input.labels < 2:
        raise ConfigError(
            f"The term center is over labels, and there are {model.input.labels}",
            expected="data with two labels or more",
            fix="Name their column or file with --labels, or leave the term out.",
        )
    if "contrast" in names and model.corruption is None:
        raise ConfigError(
            "The term contrast compares two corrupted copies of an image, and nothing corrupts",
            fix="Set model.corruption=affine.",
        )
    _check_schedules(config, names)
    if config.samples > 1 and kind != "gaussian":
        raise ConfigError(f"Several samples were asked of a latent of kind {kind}, which has one")
    if "contraction" in names and model.encoder.norm == "batch":
        raise ConfigError(
            "The Jacobian of one example is not defined under batch normalisation",
            fix="Set model.encoder.norm to layer or none.",
        )


def _check_schedules(config: ObjectiveConfig, names: set[str]) -> None:
    """Refuse a schedule of a term that is not there, which would change nothing."""
    scheduled = {
        "rate_warmup": ("rate", config.rate_warmup > 0),
        "capacity": ("capacity", config.capacity != CapacityConfig()),
    }
    for setting, (term, is_set) in scheduled.items():
        if is_set and term not in names:
            raise ConfigError(
                f"objective.{setting} belongs to the term {term}, which is not in the objective",
                fix=f"Set objective.weights.{term}, or leave {setting} out.",
            )
