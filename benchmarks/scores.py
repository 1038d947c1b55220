"""What a model's reconstructions are worth, by the same few lines for all who train it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def test_loss(
    metric: str,
    target: NDArray[np.uint8],
    reconstructions: NDArray[Any],
    rate: NDArray[Any] | None,
) -> float:
    """Return the mean loss of images.

    Parameters
    ----------
    metric : str
        ``nats`` or ``squared_error``, see `Work`.
    target : ndarray of uint8
        (n, ...) images.
    reconstructions : ndarray
        (n, pixels) what a model makes of them, on the scale 0 to 1.
    rate : ndarray or None
        (n,) nats, of a variational autoencoder.
    """
    wanted = target.reshape(len(target), -1) / 255.0
    mean = reconstructions.astype(np.float64)
    if metric == "squared_error":
        return float(np.square(mean - wanted).sum(1).mean())
    mean = np.clip(mean, 1e-7, 1 - 1e-7)
    loss = -(wanted * np.log(mean) + (1 - wanted) * np.log1p(-mean)).sum(1)
    return float(loss.mean() + (0 if rate is None else rate.mean()))
