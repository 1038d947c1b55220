"""Bodies of encoders and decoders: fully connected and convolutional, for any input shape.

Every body is an ``nn.Sequential`` of stock layers, so that its parts can be listed, drawn and
exported. Shapes are written (C, H, W) for images and (D,) for vectors.
"""

import math
from collections.abc import Sequence

from torch import nn

from latentscape.config import BodyConfig, ConvConfig, MlpConfig, load
from latentscape.core.errors import ConfigError
from latentscape.model.layers import Dropout, Flatten, Unflatten

# The slope that the GAN literature made customary, and that the reference projects use.
LEAKY_SLOPE = 0.2

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


# Activations that never fall: the largest of several numbers stays the largest. (GELU and SiLU fall
# before they rise.)
RISING = ("relu", "leaky_relu", "elu", "tanh", "sigmoid")


def activation(name: str) -> list[nn.Module]:
    """Return the activation layer of that name as a list, empty for ``linear``."""
    if name == "linear":
        return []
    return [nn.LeakyReLU(LEAKY_SLOPE)] if name == "leaky_relu" else [ACTIVATIONS[name]()]


def mlp_encoder(config: MlpConfig, shape: Sequence[int]) -> tuple[nn.Sequential, tuple[int, ...]]:
    """Build a fully connected encoder.

    Returns
    -------
    nn.Sequential
        (B, *shape) to (B, features).
    tuple of int
        (features,).
    """
    layers, features = _dense_layers(config, math.prod(shape), config.widths)
    return nn.Sequential(nn.Flatten(), *layers), (features,)


def mlp_decoder(
    config: MlpConfig, code_shape: tuple[int, ...], shape: Sequence[int]
) -> nn.Sequential:
    """Build a fully connected decoder, from flattened codes to (B, *shape)."""
    layers, features = _dense_layers(config, math.prod(code_shape), config.widths)
    return nn.Sequential(
        *layers, nn.Linear(features, math.prod(shape)), nn.Unflatten(1, tuple(shape))
    )


