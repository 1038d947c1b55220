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
    """A deterministic code of `dim` numbers: a linear layer and an activation.

    Attributes
    ----------
    activation : str
        ``sphere`` gives all codes the same length, the square root of `dim`.
    """

    kind: Literal["point"] = "point"
    dim: int = Field(gt=0)
    activation: Activation | Literal["sphere"] = "linear"


class GaussianLatentConfig(Part):
    """A normal posterior with its own mean and variance in each of `dim` dimensions.

    Attributes
    ----------
    prior : str
        ``standard`` for N(0, I); ``vamp`` for a mixture of the posteriors of trained pseudo-inputs
        (Tomczak and Welling 2018).
    pseudo_inputs : int
        How many components a ``vamp`` prior has.
    """

    kind: Literal["gaussian"] = "gaussian"
    dim: int = Field(gt=0)
    prior: Literal["standard", "vamp"] = "standard"
    pseudo_inputs: int = Field(500, gt=0)


class VqConfig(Part):
    """Vectors, each replaced by the nearest of a codebook (van den Oord et al. 2017).

    Attributes
    ----------
    dim : int
        Length of each vector.
    codes : int
        Vectors in the codebook.
    positions : int
        Vectors that a fully connected encoder puts out; a convolutional one puts out one for each
        place of its last map, and this is not looked at.
    decay : float
        Of the moving averages that the codebook is made of.
    revive_below : float
        A code that is chosen less often than this share of an even share, by the moving average, is
        replaced by a vector of the batch.
    """

    kind: Literal["vq"] = "vq"
    dim: int = Field(gt=0)
    codes: int = Field(512, gt=1)
    positions: int = Field(16, gt=0)
    decay: float = Field(0.99, gt=0, lt=1)
    revive_below: float = Field(0.1, ge=0, lt=1)


class BernoulliConfig(Part):
    """Each pixel the probability of ink; the loss is binary cross-entropy."""

    kind: Literal["bernoulli"] = "bernoulli"


class GaussianConfig(Part):
    """Each pixel normal around its reconstruction; the loss is squared error plus a constant.

    Attributes
    ----------
    mean : str
        ``linear``, or ``sigmoid`` to keep the reconstruction in [0, 1].
    variance : float or "learned"
        Fixed variance, or one for all pixels that is trained with the weights (Rybkin et al. 2021,
        sigma-VAE). At 1/2 the negative log-likelihood is the squared error plus a constant,
        which is what "trained on MSE" means.
    """

    kind: Literal["gaussian"] = "gaussian"
    mean: Literal["linear", "sigmoid"] = "linear"
    variance: Annotated[float, Field(gt=0)] | Literal["learned"] = 0.5


class ContinuousBernoulliConfig(Part):
    """A density on [0, 1], for grey pixels (Loaiza-Ganem and Cunningham 2019)."""

    kind: Literal["continuous_bernoulli"] = "continuous_bernoulli"


class DiscretisedLogisticConfig(Part):
    """A logistic density cut into `levels` grey levels, with one trained scale.

    After Kingma et al. (2016, IAF) and Salimans et al. (2017, PixelCNN++).
    """

    kind: Literal["discretised_logistic"] = "discretised_logistic"
    levels: int = Field(256, ge=2)


class CorruptionConfig(Part):
    """What is done to the images that the encoder sees in training; the target stays clean.

    Attributes
    ----------
    kind : str
        ``gaussian`` adds noise; ``masking`` sets values to 0; ``salt_and_pepper`` sets them to 0
        or 1; ``block`` sets one rectangle to 0; ``affine`` moves, turns, stretches and shears.
    amount : float
        Standard deviation of the noise on the scale 0 to 1, the share of values that are changed,
        the share of height and width that the rectangle takes, or the most by which each entry of
        the affine map differs from leaving the image alone (its shift counts in half sides).
    """

    kind: Literal["gaussian", "masking", "salt_and_pepper", "block", "affine"]
    amount: float = Field(0.3, gt=0)

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.kind != "gaussian" and self.amount > 1:
            raise ValueError(f"the amount of {self.kind} cannot exceed 1")


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
    labels : int
        How many labels there are, where the model takes them.
    """

    shape: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, max_length=3)]
    range: tuple[float, float] = (0.0, 255.0)
    labels: int = Field(0, ge=0)

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.range[0] >= self.range[1]:
            raise ValueError("the first value of range must be the smaller one")


Encoder = Annotated[MlpConfig | ConvConfig, Field(discriminator="kind")]


Decoder = Annotated[
    MlpConfig | ConvConfig | MirrorConfig, Field(discriminator="kind"), BeforeValidator(by_kind)
]


Latent = Annotated[PointConfig | GaussianLatentConfig | VqConfig, Field(discriminator="kind")]
Likelihood = Annotated[
    BernoulliConfig | GaussianConfig | ContinuousBernoulliConfig | DiscretisedLogisticConfig,
    Field(discriminator="kind"),
    BeforeValidator(by_kind),
]


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
