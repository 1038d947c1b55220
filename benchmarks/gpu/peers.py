"""Peers on the same device: plain PyTorch as its performance guide recommends, and compiled."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.speed import count_of, forget_peak, peak, summed_up
from benchmarks.gpu.trainings import images_of
from benchmarks.jobs import Row
from benchmarks.works import ROOT, Work, named
from latentscape.core.runtime import choose_precision, synchronize, training_on

LR = 1e-3


@dataclass(frozen=True)
class Script:
    """A script that trains a work: in memory, fused Adam, channels innermost.

    Attributes
    ----------
    work : Work
        What it trains.
    device : torch.device
        Where.
    precision : str
        ``float32``, ``tf32`` or ``bfloat16``.
    is_compiled : bool
        Whether the passes forward and backward are compiled.
    """

    work: Work
    device: torch.device
    precision: str
    is_compiled: bool = False

    def train(self, images: Tensor, epochs: int) -> tuple[list[float], float]:
        """Train on images of float32 on the device; return the epochs' seconds, the last loss."""
        model, compute = self._built()
        optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
        seconds = []
        for _ in range(epochs):
            begun = perf_counter()
            order = torch.randperm(len(images), device=self.device)
            for start in range(0, len(images), self.work.batch_size):
                optimizer.zero_grad()
                loss = compute(images[order[start : start + self.work.batch_size]])
                loss.backward()
                optimizer.step()
            synchronize(self.device)
            seconds.append(perf_counter() - begun)
        return seconds, loss.item()

    def _built(self) -> tuple[nn.Module, Callable[[Tensor], Any]]:
        """Return the model, and what computes its loss of a batch."""
        model, criterion = _of_contest(self.work)
        model = model.to(self.device)
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        bfloat16 = self.precision == "bfloat16"

        def loss_of(batch: Tensor) -> Any:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16):
                output = model(batch)
            return criterion(output, batch)

        return model, _compiled(loss_of, self.device) if self.is_compiled else loss_of


def eager(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time the tuned script on all works, in both precisions."""
    for work in map(named, sizes.works):
        for precision in dict.fromkeys((choose_precision("auto", device), "bfloat16")):
            yield _timed(Script(work, device, precision), sizes)


def compiled(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Time the tuned script, compiled for few launches."""
    for work in map(named, sizes.compiled):
        yield _timed(Script(work, device, choose_precision("auto", device), True), sizes)


def _timed(script: Script, sizes: Sizes) -> Row:
    work = script.work
    images = torch.from_numpy(images_of(work, count_of(work, sizes)))
    # No smaller last batch, for which all would be compiled anew.
    images = images[: len(images) // work.batch_size * work.batch_size or len(images)]
    forget_peak(script.device)
    torch.manual_seed(0)
    with training_on(script.precision):
        seconds, loss = script.train(images.to(script.device).float().div_(255), sizes.epochs)
    return {
        "work": work.recipe,
        "who": "PyTorch, compiled" if script.is_compiled else "PyTorch, tuned",
        "engine": "plain",
        "precision": script.precision,
        "images": len(images),
        "batch_size": work.batch_size,
        **summed_up(seconds, [loss]),
        "peak_bytes": peak(script.device),
    }


def _compiled(function: Callable[[Tensor], Any], device: torch.device) -> Any:
    """Compile for few launches on a GPU, as PyTorch's guide says; elsewhere only go through it."""
    if device.type == "cuda":
        return torch.compile(function, mode="reduce-overhead")
    return torch.compile(function, backend="aot_eager")


def _of_contest(work: Work) -> tuple[nn.Module, nn.Module]:
    """Return the network and the loss of a work, from scripts of the contest: they are no package.

    They stay known by their names, by which the compiler looks them up.
    """
    sys.path.insert(0, str(ROOT / "contestants"))
    try:
        models, described = import_module("torch_models"), import_module("works").WORKS
    finally:
        sys.path.pop(0)
    return models.build(described[work.recipe]), models.Loss(described[work.recipe])
