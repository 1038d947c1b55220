"""Bodies of encoders and decoders: their settings, what they can do, and their registry."""

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from latentscape.config.parts import Activation, Norm, Part
from latentscape.config.registry import Implementation
from latentscape.core.errors import ConfigError
from latentscape.core.findings import Json
from latentscape.core.trust import is_target

MAX_LAYERS = 1000
"""Layers of a body at most: no gradient comes through as many, one behind the other."""


class BodyConfig(Part):
    """The settings of a body, and what it can do. Each kind is a subclass.

    Attributes
    ----------
    encoder : str or callable
        From the settings and the shape of an example to an ``nn.Sequential``, (B, *shape) to
        (B, F), and the shape of the features before they were flattened to F.
    decoder : str or callable
        From the settings, the shape of a code before it was flattened, and the shape of an example
        to an ``nn.Sequential``, (B, D) to (B, *shape).
    encodes : bool
        Whether it can be an encoder; any body can be a decoder.
    takes_images : bool
        Whether it works on rows and columns, (C, H, W), and so takes no plain vectors.
    is_stock : bool
        Whether it is a chain of known layers and nothing else: they can be folded and written one
        by one, and a step through them does the same each time.
    """

    encoder: ClassVar[Implementation]
    decoder: ClassVar[Implementation]
    encodes: ClassVar[bool] = True
    takes_images: ClassVar[bool] = False
    is_stock: ClassVar[bool] = True

    kind: str

    @property
    def takes_labels_as_maps(self) -> bool:
        """Whether labels come to an image as further channels, and not as further numbers."""
        return self.takes_images

    @property
    def depth(self) -> int:
        """How many stages the body has, each of which has weights."""
        return 0

    @property
    def batch_normalised(self) -> bool:
        """Whether the features of an example depend on the batch: by the setting `norm`, if any."""
        return getattr(self, "norm", "none") == "batch"

    @property
    def drops_out(self) -> bool:
        """Whether it sets numbers to 0 at random in training: by the setting `dropout`, if any."""
        return bool(getattr(self, "dropout", 0.0))

    def mirrored(self) -> "BodyConfig":
        """Return the settings of the decoder that runs this encoder backwards.

        Raises
        ------
        ConfigError
            If there is no such decoder.
        """
        raise ConfigError(
            f"A body of kind {self.kind} cannot be run backwards",
            fix="Choose a model.decoder of another kind than mirror.",
        )

    def as_decoder(self, encoder: "BodyConfig") -> "BodyConfig":
        """Return the settings of the decoder that stands behind an encoder."""
        return self


class MlpConfig(BodyConfig):
    """Fully connected layers, each followed by normalisation, activation and dropout."""

    encoder = "latentscape.model.blocks:mlp_encoder"
    decoder = "latentscape.model.blocks:mlp_decoder"

    kind: Literal["mlp"] = "mlp"
    widths: Annotated[
        tuple[Annotated[int, Field(gt=0)], ...],
        Field(max_length=MAX_LAYERS, examples=[(8, 6)]),
    ]
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = Field(0.0, ge=0, lt=1)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.widths)

    def mirrored(self) -> "MlpConfig":
        """Return the same layers in reverse order."""
        return self.model_copy(update={"widths": self.widths[::-1]})


class ConvConfig(BodyConfig):
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

    encoder = "latentscape.model.blocks:conv_encoder"
    decoder = "latentscape.model.blocks:conv_decoder"
    takes_images = True

    kind: Literal["conv"] = "conv"
    channels: Annotated[
        tuple[Annotated[int, Field(gt=0)], ...],
        Field(min_length=1, max_length=MAX_LAYERS, examples=[(3, 4)]),
    ]
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

    @property
    def depth(self) -> int:
        """How many stages there are."""
        return len(self.channels)

    def mirrored(self) -> "ConvConfig":
        """Return the same stages in reverse order."""
        return self.model_copy(update={"channels": self.channels[::-1]})


class MirrorConfig(BodyConfig):
    """A decoder that is the encoder backwards."""

    encodes = False

    kind: Literal["mirror"] = "mirror"

    def as_decoder(self, encoder: BodyConfig) -> BodyConfig:
        """Return the encoder's settings backwards."""
        return encoder.mirrored()


def _as_json(values: Json) -> Json:
    try:
        parsed: Json = json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError("they must be numbers, texts, true or false, or lists of these") from error
    return parsed


class ModuleConfig(BodyConfig):
    """A network of your own: any ``nn.Module``, by the name of its class.

    An encoder takes scaled images (B, C, H, W) or vectors (B, D), and gives features (B, ...). A
    decoder takes codes (B, D), or (B, W, H', W') where they are maps of vectors, and gives what the
    likelihood reads, (B, *shape).

    Attributes
    ----------
    target : str
        Where the class is, or a function that makes a module: ``mypkg.nets:Encoder``. Its package
        has to be trusted; see `latentscape.trust`.
    arguments : dict
        What it is made with. Parameters that are called ``shape`` (of an example) and
        ``code_shape`` (of what a decoder takes) are filled in where they are left out.
    object_id : str or None
        Names the module that was handed over in Python, as an object; None where it is made from
        `target`. It is filled in.
    source : str or None
        SHA-256 of the file that the class is from; None where there is no file. It is filled in.
    """

    encoder = "latentscape.model.own:own_encoder"
    decoder = "latentscape.model.own:own_decoder"
    is_stock = False

    kind: Literal["module"] = "module"
    target: str = Field(examples=["mypkg.nets:Encoder"])
    arguments: Annotated[Json, AfterValidator(_as_json)] = {}
    object_id: str | None = None
    source: str | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Check what a field alone cannot show."""
        if self.object_id is None and not is_target(self.target):
            raise ValueError("target must name a class by its module, as in mypkg.nets:Encoder")

    @property
    def takes_labels_as_maps(self) -> bool:
        """Yes: it knows itself what it does with channels."""
        return True


BODIES: dict[str, type[BodyConfig]] = {
    "mlp": MlpConfig,
    "conv": ConvConfig,
    "mirror": MirrorConfig,
    "module": ModuleConfig,
}
"""The kinds of ``model.encoder`` and ``model.decoder``."""
