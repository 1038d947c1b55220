"""How fast a device trains and embeds, and how much memory that takes."""

import resource
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.trainings import all_of, images_of, mnist, prepared, train
from benchmarks.jobs import Row
from benchmarks.launcher import RUSAGE_UNIT
from benchmarks.quality import AIMS, Aim
from benchmarks.works import Work, named
from latentscape import load_data
from latentscape.config import DataConfig
from latentscape.core.records import Dataset, Split
from latentscape.core.runtime import choose_precision, synchronize
from latentscape.data import split_dataset
from latentscape.inference.batches import stored_batches
from latentscape.inference.codec import encode_batches
from latentscape.model import Network
from latentscape.runs.facts import Losses
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hook import Hook, Training
from latentscape.training.hooks.validation import validate
from latentscape.training.train import train_recipe


def epochs(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time the epochs of all works, in both precisions; captured, and some without capture."""
    auto = choose_precision("auto", device)
    for work in map(named, sizes.works):
        split = all_of(images_of(work, count_of(work, sizes)))
        plain = [("plain", auto)] if work.recipe in sizes.compiled else []
        variants = [("auto", auto), ("auto", "bfloat16"), *plain]
        for engine, precision in dict.fromkeys(variants):
            yield timed(work, split, device, sizes, engine, precision)


def storage(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time epochs on images that stand on the device, and on images that are read from a file."""
    work = named("simple-20")
    images = images_of(work, sizes.images)
    auto = choose_precision("auto", device)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images)
        mapped = load_data(file, changes={"store": "mapped"})
        for kind, split in (("resident", all_of(images)), ("mapped", all_of(mapped))):
            yield {**timed(work, split, device, sizes, "auto", auto), "storage": kind}


def quality(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time the default way of training until models are as good as was published.

    Validation decides when to stop; the test images are looked at once, in the end.
    """
    images, test, is_whole = mnist()
    parts = np.concatenate([images[: sizes.images], test])
    data = Dataset("mnist", parts, n_official_train=len(parts) - len(test))
    split = split_dataset(data, DataConfig())
    for aim in AIMS:
        if aim.recipe in sizes.works:
            yield {**_reached(aim, split, device), "whole_mnist": is_whole}


def _reached(aim: Aim, split: Split, device: torch.device) -> Row:
    recipe, split = prepared(aim.recipe, split, {}, fitted=True)
    until = UntilGood(aim)
    network, state = train_recipe(recipe, split, device, MemoryCheckpoints(aim.recipe), [until])
    losses = validate(network, until.examples, split.test, recipe.train.seed)
    assert losses is not None
    return {
        "work": aim.recipe,
        "images": len(split.train),
        "aim": aim.error,
        "reached": until.errors[-1] <= aim.error,
        "epochs": len(until.errors),
        "seconds": sum(epoch.seconds for epoch in state.history),
        "validation_error": until.errors[-1],
        "test_error": error_of(aim.work, losses),
    }


class UntilGood(Hook):
    """Ends training once the validation error is low enough.

    Attributes
    ----------
    errors : list of float
        After each epoch.
    """

    def __init__(self, aim: Aim) -> None:
        self._aim = aim
        self.errors: list[float] = []

    def on_start(self, training: Training) -> None:
        """Keep where the examples are."""
        self.examples = training.loader.data

    def on_epoch(self, training: Training) -> None:
        """Look at the error."""
        validation = training.last_epoch.validation
        assert validation is not None
        self.errors.append(error_of(self._aim.work, validation))
        if self.errors[-1] <= self._aim.error:
            training.end()


def error_of(work: Work, losses: Losses) -> float:
    """Return losses in the unit of a work."""
    if work.metric == "nats":
        return losses.loss
    assert losses.mse is not None
    return losses.mse * prod(work.shape)


def embedding(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time the encoding of images that stand in main memory."""
    for name in ("simple-20", "conv-bn"):
        work = named(name)
        split = all_of(images_of(work, sizes.embedded))
        recipe, _ = prepared(work.source, split, {})
        network = Network(recipe.model, recipe.objective).to(device).eval()
        turns = [_encoded(network, split) for _ in range(4)][1:]
        yield {
            "work": name,
            "images": sizes.embedded,
            "seconds": median(turns),
            "images_per_second": sizes.embedded / median(turns),
            "n": len(turns),
        }


def _encoded(network: Network, split: Split) -> float:
    begun = perf_counter()
    for _ in encode_batches(network, stored_batches(split.dataset, split.train)):
        pass
    return perf_counter() - begun


def count_of(work: Work, sizes: Sizes) -> int:
    """Return on how many images a work is trained: fewer scenes, which are larger."""
    return sizes.images // 3 if work.data == "scenes" else sizes.images


def timed(
    work: Work, split: Split, device: torch.device, sizes: Sizes, engine: str, precision: str
) -> Row:
    """Time the last half of the epochs of a work, and the memory that they take."""
    changes = {
        "train.epochs": sizes.epochs,
        "train.engine": engine,
        "train.precision": "auto" if precision == "tf32" else precision,
    }
    recipe, split = prepared(work.source, split, changes)
    forget_peak(device)
    trained = train(recipe, split, device)
    return {
        "work": work.recipe,
        "who": "Latentscape",
        "engine": engine,
        "precision": precision,
        "images": len(split.train),
        "batch_size": work.batch_size,
        **summed_up(trained.epoch_seconds, trained.losses),
        "peak_bytes": peak(device),
    }


def summed_up(seconds: Sequence[float], losses: Sequence[float] = ()) -> Row:
    """Return the median of the last half of the epochs, and beside it what came out."""
    last = seconds[len(seconds) // 2 :]
    return {
        "epoch_seconds": list(seconds),
        "seconds": median(last),
        "fastest": min(last),
        "slowest": max(last),
        "n": len(last),
        "loss": losses[-1] if losses else None,
    }


def forget_peak(device: torch.device) -> None:
    """Count memory anew, where that can be done."""
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: torch.device) -> int:
    """Return the most bytes that were held: on a GPU those of tensors, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RUSAGE_UNIT
