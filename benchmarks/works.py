"""What is trained, by whom, and on which images."""

import os
from dataclasses import dataclass
from pathlib import Path

from latentscape import Dataset, load_data

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Work:
    """A recipe, trained on MNIST or on other images.

    Attributes
    ----------
    recipe : str
        Its name: of those that everybody has, or of a file in ``recipes/``.
    images : int
        The first so many training images: enough for a steady pace, and as many batches as come
        together in Keras' executions of several steps, so that nothing is compiled twice.
    batch_size : int
        Images in a batch.
    epochs : int
        How many; the first one, in which frameworks compile, is not timed.
    metric : str
        What the test loss is: ``nats`` (binary cross-entropy per image, and the rate of a
        variational autoencoder) or ``squared_error`` (per image).
    data : str
        ``mnist``, or ``scenes``: see `benchmarks.images`.
    """

    recipe: str
    images: int
    batch_size: int
    epochs: int
    metric: str = "nats"
    data: str = "mnist"

    @property
    def source(self) -> str | Path:
        """The name of the recipe, or the file that it is read from."""
        file = ROOT / "recipes" / f"{self.recipe}.yaml"
        return file if file.exists() else self.recipe

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) of an image."""
        return (3, 64, 64) if self.data == "scenes" else (1, 28, 28)


WORKS = (
    Work("simple-20", 30_720, 128, 6),
    Work("elaborate-4", 30_720, 128, 6, "squared_error"),
    Work("vae-20", 30_720, 128, 6),
    Work("dense-dropout", 8_192, 256, 6),
    Work("conv-bn", 4_096, 256, 6),
    Work("conv-vae", 4_096, 256, 6),
    Work("wide-mlp", 12_288, 256, 6),
    Work("conv-vae-64", 2_048, 128, 6, data="scenes"),
)
ESSENTIAL = ("simple-20", "vae-20", "conv-bn")
"""Works of the tables that documents show."""


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
        ``float32`` or ``bfloat16``, in which layers are computed. Only equals are compared.
    """

    name: str
    script: str
    requirements: str | None
    environment: tuple[tuple[str, str], ...] = ()
    precision: str = "float32"


_TENSORFLOW = (("KERAS_BACKEND", "tensorflow"), ("TF_CPP_MIN_LOG_LEVEL", "3"))
_JAX = (("KERAS_BACKEND", "jax"),)
LOWER = "bfloat16"
CONTESTANTS = (
    Contestant("Latentscape", "latentscape_own", None, precision=LOWER),
    Contestant("Latentscape, float32", "latentscape_own", None),
    Contestant("PyTorch, tuned, bfloat16", "pytorch_tuned", "pytorch", precision=LOWER),
    Contestant("PyTorch, tuned", "pytorch_tuned", "pytorch"),
    Contestant("PyTorch, in memory", "pytorch_memory", "pytorch"),
    Contestant("PyTorch, DataLoader", "pytorch_loader", "pytorch"),
    Contestant("Keras on JAX, bfloat16", "keras_peer", "keras-jax", _JAX, LOWER),
    Contestant("Keras on JAX", "keras_peer", "keras-jax", _JAX),
    Contestant(
        "Keras on TensorFlow, bfloat16", "keras_peer", "keras-tensorflow", _TENSORFLOW, LOWER
    ),
    Contestant("Keras on TensorFlow", "keras_peer", "keras-tensorflow", _TENSORFLOW),
    Contestant("skorch, bfloat16", "skorch_peer", "skorch", precision=LOWER),
    Contestant("skorch", "skorch_peer", "skorch"),
    # Its mixed precision is for CUDA alone.
    Contestant("pythae", "pythae_peer", "pythae"),
)


def named(recipe: str) -> Work:
    """Return the work that trains a recipe."""
    return next(work for work in WORKS if work.recipe == recipe)


def load_mnist() -> Dataset:
    """Load the full MNIST, from beside the checkout where it lies there."""
    beside = ROOT.parents[1] / "shared" / "data"
    if beside.exists():
        os.environ.setdefault("LATENTSCAPE_DATA", str(beside))
    return load_data("mnist")
