"""How long training takes on a number of threads, measured on the model and the data at hand."""

import math
import time
from itertools import islice

import torch

from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, synchronize, training_on
from latentscape.model import Network
from latentscape.training.engine import choose_engine
from latentscape.training.engine.replay import WARM_UPS
from latentscape.training.loader import Examples, Loader
from latentscape.training.optim import build_optimizers
from latentscape.training.step import TrainingStep

STEPS = 6
"""Steps that are timed; the fastest counts, because other programs can only slow one down."""


CPU = torch.device("cpu")


def training_seconds(
    recipe: Recipe,
    split: Split,
    threads: int | None = None,
    device: torch.device = CPU,
    max_seconds: float = math.inf,
) -> float:
    """Estimate how long a recipe trains.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the split.
    split : Split
        Its training examples are trained on for a few steps.
    threads : int, optional
        On how many; by default on all.
    device : torch.device
        Where.
    max_seconds : float
        After so many no other step is taken; there is one at least.

    Returns
    -------
    float
        Seconds for all steps of all epochs.
    """
    config = recipe.train
    precision = choose_precision(config.precision, device)
    model = Network(recipe.model, recipe.objective).to(device).train()
    take_step = TrainingStep(model, build_optimizers(model.players(), config), config, precision)
    loader = Loader(Examples(split.dataset, device), split.train, config.batch_size, config.seed)
    fastest, end = math.inf, time.perf_counter() + max_seconds
    with training_on(precision, threads, keep_memory=choose_engine(config.engine).keeps_memory):
        # The warm-ups and the step that is captured are slower than all others.
        for batch in islice(loader.epoch(0), WARM_UPS + 1 + STEPS):
            begin = time.perf_counter()
            take_step(batch, math.inf)
            synchronize(device)
            fastest = min(fastest, time.perf_counter() - begin)
            if time.perf_counter() >= end:  # On a busy machine every step may take long.
                break
    return fastest * len(loader) * config.epochs
