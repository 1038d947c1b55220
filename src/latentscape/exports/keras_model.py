"""A model as one of stock Keras layers, with its weights.

Keras has the channels of images last: (B, H, W, C). Where maps are flattened, this is done in the
order of the model, (C, H, W), so that the weights that follow keep their places.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from torch import nn

from latentscape.core.errors import ConfigError
from latentscape.model import Network
from latentscape.model.latents.point import Sphere
from latentscape.model.layers import Dropout, Flatten, Unflatten

Shape = tuple[int, ...]

Step = tuple[Any, tuple[Any, ...]]
"""A Keras layer, and its weights (tensors) in the order that it keeps them."""

Translate = Callable[[Any, Any, Shape], list[Step]]
"""From ``keras.layers``, a module, and the shape in Keras of one example that the module takes."""


def keras_encoder(keras: Any, model: Network, dtype: str) -> Any:
    """Build the Keras model from stored images (B, H, W, C), or vectors (B, D), to codes.

    Parameters
    ----------
    keras : module
        Keras, imported.
    model : Network
        On the CPU. One that is conditioned on labels makes a Keras model of two inputs: images, and
        labels (B,).
    dtype : str
        Of the stored images.

    Returns
    -------
    keras.Model
        Named ``encoder``.

    Raises
    ------
    ConfigError
        If no stock layer does what the model needs.
    """
    settings, layers = model.config.input, keras.layers
    assert settings is not None
    low, high = settings.range
    images = keras.Input(_channels_last(settings.shape), dtype=dtype, name="images")
    values = layers.Rescaling(1 / (high - low), -low / (high - low))(images)
    inputs = [images]
    if model.config.condition:
        inputs.append(keras.Input((), dtype="int32", name="labels"))
        one_hot = _one_hot(layers, inputs[1], settings.labels)
        as_maps = model.config.encoder.takes_images
        values = (_beside_maps if as_maps else _beside_numbers)(layers, values, one_hot)
    codes = _apply(layers, [*model.encoder, *model.latent.stock_layers()], values)
    return _joined(keras, inputs, codes, "encoder")


def keras_decoder(keras: Any, model: Network) -> Any:
    """Build the Keras model from codes (B, D) to mean images (B, H, W, C) or vectors.

    Parameters
    ----------
    keras, model
        As for `keras_encoder`; a conditional one takes codes and labels.

    Returns
    -------
    keras.Model
        Named ``decoder``.

    Raises
    ------
    ConfigError
        As for `keras_encoder`.
    """
    settings, layers = model.config.input, keras.layers
    assert settings is not None
    values = keras.Input((model.latent_dim,), dtype="float32", name="codes")
    inputs = [values]
    if model.config.condition:
        inputs.append(keras.Input((), dtype="int32", name="labels"))
        values = _beside_numbers(layers, values, _one_hot(layers, inputs[1], settings.labels))
    images = _apply(layers, [*model.decoder, *model.likelihood.stock_layers()], values)
    return _joined(keras, inputs, images, "decoder")


def _joined(keras: Any, inputs: list[Any], outputs: Any, name: str) -> Any:
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name=name)


def _channels_last(shape: Shape) -> Shape:
    return (*shape[1:], shape[0]) if len(shape) == 3 else shape


def _one_hot(layers: Any, labels: Any, count: int) -> Any:
    """Return labels (B,) as the model takes them, (B, count): of a mean square of one."""
    table = layers.Embedding(count, count, trainable=False)
    values = table(labels)
    table.set_weights([math.sqrt(count) * np.eye(count)])
    return values


def _beside_numbers(layers: Any, values: Any, one_hot: Any) -> Any:
    return layers.Concatenate()([_apply(layers, [nn.Flatten()], values), one_hot])


def _beside_maps(layers: Any, values: Any, one_hot: Any) -> Any:
    height, width = values.shape[1:3]
    repeated = layers.RepeatVector(height * width)(one_hot)
    maps = layers.Reshape((height, width, one_hot.shape[1]))(repeated)
    return layers.Concatenate()([values, maps])


def _apply(layers: Any, modules: Iterable[nn.Module], values: Any) -> Any:
    """Put a Keras tensor through the layers that stand for modules."""
    for module in modules:
        for layer, weights in _steps(layers, module, values.shape[1:]):
            values = layer(values)
            if weights:
                layer.set_weights([weight.detach().numpy() for weight in weights])
    return values


def _steps(layers: Any, module: nn.Module, shape: Shape) -> list[Step]:
    """Return the layers that do to values of a shape (Keras') what a module does."""
    kind = type(module)
    if kind not in LAYERS:
        raise ConfigError(
            f"Keras has no stock layer for {kind.__name__}",
            fix="Export it in another format: --to onnx, or --to torch-export.",
        )
    return LAYERS[kind](layers, module, shape)


def _linear(layers: Any, module: nn.Linear, shape: Shape) -> list[Step]:
    return [(layers.Dense(module.out_features), (module.weight.T, module.bias))]


def _conv(layers: Any, module: nn.Conv2d, shape: Shape) -> list[Step]:
    # Padded by a layer of its own: with a stride, Keras would pad the two sides differently.
    convolution = layers.Conv2D(module.out_channels, module.kernel_size, module.stride)
    weights = (module.weight.permute(2, 3, 1, 0), module.bias)
    return [(layers.ZeroPadding2D(module.padding), ()), (convolution, weights)]


def _conv_transpose(layers: Any, module: nn.ConvTranspose2d, shape: Shape) -> list[Step]:
    convolution = layers.Conv2DTranspose(module.out_channels, module.kernel_size, module.stride)
    weights = (module.weight.permute(2, 3, 1, 0), module.bias)
    sides: Any = zip(
        module.kernel_size, module.stride, module.padding, module.output_padding, strict=True
    )
    # Keras gives all that the kernel reaches, and as many places as the stride at least.
    crops = [
        (padding, max(kernel, stride) - kernel + padding - extra)
        for kernel, stride, padding, extra in sides
    ]
    return [(convolution, weights), (layers.Cropping2D(crops), ())]


def _batch_norm(layers: Any, module: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape) -> list[Step]:
    weights = (module.weight, module.bias, module.running_mean, module.running_var)
    return [(layers.BatchNormalization(epsilon=module.eps), weights)]


def _layer_norm(layers: Any, module: nn.LayerNorm, shape: Shape) -> list[Step]:
    return [(layers.LayerNormalization(epsilon=module.eps), (module.weight, module.bias))]


def _group_norm(layers: Any, module: nn.GroupNorm, shape: Shape) -> list[Step]:
    normalisation = layers.GroupNormalization(module.num_groups, epsilon=module.eps)
    return [(normalisation, (module.weight, module.bias))]


def _flatten(layers: Any, module: nn.Flatten, shape: Shape) -> list[Step]:
    if len(shape) == 1:
        return []
    return [(layers.Permute((3, 1, 2)), ()), (layers.Flatten(), ())]


def _unflatten(layers: Any, module: nn.Unflatten, shape: Shape) -> list[Step]:
    size = tuple(module.unflattened_size)
    if len(size) == 1:
        return []
    return [(layers.Reshape(size), ()), (layers.Permute((2, 3, 1)), ())]


def _sphere(layers: Any, module: Sphere, shape: Shape) -> list[Step]:
    return [(layers.UnitNormalization(), ()), (layers.Rescaling(math.sqrt(shape[0])), ())]


def _plain(make: Callable[[Any, Any], Any]) -> Translate:
    """Return the translation of a module that becomes one layer without weights."""
    return lambda layers, module, shape: [(make(layers, module), ())]


def _activation(name: str) -> Translate:
    return _plain(lambda layers, module: layers.Activation(name))


LAYERS: dict[type[nn.Module], Translate] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv_transpose,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.MaxPool2d: _plain(lambda layers, m: layers.MaxPooling2D(m.kernel_size, padding="same")),
    nn.AvgPool2d: _plain(lambda layers, m: layers.AveragePooling2D(m.kernel_size, padding="same")),
    Dropout: _plain(lambda layers, module: layers.Dropout(module.p)),
    **dict.fromkeys((nn.Flatten, Flatten), _flatten),
    **dict.fromkeys((nn.Unflatten, Unflatten), _unflatten),
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _plain(lambda layers, m: layers.LeakyReLU(m.negative_slope)),
    nn.ELU: _activation("elu"),
    nn.GELU: _activation("gelu"),
    nn.SiLU: _activation("silu"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
    Sphere: _sphere,
}
"""What each kind of module becomes."""
