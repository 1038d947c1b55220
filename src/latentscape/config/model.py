"""The parts of a model."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from latentscape.config.bodies import BODIES, BodyConfig, MirrorConfig, ModuleConfig
from latentscape.config.corruptions import CorruptionConfig
from latentscape.config.latents import LATENTS, LatentConfig
from latentscape.config.likelihoods import LIKELIHOODS, BernoulliConfig, LikelihoodConfig
from latentscape.config.parts import Part, by_kind
from latentscape.config.registry import OneOf


class InitConfig(Part):
    """How weights start.

    Attributes
    ----------
    kind : str
        ``torch`` (PyTorch's own), ``glorot_uniform`` (Glorot and Bengio 2010; zero biases, as in
        Keras) or ``truncated_normal`` (cut at two standard deviations, as in TensorFlow 1).
    sd : float
        Standard deviation, for ``truncated_normal``.
    bias : float
        Constant that biases start from, for ``truncated_normal``.
    data_dependent : bool
        Whether these weights are then scaled on training images, so that each number that a layer
        puts out has mean 0 and variance 1 over them, and decoding starts from the mean image
        (Salimans and Kingma 2016, section 3; Krahenbuhl et al. 2016).
    """

    kind: Literal["torch", "glorot_uniform", "truncated_normal"] = "torch"
    sd: float = Field(0.1, gt=0)
    bias: float = 0.0
    data_dependent: bool = False


class InputConfig(Part):
    """What the model takes; filled in from the data.

    Attributes
    ----------
    shape : tuple of int
        (C, H, W) or (D,).
    range : tuple of float
        The stored values that stand for 0 and 1.
    labels : int
        How many labels there are, where the model takes them.
    limits : tuple of float or None
        The smallest and the largest stored value that the trained model takes; see
        `latentscape.data.value_limits`. None in files of earlier versions.
    """

    shape: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)]
    range: tuple[float, float] = (0.0, 255.0)
    labels: int = Field(0, ge=0)
    limits: tuple[float, float] | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.range[0] >= self.range[1]:
            raise ValueError("the first value of range must be the smaller one")
        if self.limits is not None and self.limits[0] >= self.limits[1]:
            raise ValueError("the first value of limits must be the smaller one")


Encoder = Annotated[BodyConfig, OneOf(BODIES, lambda body: body.encodes)]
Decoder = Annotated[BodyConfig, OneOf(BODIES), BeforeValidator(by_kind)]
Latent = Annotated[LatentConfig, OneOf(LATENTS)]
Likelihood = Annotated[LikelihoodConfig, OneOf(LIKELIHOODS), BeforeValidator(by_kind)]


class ModelConfig(Part):
    """The parts of an autoencoder.

    Attributes
    ----------
    corruption : CorruptionConfig or None
        What the encoder sees in training, where it differs from what is to be reconstructed.
    condition : str or None
        ``label`` gives each example's label to the encoder and to the decoder.
    input : InputConfig or None
        Filled in from the data.
    """

    encoder: Encoder
    latent: Latent
    decoder: Decoder = MirrorConfig()
    likelihood: Likelihood = BernoulliConfig()
    corruption: Annotated[CorruptionConfig, BeforeValidator(by_kind)] | None = None
    condition: Literal["label"] | None = None
    init: Annotated[InitConfig, BeforeValidator(by_kind)] = InitConfig()
    input: InputConfig | None = None

    @property
    def own_networks(self) -> tuple[ModuleConfig, ...]:
        """The settings of encoder and decoder, as far as they are the user's own modules."""
        bodies = (self.encoder, self.decoder)
        return tuple(body for body in bodies if isinstance(body, ModuleConfig))

    @property
    def is_stock(self) -> bool:
        """Whether encoder and decoder are chains of known layers; see `BodyConfig.is_stock`."""
        return self.encoder.is_stock and self.decoder.is_stock

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages of code that have to be trusted, for the model to be built."""
        targets = [body.target for body in self.own_networks if body.object_id is None]
        return tuple(
            dict.fromkeys(target.partition(":")[0].partition(".")[0] for target in targets)
        )

    @property
    def needs_objects(self) -> bool:
        """Whether a module was handed over in Python, which another process does not have."""
        return any(body.object_id is not None for body in self.own_networks)
