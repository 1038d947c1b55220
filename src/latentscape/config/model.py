"""The parts of a model."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from latentscape.config.parts import Activation, Norm, Part, by_kind


class MlpConfig(Part):
    """Fully connected layers, each followed by normalisation, activation and dropout."""

    kind: Literal["mlp"] = "mlp"
    widths: tuple[Annotated[int, Field(gt=0)], ...]
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, lt=1)


class ConvConfig(Part):
    """Convolutional stages, each of which halves (encoder) or doubles (decoder) height and width.

    Attributes
    ----------
    channels : tuple of int
        Encoder: what each stage puts out. Decoder: what each stage takes in (the last one puts out
        the image).
    kernel : int
        Odd height and width of each kernel.
    pool : str
        How the encoder halves: ``max`` or ``average`` pooling, or ``stride`` 2. Decoders double by
        transpose convolution with stride 2.
    output_norm : str
        Normalisation of the decoder's last layer, before the likelihood reads it.
    """

    kind: Literal["conv"] = "conv"
    channels: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]
    kernel: Annotated[int, Field(ge=1, le=11)] = 3
    pool: Literal["max", "average", "stride"] = "max"
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, lt=1)
    output_norm: Literal["none", "batch"] = "none"

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that its centre lies on a pixel")


class MirrorConfig(Part):
    """A decoder that is the encoder backwards."""

    kind: Literal["mirror"] = "mirror"


class PointConfig(Part):
    """A deterministic code of `dim` numbers: a linear layer and an activation."""

    kind: Literal["point"] = "point"
    dim: int = Field(gt=0)
    activation: Activation = "linear"


class BernoulliConfig(Part):
    """Each pixel the probability of ink; the loss is binary cross-entropy."""

    kind: Literal["bernoulli"] = "bernoulli"


class GaussianConfig(Part):
    """Each pixel normal around its reconstruction; the loss is squared error plus a constant.

    Attributes
    ----------
    mean : str
        ``linear``, or ``sigmoid`` to keep the reconstruction in [0, 1].
    variance : float
        Fixed variance. At 1/2 the negative log-likelihood is the squared error plus a constant,
        which is what "trained on MSE" means.
    """

    kind: Literal["gaussian"] = "gaussian"
    mean: Literal["linear", "sigmoid"] = "linear"
    variance: float = Field(0.5, gt=0)


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
    """

    kind: Literal["torch", "glorot_uniform", "truncated_normal"] = "torch"
    sd: float = Field(0.1, gt=0)
    bias: float = 0.0


class InputConfig(Part):
    """What the model takes; filled in from the data.

    Attributes
    ----------
    shape : tuple of int
        (C, H, W) or (D,).
    range : tuple of float
        The stored values that stand for 0 and 1.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] = (0.0, 255.0)


Encoder = Annotated[MlpConfig | ConvConfig, Field(discriminator="kind")]


Decoder = Annotated[
    MlpConfig | ConvConfig | MirrorConfig, Field(discriminator="kind"), BeforeValidator(by_kind)
]


Likelihood = Annotated[
    BernoulliConfig | GaussianConfig, Field(discriminator="kind"), BeforeValidator(by_kind)
]


class ModelConfig(Part):
    """The parts of an autoencoder."""

    encoder: Encoder
    latent: PointConfig
    decoder: Decoder = MirrorConfig()
    likelihood: Likelihood = BernoulliConfig()
    init: Annotated[InitConfig, BeforeValidator(by_kind)] = InitConfig()
    input: InputConfig | None = None
