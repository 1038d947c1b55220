"""Keras 3: functional models, compiled and fitted, on the backend that ``KERAS_BACKEND`` names."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops
from numpy.typing import NDArray

from job import Job, read_job
from works import SLOPE, WORKS, Work

PACKAGES = {"tensorflow": ["keras", "tensorflow-cpu"], "jax": ["keras", "jax", "jaxlib"]}

STEPS_PER_EXECUTION = {"tensorflow": 16, "jax": 8}
"""Batches that are trained on at a time. JAX compiles each of them, which takes longer for more."""


def build_encoder(work: Work) -> keras.Model:
    """Build images (B, H, W, C) to codes, or to means and log-variances."""
    images = keras.Input((*work.shape[1:], work.shape[0]))
    if work.widths:
        features = _hidden(work, layers.Flatten()(images), work.widths)
    else:
        features = images
        for channels in work.down:
            features = layers.Conv2D(channels, 3, padding="same")(features)
            features = _batch_norm()(features)
            features = layers.LeakyReLU(negative_slope=SLOPE)(features)
            features = layers.MaxPooling2D()(features)
        features = layers.Flatten()(features)
    code = layers.Dense(work.code)(features)
    if work.variational:
        log_variance = layers.Dense(work.code)(features)
        return keras.Model(images, [_in_float32(code), _in_float32(log_variance)])
    if work.leaky:
        code = layers.LeakyReLU(negative_slope=SLOPE)(code)
    return keras.Model(images, code)


def build_decoder(work: Work) -> keras.Model:
    """Build codes to the logits of images (B, H, W, C)."""
    code = keras.Input((work.code,))
    channels, height, width = work.shape
    if work.widths:
        logits = layers.Dense(work.numbers)(_hidden(work, code, work.widths[::-1]))
        return keras.Model(code, _in_float32(layers.Reshape((height, width, channels))(logits)))
    first, height, width = work.smallest
    features = layers.Dense(height * width * first)(code)
    features = layers.Reshape((height, width, first))(features)
    for outputs in (*work.up[1:], channels):
        features = layers.LeakyReLU(negative_slope=SLOPE)(features)
        features = layers.Conv2DTranspose(outputs, 3, strides=2, padding="same")(features)
        features = _batch_norm()(features)
    return keras.Model(code, _in_float32(features))


class Sampling(layers.Layer):
    """Draws codes from their posteriors, whose mean rate it adds to the loss."""

    def __init__(self) -> None:
        super().__init__(dtype="float32")
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Sequence[KerasTensor]) -> KerasTensor:
        """Return codes (B, D) of means and log-variances."""
        mean, log_variance = inputs
        self.add_loss(ops.mean(rate_of(mean, log_variance)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise


class EpochTimes(keras.callbacks.Callback):
    """Notes the seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self.start = perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop it."""
        self.seconds.append(perf_counter() - self.start)


def rate_of(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """Return the divergence (B,) of posteriors (B, D) from the prior."""
    terms = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
    return 0.5 * ops.sum(terms, axis=1)


def cross_entropy(images: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """Return the binary cross-entropy (B,), summed over pixels."""
    terms = ops.binary_crossentropy(images, logits, from_logits=True)
    return ops.sum(terms, axis=(1, 2, 3))


def squared_error(images: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """Return the squared error (B,), summed over pixels."""
    return ops.sum(ops.square(ops.sigmoid(logits) - images), axis=(1, 2, 3))


def loss_of(work: Work) -> Any:
    """Return what a work minimises, but for the rate."""
    if work.per_pixel:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return squared_error if work.squared_error else cross_entropy


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return images (n, C, H, W) as (n, H, W, C), on the scale 0 to 1."""
    return images.transpose(0, 2, 3, 1).astype(np.float32) / 255


def train(encoder: keras.Model, decoder: keras.Model, job: Job) -> list[float]:
    """Train both and return the seconds of each epoch."""
    work = WORKS[job.work]
    code = Sampling()(encoder.output) if work.variational else encoder.output
    model = keras.Model(encoder.input, decoder(code))
    # Keras compiles (`jit_compile`) by itself where that is faster: JAX, not TensorFlow on a CPU.
    model.compile(
        keras.optimizers.Adam(job.lr),
        loss_of(work),
        steps_per_execution=STEPS_PER_EXECUTION[keras.backend.backend()],
    )
    times = EpochTimes()
    images = scaled(job.images("train"))
    model.fit(
        images,
        images,
        batch_size=job.batch_size,
        epochs=job.epochs,
        shuffle=True,
        verbose=0,
        callbacks=[times],
    )
    return times.seconds


def main() -> None:
    """Do the job."""
    job = read_job()
    work = WORKS[job.work]
    keras.utils.set_random_seed(job.seed)
    if job.precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    encoder, decoder = build_encoder(work), build_decoder(work)
    epoch_seconds = train(encoder, decoder, job)
    code, rate = encoder.predict(scaled(job.images("test")), verbose=0), None
    if work.variational:
        rate = ops.convert_to_numpy(rate_of(*code))
        code = code[0]
    logits = decoder.predict(code, verbose=0).transpose(0, 3, 1, 2).reshape(len(code), -1)
    reconstructions = ops.convert_to_numpy(ops.sigmoid(logits))
    job.answer(epoch_seconds, reconstructions, rate, PACKAGES[keras.backend.backend()])


def _in_float32(numbers: KerasTensor) -> KerasTensor:
    """Return what losses are made of in float32, as Keras' guide to mixed precision says."""
    return layers.Activation("linear", dtype="float32")(numbers)


def _batch_norm() -> layers.Layer:
    """Return a layer with PyTorch's defaults: Keras' own momentum takes epochs to get going."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def _hidden(work: Work, features: KerasTensor, widths: Sequence[int]) -> KerasTensor:
    for width in widths:
        features = layers.Dense(width)(features)
        if work.leaky:
            features = layers.LeakyReLU(negative_slope=SLOPE)(features)
        else:
            features = layers.ReLU()(features)
        if work.dropout:
            features = layers.Dropout(work.dropout)(features)
    return features


if __name__ == "__main__":
    main()
