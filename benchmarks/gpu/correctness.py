"""Whether a device computes what it should; each check returns rows, with what differs."""

import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.trainings import Spoil, Trained, few_digits, prepared, train
from benchmarks.jobs import Row
from latentscape.config import Recipe, load_recipe, override
from latentscape.core.records import Split
from latentscape.model import Network
from latentscape.training.checkpoint import CheckpointFolder
from latentscape.training.loader import Batch, Examples, Loader
from latentscape.training.optimizers import build_optimizers
from latentscape.training.start import set_up
from latentscape.training.step import TrainingStep

CPU = torch.device("cpu")

EXACT, DRAWN = 0.01, 0.1
"""By how much the first losses may differ from those of the CPU, relatively. Where numbers are
drawn, other devices draw others."""

COMPARED = 5
"""Steps, before rounding has had time to grow."""

OPTIMIZERS = ("adam", "adamw", "muon", "sgd", "rmsprop")

# Eleven steps an epoch, the last of which has a smaller batch: 44, which are captured from the
# fourth of a size on.
LENGTH = {"train.epochs": 4, "train.batch_size": 32, "train.snapshots": []}


def losses(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Compare the first losses with those of the CPU, of every recipe."""
    for name in sizes.recipes:
        recipe, split = _shortened(name)
        ours, theirs = (_first_losses(recipe, split, each) for each in (device, CPU))
        difference = float(((ours - theirs) / theirs.abs().clamp_min(1e-6)).abs().max())
        draws = Network(recipe.model, recipe.objective).draws
        yield {
            "what": name,
            "passed": difference <= (DRAWN if draws else EXACT),
            "difference": difference,
        }


def capture(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Compare captured steps with plain ones, to the bit: recipes, optimizers, parts of batches."""
    for name in sizes.recipes:
        yield _same_by_both_engines(name, name, device, {})
    for optimizer in OPTIMIZERS:
        changes = {"train.optimizer": optimizer, "train.momentum": 0.9, "train.clip_norm": 0.5}
        yield _same_by_both_engines(f"vae-20, {optimizer}", "vae-20", device, changes)
    changes = {"train.batch_size": 16, "train.accumulate": 2}
    yield _same_by_both_engines("conv-bn, accumulated", "conv-bn", device, changes)
    changes = {"train.precision": "bfloat16"}
    yield _same_by_both_engines("conv-vae, bfloat16", "conv-vae", device, changes)


def shards(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Compare captured steps with plain ones where batches are cut into 8 shards."""
    for name in sizes.few:
        yield _same_by_both_engines(f"{name}, 8 shards", name, device, {"train.shards": 8})


def resume(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Compare a training that was stopped within epochs with one that ran through."""
    for name in sizes.families:
        recipe, split = _shortened(name)
        through = train(recipe, split, device)
        with TemporaryDirectory() as folder:
            store = CheckpointFolder(Path(folder))
            stopped = train(recipe, split, device, store=store, stops=(5, 16, 1))
        yield _compared(name, through, stopped)


def rollback(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Compare both engines where weights become NaN twice."""
    for name in sizes.few:
        recipe, split = _shortened(name)
        plain = override(recipe, {"train.engine": "plain"})
        both = [train(each, split, device, [Spoil(18), Spoil(35)]) for each in (recipe, plain)]
        row = _compared(name, *both)
        rollbacks = both[0].state.rollbacks
        yield {**row, "passed": row["passed"] and rollbacks == 2, "rollbacks": rollbacks}


def group(sizes: Sizes, device: torch.device) -> Iterator[Row]:
    """Train in a process group of one, by NCCL on a GPU, after it has carried numbers."""
    recipe, split = _shortened(sizes.few[0], {"train.shards": 8})
    alone = train(recipe, split, device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with TemporaryDirectory() as folder:
        file = f"file://{folder}/group"
        dist.init_process_group(backend, init_method=file, rank=0, world_size=1)
        try:
            yield {"what": f"numbers carried by {backend}", "passed": _carries(device)}
            what = f"{recipe.name}, 8 shards, a group of one"
            yield _compared(what, alone, train(recipe, split, device))
        finally:
            dist.destroy_process_group()


def _carries(device: torch.device) -> bool:
    """Tell whether each way in which workers exchange numbers leaves those of one as they are."""
    row = torch.arange(64.0, device=device)
    gathered, slices, shared = (torch.zeros_like(row) for _ in range(3))
    dist.all_gather([gathered], row)
    dist.all_to_all_single(slices, row)
    shared.copy_(row)
    dist.broadcast(shared, 0)
    return all(torch.equal(each, row) for each in (gathered, slices, shared))


def _same_by_both_engines(
    what: str, name: str, device: torch.device, changes: dict[str, Any]
) -> Row:
    recipe, split = _shortened(name, changes)
    plain = override(recipe, {"train.engine": "plain"})
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        captured = train(recipe, split, device)
    row = _compared(what, captured, train(plain, split, device))
    failures = [str(each.message) for each in raised if "without a CUDA graph" in str(each.message)]
    return {**row, "passed": row["passed"] and not failures, "failures": failures}


def _compared(what: str, first: Trained, second: Trained) -> Row:
    """Say whether two trainings came to the same bits, and by how much their losses differ."""
    pairs = zip(first.losses, second.losses, strict=True)
    difference = max(abs(ours - theirs) / max(abs(theirs), 1e-6) for ours, theirs in pairs)
    return {"what": what, "passed": first.equals(second), "difference": difference}


def _shortened(name: str, changes: dict[str, Any] | None = None) -> tuple[Recipe, Split]:
    """Return a recipe that takes few steps with few samples."""
    settings: dict[str, Any] = {**LENGTH, **(changes or {})}
    settings.setdefault("train.precision", "float32")
    if load_recipe(name).objective.samples > 5:
        settings["objective.samples"] = 5
    return prepared(name, few_digits(), settings)


def _first_losses(recipe: Recipe, split: Split, device: torch.device) -> torch.Tensor:
    with set_up(recipe.train, CPU, "model"):
        model = Network(recipe.model, recipe.objective)
    with set_up(recipe.train, device, "model"):
        model = model.to(device).train()
        optimizers = build_optimizers(model.players(), recipe.train)
        step = TrainingStep(model, model.objective, optimizers, recipe.train, "float32")
        loader = Loader(Examples(split.dataset, device), split.train, 64, seed=0)
        batches: Iterator[Batch] = chain.from_iterable(map(loader.epoch, range(COMPARED)))
        return torch.tensor([step(next(batches), 1e6)[0].item() for _ in range(COMPARED)])
