"""A small classifier of the data's own labels, through whose eyes images are judged."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from latentscape.core.cache import cache_folder
from latentscape.core.errors import DataError, RunError
from latentscape.core.files import write_bytes
from latentscape.core.progress import stage
from latentscape.core.randomness import forked_random, generator
from latentscape.core.records import Array, Split
from latentscape.core.runtime import one_thread
from latentscape.inference.batches import BATCH, evaluating, stored, stored_batches
from latentscape.model import scaled

FEATURES = 64

VERSION = 1
"""To be raised with every change by which the same split trains another classifier."""

SEED = 0
BATCH_SIZE = 64
LEARNING_RATE = 3e-3
EPOCHS = 20
LEAST_SEEN, MOST_SEEN = 20_000, 300_000
"""Examples that training looks at: more epochs where there are few, fewer where there are many."""


class Classifier(nn.Module):
    """Strided convolutions for images, fully connected layers for vectors; then a linear head.

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) or (D,) of one example.
    labels : int
        How many labels there are.

    Attributes
    ----------
    accuracy : Tensor
        Scalar of float64: share of the test examples that are recognised.
    shift : int
        Pixels by which training images are moved at most.
    """

    accuracy: Tensor

    def __init__(self, shape: tuple[int, ...], labels: int) -> None:
        super().__init__()
        layers, width = _convolutions(*shape) if len(shape) == 3 else _dense(*shape)
        # Normalised and without a scale of their own, features have mean 0 and variance 1 over the
        # training images: distances don't depend on how large the weights happened to grow.
        last = (nn.Linear(width, FEATURES, bias=False), nn.BatchNorm1d(FEATURES, affine=False))
        self.body = nn.Sequential(*layers, *last)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, labels))
        self.shift = min(shape[1:], default=0) // 14
        self.register_buffer("accuracy", torch.zeros((), dtype=torch.float64))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits (B, labels) of images (B, *shape) on the scale 0 to 1."""
        logits: Tensor = self.head(self.body(images))
        return logits

    def features(self, images: Array) -> Array:
        """Return the features (n, 64), float32, of images (n, *shape) on the scale 0 to 1."""
        return _over(images, self.body)

    def predict(self, images: Array) -> NDArray[np.int64]:
        """Return the labels (n,) seen in images (n, *shape) on the scale 0 to 1."""
        labels: NDArray[np.int64] = _over(images, self).argmax(1)
        return labels


def trained_classifier(split: Split) -> Classifier:
    """Train a classifier on the training examples, or take it from the cache.

    Training depends on the split alone: adaptive steps of a falling size (AdamW, Loshchilov and
    Hutter 2019) with images moved by up to a fourteenth of their side, by one thread of the CPU.
    Its accuracy on the test examples is measured and kept with it.

    Parameters
    ----------
    split : Split
        With labels. Of large parts, the drawn examples count; see `Split.limited`.

    Returns
    -------
    Classifier
        Ready for use.

    Raises
    ------
    DataError
        If the training examples don't have two labels at least.
    """
    split = split.limited()
    _check_labels(split)
    with forked_random(SEED, torch.device("cpu")), one_thread():
        classifier = Classifier(split.dataset.shape, len(split.dataset.label_names))
        path = cache_folder() / f"classifier-{_identity(classifier, split)}.safetensors"
        if not _load(classifier, path):
            _train(classifier, split)
            classifier.eval()
            classifier.accuracy.fill_(_accuracy(classifier, split))
            # A cache that cannot be written costs time, nothing else.
            with suppress(RunError):
                _save(classifier, path)
    return classifier.eval()


def _convolutions(channels: int, height: int, width: int) -> tuple[list[nn.Module], int]:
    """Return layers that halve an image until its sides are 8 at most, and how much is left."""
    stages = max(2, math.ceil(math.log2(max(height, width) / 8)))
    layers: list[nn.Module] = []
    for wider in (16, 32, *[64] * (stages - 2)):
        convolution = nn.Conv2d(channels, wider, 5, stride=2, padding=2, bias=False)
        layers += [convolution, nn.BatchNorm2d(wider), nn.ReLU()]
        channels, height, width = wider, -(-height // 2), -(-width // 2)
    return [*layers, nn.Flatten()], channels * height * width


def _dense(dim: int) -> tuple[list[nn.Module], int]:
    width = 2 * FEATURES
    return [nn.Linear(dim, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()], width


def _over(images: Array, network: nn.Module) -> Array:
    """Apply a network to images in batches."""
    starts = range(0, len(images), BATCH)
    with evaluating():
        return torch.cat(
            [network(torch.tensor(images[start : start + BATCH])) for start in starts]
        ).numpy()


def _check_labels(split: Split) -> None:
    labels, name = split.dataset.labels, split.dataset.name
    if labels is None or len(np.unique(labels[split.train])) < 2:
        problem = "no labels" if labels is None else "only one label in its training part"
        raise DataError(
            f"{name} has {problem}, and what images show is judged by a classifier",
            expected="training examples with two labels or more",
            fix="Train on data with labels: the file or column of --labels.",
        )


def _train(classifier: Classifier, split: Split) -> None:
    source = generator(SEED, "classifier")
    batches = list(_batches(split.train, source))
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, fused=True)
    with stage("judge", len(batches), detail="a classifier of the data's labels learns") as work:
        for step, index in enumerate(batches):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / len(batches))
            stored_images, labels = stored(split.dataset, index)
            images = scaled(stored_images, split.dataset.value_range)
            if classifier.shift:
                images = _shifted(images, classifier.shift, source)
            optimizer.zero_grad()
            assert labels is not None
            functional.cross_entropy(classifier(images), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            work.advance()


def _batches(index: NDArray[np.int64], source: torch.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield all batches of all epochs; those left over sit an epoch out."""
    size = min(BATCH_SIZE, len(index))
    count = min(max(EPOCHS * len(index), LEAST_SEEN), MOST_SEEN)
    for _ in range(max(1, count // len(index))):
        order = torch.randperm(len(index), generator=source).numpy()
        whole = len(index) // size
        yield from np.split(index[order[: whole * size]], whole)


def _shifted(images: Tensor, max_shift: int, source: torch.Generator) -> Tensor:
    """Move each image by up to `max_shift` pixels along both axes; its border is repeated."""
    count, _, height, width = images.shape
    down, right = torch.randint(-max_shift, max_shift + 1, (2, count, 1), generator=source)
    rows = (torch.arange(height) + down).clamp(0, height - 1)[:, :, None]
    columns = (torch.arange(width) + right).clamp(0, width - 1)[:, None]
    return images[torch.arange(count)[:, None, None], :, rows, columns].permute(0, 3, 1, 2)


def _accuracy(classifier: Classifier, split: Split) -> float:
    hits = 0
    for images, labels in stored_batches(split.dataset, split.test):
        assert labels is not None
        predicted = classifier.predict(scaled(images, split.dataset.value_range).numpy())
        hits += int((predicted == labels.numpy()).sum())
    return hits / len(split.test)


def _identity(classifier: Classifier, split: Split) -> str:
    """Return the SHA-256 over all that the weights and the accuracy depend on."""
    settings = (VERSION, SEED, BATCH_SIZE, LEARNING_RATE, EPOCHS, LEAST_SEEN, MOST_SEEN)
    digest = sha256(repr((settings, split.dataset.fingerprint, classifier)).encode())
    for part in (split.train, split.test):
        digest.update(repr(len(part)).encode())
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _save(classifier: Classifier, path: Path) -> None:
    weights = {name: weight.contiguous() for name, weight in classifier.state_dict().items()}
    write_bytes(path, save(weights, {"sha256": _checksum(weights, path)}))


def _load(classifier: Classifier, path: Path) -> bool:
    """Fill in the weights in a file; return whether it was there and sound."""
    try:
        with safe_open(path, framework="pt") as content:
            about = content.metadata() or {}
            weights = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return False
    sound = about.get("sha256") == _checksum(weights, path)
    if sound:
        classifier.load_state_dict(weights)
    return sound


def _checksum(weights: Mapping[str, Tensor], path: Path) -> str:
    """SHA-256 over weights and the name of their file, which says what they depend on."""
    return sha256(path.stem.encode() + save(dict(weights))).hexdigest()