def conv_encoder(config: ConvConfig, shape: Sequence[int]) -> tuple[nn.Sequential, tuple[int, ...]]:
    """Build a convolutional encoder; each stage halves height and width, rounding up.

    Returns
    -------
    nn.Sequential
        (B, C, H, W) to (B, features).
    tuple of int
        Shape (C', H', W') of the features before they are flattened.

    Raises
    ------
    ConfigError
        If the input is not an image.
    """
    sizes = _stage_sizes(shape, len(config.channels))
    layers: list[nn.Module] = []
    for inputs, outputs in zip([shape[0], *config.channels], config.channels, strict=False):
        stride = 2 if config.pool == "stride" else 1
        conv = nn.Conv2d(inputs, outputs, config.kernel, stride, padding=config.kernel // 2)
        layers += _pooled(config, _finished(conv, config, nn.BatchNorm2d(outputs)))
    return nn.Sequential(*layers, Flatten()), (config.channels[-1], *sizes[-1])


def conv_decoder(
    config: ConvConfig, code_shape: tuple[int, ...], shape: Sequence[int]
) -> nn.Sequential:
    """Build a convolutional decoder, (B, features) to (B, C, H, W).

    Parameters
    ----------
    config : ConvConfig
        The stages.
    code_shape : tuple of int
        (features,), or (W, H', W') of a map that has been flattened: where its places are those
        that the first stage works on, they are kept.
    shape : sequence of int
        Of the image.

    Raises
    ------
    ConfigError
        If the output is not an image.
    """
    sizes = _stage_sizes(shape, len(config.channels))[::-1]
    first = (config.channels[0], *sizes[0])
    layers: list[nn.Module]
    if code_shape[1:] == first[1:]:
        layers = [Unflatten(1, code_shape), nn.Conv2d(code_shape[0], first[0], 1)]
    else:
        layers = [nn.Linear(math.prod(code_shape), math.prod(first)), Unflatten(1, first)]
    layers += activation(config.activation)
    outputs = [*config.channels[1:], shape[0]]
    for stage, (inputs, channels) in enumerate(zip(config.channels, outputs, strict=True)):
        conv = _doubling(config.kernel, inputs, channels, sizes[stage], sizes[stage + 1])
        if stage < len(outputs) - 1:
            layers += _finished(conv, config, nn.BatchNorm2d(channels))
        elif config.output_norm == "batch":
            layers += _normalised(conv, nn.BatchNorm2d(channels))
        else:
            layers.append(conv)
    return nn.Sequential(*layers)


def build_encoder(
    config: BodyConfig, shape: Sequence[int]
) -> tuple[nn.Sequential, tuple[int, ...]]:
    """Build the encoder that settings describe; see `BodyConfig`."""
    encoder: tuple[nn.Sequential, tuple[int, ...]] = load(type(config).encoder)(config, shape)
    return encoder


def build_decoder(
    config: BodyConfig, encoder: BodyConfig, code_shape: tuple[int, ...], shape: Sequence[int]
) -> nn.Sequential:
    """Build the decoder that settings describe, behind an encoder; see `BodyConfig`."""
    settings = config.as_decoder(encoder)
    decoder: nn.Sequential = load(type(settings).decoder)(settings, code_shape, shape)
    return decoder


def _dense_layers(
    config: MlpConfig, features: int, widths: Sequence[int]
) -> tuple[list[nn.Module], int]:
    layers: list[nn.Module] = []
    for width in widths:
        layers += _finished(nn.Linear(features, width), config, nn.BatchNorm1d(width))
        features = width
    return layers, features


def _finished(
    linear: nn.Linear | nn.Conv2d | nn.ConvTranspose2d,
    config: MlpConfig | ConvConfig,
    batch_norm: nn.BatchNorm1d | nn.BatchNorm2d,
) -> list[nn.Module]:
    """Return a linear map, and the normalisation, activation and dropout that follow it."""
    layers: list[nn.Module] = [linear]
    if config.norm == "batch":
        layers = _normalised(linear, batch_norm)
    elif config.norm == "layer":
        features, maps = batch_norm.num_features, isinstance(batch_norm, nn.BatchNorm2d)
        # Over channels and pixels alike, which is what one group means.
        layers.append(nn.GroupNorm(1, features) if maps else nn.LayerNorm(features))
    layers += activation(config.activation)
    if config.dropout:
        layers.append(Dropout(config.dropout))
    return layers


def _normalised(
    linear: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, batch_norm: nn.BatchNorm1d | nn.BatchNorm2d
) -> list[nn.Module]:
    """Return a linear map and the batch normalisation behind it.

    The mean that normalisation takes away has the bias in it: the gradient of the bias is zero but
    for rounding, and summing it up can cost more than the gradient of the weights.
    """
    assert linear.bias is not None
    linear.bias.requires_grad_(False)
    return [linear, batch_norm]


def _pooled(config: ConvConfig, layers: list[nn.Module]) -> list[nn.Module]:
    """Add pooling to a stage, before its activation where both orders give the same.

    The activation then works on a quarter of the numbers. The order is part of the model: files and
    descriptions list the layers as they are here.
    """
    if config.pool == "stride":
        return layers
    if config.pool == "average":
        return [*layers, nn.AvgPool2d(2, ceil_mode=True)]
    pool = nn.MaxPool2d(2, ceil_mode=True)
    if config.activation in RISING and not config.dropout:
        return [*layers[:-1], pool, layers[-1]]
    return [*layers, pool]


def _doubling(
    kernel: int, inputs: int, outputs: int, size: tuple[int, int], target: tuple[int, int]
) -> nn.ConvTranspose2d:
    """Build a transpose convolution from `size` to `target`, which is twice it or one less."""
    height, width = (2 - 2 * small + large - 1 for small, large in zip(size, target, strict=True))
    return nn.ConvTranspose2d(
        inputs, outputs, kernel, stride=2, padding=kernel // 2, output_padding=(height, width)
    )


def _stage_sizes(shape: Sequence[int], stages: int) -> list[tuple[int, int]]:
    """Return height and width before the first stage and after each."""
    if len(shape) != 3:
        raise ConfigError(
            f"A convolutional body was asked to work on vectors of {math.prod(shape)} numbers",
            expected="images (C, H, W)",
            fix="Choose a fully connected recipe, or give the image shape: --set data.shape=[H,W].",
        )
    sizes = [(shape[1], shape[2])]
    for _ in range(stages):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes
