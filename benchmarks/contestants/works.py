"""What each recipe trains, in so few words that every contestant can build it."""

from dataclasses import dataclass
from math import prod

# Of every leaky activation.
SLOPE = 0.2


@dataclass(frozen=True)
class Work:
    """A network and its loss; a fully connected decoder mirrors the encoder.

    Attributes
    ----------
    code : int
        Numbers in a code.
    widths : tuple of int
        Of the fully connected hidden layers; empty for a convolutional network.
    down, up : tuple of int
        Channels that each stage of a convolutional encoder puts out, and that each stage of its
        decoder takes in. Every stage halves height and width, or doubles them.
    shape : tuple of int
        (C, H, W) of an image.
    leaky : bool
        Whether activations are leaky, that of a code that is not drawn too, instead of ReLU.
    glorot : bool
        Whether initial kernels are drawn as Glorot and Bengio did, instead of by default.
    dropout : float
        After each hidden layer.
    variational : bool
        Whether codes are drawn from a normal posterior, whose rate is part of the loss.
    squared_error : bool
        Whether the loss is the squared error, instead of the binary cross-entropy.
    per_pixel : bool
        Whether the loss is averaged over pixels, instead of summed.
    """

    code: int
    widths: tuple[int, ...] = ()
    down: tuple[int, ...] = (32, 64)
    up: tuple[int, ...] = (64, 64)
    shape: tuple[int, int, int] = (1, 28, 28)
    leaky: bool = False
    glorot: bool = False
    dropout: float = 0.0
    variational: bool = False
    squared_error: bool = False
    per_pixel: bool = False

    @property
    def smallest(self) -> tuple[int, int, int]:
        """Shape of the map that the first stage of a convolutional decoder takes in."""
        height, width = (side >> len(self.up) for side in self.shape[1:])
        return self.up[0], height, width

    @property
    def numbers(self) -> int:
        """Numbers in an image."""
        return prod(self.shape)


WORKS = {
    "simple-20": Work(20, (400,)),
    "elaborate-4": Work(4, (128, 128, 16), squared_error=True),
    "dense-dropout": Work(
        32, (512, 256, 128, 64), leaky=True, glorot=True, dropout=0.5, per_pixel=True
    ),
    "conv-bn": Work(32, leaky=True, glorot=True, per_pixel=True),
    "vae-20": Work(20, (400,), variational=True),
    "conv-vae": Work(32, leaky=True, glorot=True, variational=True),
    "wide-mlp": Work(64, (2048, 2048)),
    "conv-vae-64": Work(
        64,
        down=(32, 64, 128, 128),
        up=(128, 128, 64, 32),
        shape=(3, 64, 64),
        leaky=True,
        glorot=True,
        variational=True,
    ),
}
