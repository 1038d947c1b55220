"""Terms of the objective: what each needs, and their registry."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from latentscape.config.registry import Implementation

AUTOENCODER = "autoencoder"
"""The player that every objective has: all that is no adversary."""

GENERATOR = "generator"
"""The same parameters as they move by the terms with an adversary, where these take turns."""


@dataclass(frozen=True)
class Term:
    """A term of the objective, and what it needs.

    Attributes
    ----------
    implementation : str or callable
        From a `latentscape.model.objectives.Pass` to a scalar: nats per example, averaged over
        examples.
    needs : str
        What it needs of the latent: a normal ``posterior``, a ``codebook``, or ``continuous`` codes
        (none of a codebook); empty for any latent.
    includes : tuple of str
        Terms that are part of it already, and cannot be added to it.
    stands_alone : bool
        Whether it allows no other term beside it.
    constrains_posterior : bool
        Whether it keeps a posterior from losing its variance.
    matches_prior : bool
        Whether it draws the codes of training images towards the prior, or N(0, I) without one.
    needs_labels : bool
        Whether it takes the labels of the examples.
    needs_corruption : bool
        Whether it compares copies of an image that were corrupted differently.
    needs_jacobian : bool
        Whether it takes the Jacobian of the encoder, which batch normalisation leaves undefined.
    reconstructs : bool
        Whether it asks for a reconstruction.
    compares : bool
        Whether it, or the loss of its adversary, is no mean over examples but compares them, or
        sees their mean. Where a batch is computed in shards, it is computed once, over the codes of
        all shards: it reads `Pass.code` and what `once` returns, and no images.
    by_example : tuple of (str or callable)
        Functions from a pass to a number of rows, one for each example, that a term which compares
        examples takes through `Pass.once`.
    module : tuple of (str, str or callable), optional
        The name of a module that belongs to the term, and its implementation. It is built from an
        `ObjectiveConfig`, a `ModelConfig` and the length of a code, is saved with the model, and
        stands under its name in ``Pass.modules``. Terms that name the same module share it.
    adversary : str or callable, optional
        The loss by which the module learns where it is an adversary of the autoencoder: from a
        `Pass` to a scalar. It then is a player of its own, with the name of the module and the
        settings ``train.players.<name>``. Without one, a module learns with the autoencoder.
    """

    implementation: Implementation
    needs: Literal["", "posterior", "codebook", "continuous"] = ""
    includes: tuple[str, ...] = ()
    stands_alone: bool = False
    constrains_posterior: bool = False
    matches_prior: bool = False
    needs_labels: bool = False
    needs_corruption: bool = False
    needs_jacobian: bool = False
    reconstructs: bool = False
    compares: bool = False
    by_example: tuple[Implementation, ...] = ()
    module: tuple[str, Implementation] | None = None
    adversary: Implementation | None = None


_BOUND = ("reconstruction", "rate", "capacity")
_CRITIC_OF_CODES = "latentscape.model.critic:code_critic"
_CRITIC_OF_IMAGES = "latentscape.model.critic:image_critic"
_IMAGE_CRITIC = "latentscape.model.terms.adversarial_images:image_critic_loss"

TERMS: dict[str, Term] = {
    "reconstruction": Term("latentscape.model.terms.bound:reconstruction", reconstructs=True),
    "rate": Term("latentscape.model.terms.bound:rate", "posterior", constrains_posterior=True),
    "capacity": Term(
        "latentscape.model.terms.bound:capacity",
        "posterior",
        constrains_posterior=True,
        compares=True,  # Its distance is that of the mean rate.
    ),
    "importance": Term(
        "latentscape.model.terms.importance:importance",
        "posterior",
        includes=(*_BOUND, "importance_dreg"),
        constrains_posterior=True,
        reconstructs=True,
    ),
    "importance_dreg": Term(
        "latentscape.model.terms.importance:importance_dreg",
        "posterior",
        includes=(*_BOUND, "importance"),
        stands_alone=True,  # It rescales the gradients of the codes.
        constrains_posterior=True,
        reconstructs=True,
    ),
    "total_correlation": Term(
        "latentscape.model.terms.total_correlation:total_correlation", "posterior", compares=True
    ),
    "mmd": Term(
        "latentscape.model.terms.mmd:mmd",
        "continuous",
        constrains_posterior=True,
        matches_prior=True,
        compares=True,
    ),
    "commitment": Term("latentscape.model.terms.commitment:commitment", "codebook"),
    "sparsity": Term("latentscape.model.terms.penalties:sparsity", "continuous"),
    "contraction": Term(
        "latentscape.model.terms.penalties:contraction", "continuous", needs_jacobian=True
    ),
    "contrast": Term(
        "latentscape.model.terms.contrast:contrast",
        "continuous",
        needs_corruption=True,
        compares=True,
        by_example=("latentscape.model.terms.contrast:other_codes",),
    ),
    "code_norm": Term("latentscape.model.terms.penalties:code_norm", "continuous"),
    "decoder_norm": Term("latentscape.model.terms.penalties:decoder_norm"),
    "center": Term(
        "latentscape.model.terms.center:center",
        "continuous",
        needs_labels=True,
        module=("centers", "latentscape.model.terms.center:Centers"),
    ),
    "adversarial_prior": Term(
        "latentscape.model.terms.adversarial_prior:adversarial_prior",
        "continuous",
        constrains_posterior=True,
        matches_prior=True,
        module=("prior_critic", _CRITIC_OF_CODES),
        adversary="latentscape.model.terms.adversarial_prior:prior_critic_loss",
    ),
    "density_ratio": Term(
        "latentscape.model.terms.density_ratio:density_ratio",
        "posterior",
        compares=True,  # Its critic sees codes whose dimensions are permuted over the batch.
        module=("dependence_critic", _CRITIC_OF_CODES),
        adversary="latentscape.model.terms.density_ratio:dependence_critic_loss",
    ),
    "feature_reconstruction": Term(
        "latentscape.model.terms.adversarial_images:feature_reconstruction",
        reconstructs=True,
        module=("image_critic", _CRITIC_OF_IMAGES),
        adversary=_IMAGE_CRITIC,
    ),
    "adversarial_images": Term(
        "latentscape.model.terms.adversarial_images:adversarial_images",
        module=("image_critic", _CRITIC_OF_IMAGES),
        adversary=_IMAGE_CRITIC,
    ),
    "adversarial_interpolation": Term(
        "latentscape.model.terms.adversarial_interpolation:adversarial_interpolation",
        "continuous",
        module=("interpolation_critic", _CRITIC_OF_IMAGES),
        adversary="latentscape.model.terms.adversarial_interpolation:interpolation_critic_loss",
    ),
}
"""The names in ``objective.weights``."""


def adversaries(terms: Iterable[str]) -> dict[str, Implementation]:
    """Return the losses of the adversaries that some terms bring, by the names of the players."""
    entries = [TERMS[name] for name in terms]
    return {
        entry.module[0]: entry.adversary for entry in entries if entry.module and entry.adversary
    }
