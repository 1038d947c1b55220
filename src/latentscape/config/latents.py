"""Latents: their settings, what they can do, and their registry."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from latentscape.config.bodies import BodyConfig
from latentscape.config.parts import Activation, Part
from latentscape.config.registry import Implementation
from latentscape.config.terms import Term
from latentscape.core.errors import ConfigError


class LatentConfig(Part):
    """The settings of a latent, and what it can do. Each kind is a subclass.

    Attributes
    ----------
    implementation : str or callable
        A subclass of `latentscape.model.latents.Latent`. It is built from the settings, the shape
        of the features before they were flattened, and the shape of an example.
    tag : str
        What such a model is called on a model hub.
    draws : bool
        Whether codes are drawn at random in training.
    has_posterior : bool
        Whether each image has a normal distribution of codes.
    has_prior : bool
        Whether the model says where codes come from before any image is seen. Codes then have a
        rate, in nats.
    quantises : bool
        Whether codes are made of the vectors of a codebook, so that nothing lies between two codes.
    can_collapse : bool
        Whether training may leave the code unused, and the latent can measure it.
    no_stock_layers : str
        What stands in the way of writing it as stock layers, which Keras needs; empty if nothing.
    dim : int
        Length of a code, or of each vector in it.
    """

    implementation: ClassVar[Implementation]
    tag: ClassVar[str] = "autoencoder"
    draws: ClassVar[bool] = False
    has_posterior: ClassVar[bool] = False
    has_prior: ClassVar[bool] = False
    quantises: ClassVar[bool] = False
    can_collapse: ClassVar[bool] = False
    no_stock_layers: ClassVar[str] = ""

    kind: str
    dim: int = Field(gt=0, examples=[2])

    @classmethod
    def provides(cls, need: str) -> bool:
        """Tell whether the latent has what a term needs of it; see `Term`."""
        return {
            "": True,
            "posterior": cls.has_posterior,
            "codebook": cls.quantises,
            "continuous": not cls.quantises,
        }[need]

    @property
    def prior_name(self) -> str:
        """What the prior is called: ``standard``, N(0, I), or another name; empty without one."""
        return ""

    @property
    def has_standard_prior(self) -> bool:
        """Whether the prior is N(0, I)."""
        return self.prior_name == "standard"

    @property
    def codebook_size(self) -> int:
        """How many vectors the codebook has; 0 without one."""
        return 0

    def check_encoder(self, encoder: BodyConfig) -> None:
        """Refuse an encoder that this latent cannot work with, by a `ConfigError`."""

    def check_condition(self) -> None:
        """Refuse labels as an input of encoder and decoder, by a `ConfigError`."""

    def check_terms(self, terms: Mapping[str, Term]) -> None:
        """Refuse an objective under which this latent learns nothing, by a `ConfigError`."""


class PointConfig(LatentConfig):
    """A deterministic code of `dim` numbers: a linear layer and an activation.

    Attributes
    ----------
    activation : str
        ``sphere`` gives all codes the same length, the square root of `dim`.
    """

    implementation = "latentscape.model.latents.point:PointLatent"

    kind: Literal["point"] = "point"
    activation: Activation | Literal["sphere"] = "linear"


class GaussianLatentConfig(LatentConfig):
    """A normal posterior with its own mean and variance in each of `dim` dimensions.

    Attributes
    ----------
    prior : str
        ``standard`` for N(0, I); ``vamp`` for a mixture of the posteriors of trained pseudo-inputs
        (Tomczak and Welling 2018).
    pseudo_inputs : int
        How many components a ``vamp`` prior has.
    """

    implementation = "latentscape.model.latents.gaussian:GaussianLatent"
    tag = "variational-autoencoder"
    draws = True
    has_posterior = True
    has_prior = True
    can_collapse = True

    kind: Literal["gaussian"] = "gaussian"
    prior: Literal["standard", "vamp"] = "standard"
    pseudo_inputs: int = Field(500, gt=0)

    @property
    def prior_name(self) -> str:
        """The setting."""
        return self.prior

    def check_encoder(self, encoder: BodyConfig) -> None:
        """Refuse an encoder that treats pseudo-inputs differently in training and evaluation."""
        if self.prior == "vamp" and (encoder.batch_normalised or encoder.drops_out):
            raise ConfigError(
                "A vamp prior puts pseudo-inputs through the encoder, whose batch normalisation or "
                "dropout would make another prior of them in training than in evaluation",
                fix="Leave these out of model.encoder, or set model.latent.prior=standard.",
            )

    def check_condition(self) -> None:
        """Refuse labels beside pseudo-inputs, which have none."""
        if self.prior == "vamp":
            raise ConfigError(
                "A vamp prior has pseudo-inputs without labels, and cannot be conditioned on them",
                fix="Choose model.latent.prior=standard.",
            )

    def check_terms(self, terms: Mapping[str, Term]) -> None:
        """Refuse an objective in which nothing keeps the posterior wide."""
        if not any(term.constrains_posterior for term in terms.values()):
            raise ConfigError(
                "A gaussian latent without a term on its posterior only learns to have no variance",
                fix="Set objective.weights.rate=1, or choose a latent of kind point.",
            )


class VqConfig(LatentConfig):
    """Vectors, each replaced by the nearest of a codebook (van den Oord et al. 2017).

    Attributes
    ----------
    dim : int
        Length of each vector.
    codes : int
        Vectors in the codebook.
    positions : int
        Vectors that a fully connected encoder puts out. A convolutional one puts out one for each
        place of its last map, and this setting is ignored.
    decay : float
        Of the moving averages that the codebook is made of.
    revive_below : float
        A code whose moving average of uses falls below this share of an even share is replaced by a
        vector of the batch.
    """

    implementation = "latentscape.model.latents.vq:VqLatent"
    tag = "vector-quantised-autoencoder"
    has_prior = True
    quantises = True
    can_collapse = True
    no_stock_layers = "a vq latent, which looks for the nearest vector of a codebook"

    kind: Literal["vq"] = "vq"
    codes: int = Field(512, gt=1)
    positions: int = Field(16, gt=0)
    decay: float = Field(0.99, gt=0, lt=1)
    revive_below: float = Field(0.1, ge=0, lt=1)

    @property
    def codebook_size(self) -> int:
        """The setting `codes`."""
        return self.codes

    @property
    def prior_name(self) -> str:
        """Uniform over the vectors of the codebook."""
        return "codebook"

    def check_condition(self) -> None:
        """Refuse labels: the codes form a map, which has no place for them."""
        raise ConfigError(
            "A vq latent cannot be conditioned: its codes keep their places in the decoder",
            fix="Choose a latent of kind point or gaussian.",
        )

    def check_terms(self, terms: Mapping[str, Term]) -> None:
        """Refuse an objective in which nothing holds the vectors to their codes."""
        if not any(term.needs == "codebook" for term in terms.values()):
            raise ConfigError(
                "A vq latent needs the term commitment, or its vectors drift away from their codes",
                fix="Set objective.weights.commitment=0.25.",
            )


LATENTS: dict[str, type[LatentConfig]] = {
    "point": PointConfig,
    "gaussian": GaussianLatentConfig,
    "vq": VqConfig,
}
"""The kinds of ``model.latent``."""
