"""What is trained, by whom, and on which images."""

import os
from dataclasses import dataclass
from pathlib import Path

from latentscape import Dataset, load_data

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Work:
    """A recipe, trained on the full MNIST.

    Attributes
    ----------
    recipe : str
        Its name.
    images : int
        The first so many training images.
    batch_size : int
        Images in a batch.
    epochs : int
        How many; the first one, in which frameworks compile, is not timed.
    metric : str
        What the test loss is: ``nats`` (binary cross-entropy per image, and the rate of a
        variational autoencoder) or ``squared_error`` (per image).
    """

    recipe: str
    images: int
    batch_size: int
    epochs: int
    metric: str = "nats"


WORKS = (
    Work("simple-20", 60_000, 128, 3),
    Work("elaborate-4", 60_000, 128, 2, "squared_error"),
    Work("vae-20", 60_000, 128, 2),
    Work("dense-dropout", 20_000, 256, 2),
    Work("conv-bn", 20_000, 256, 2),
    Work("conv-vae", 20_000, 256, 2),
)


@dataclass(frozen=True)
class Contestant:
    """Who trains it.

    Attributes
    ----------
    name : str
        As it stands in tables.
    script : str
        File in ``contestants/``.
    requirements : str or None
        File in ``requirements/`` that pins its environment; None for the one of this project.
    environment : dict
        Variables that are set for it.
    precision : str
        ``train.precision``, of Latentscape alone.
    """

    name: str
    script: str
    requirements: str | None
    environment: tuple[tuple[str, str], ...] = ()
    precision: str = "auto"


_KERAS = ("TF_CPP_MIN_LOG_LEVEL", "3")
CONTESTANTS = (
    Contestant("Latentscape", "latentscape_own", None),
    Contestant("Latentscape, float32", "latentscape_own", None, precision="float32"),
    Contestant("pythae", "pythae_peer", "pythae"),
    Contestant(
        "Keras on TensorFlow",
        "keras_peer",
        "keras-tensorflow",
        (("KERAS_BACKEND", "tensorflow"), _KERAS),
    ),
    Contestant("Keras on JAX", "keras_peer", "keras-jax", (("KERAS_BACKEND", "jax"),)),
    Contestant("PyTorch, DataLoader", "pytorch_loader", "pytorch"),
    Contestant("PyTorch, in memory", "pytorch_memory", "pytorch"),
    Contestant("skorch", "skorch_peer", "skorch"),
)


def load_mnist() -> Dataset:
    """Load the full MNIST, from beside the checkout where it lies there."""
    beside = ROOT.parents[1] / "shared" / "data"
    if beside.exists():
        os.environ.setdefault("LATENTSCAPE_DATA", str(beside))
    return load_data("mnist")
