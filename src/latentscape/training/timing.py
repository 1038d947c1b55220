"""How long a step takes on so many threads, measured on the model and the data at hand."""

import math
import time
from itertools import islice

import torch

from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.training.batches import Batches, Examples
from latentscape.training.graphs import WARM_UPS
from latentscape.training.optim import build_optimizer
from latentscape.training.step import TrainingStep

STEPS = 6
"""Steps that are timed; the fastest counts, because other programs can only slow one down."""


def training_seconds(recipe: Recipe, split: Split, threads: int) -> float:
    """Estimate how long a recipe trains on the CPU.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the split.
    split : Split
        Its training examples are trained on for a few steps.
    threads : int
        On how many.

    Returns
    -------
    float
        Seconds for all steps of all epochs.
    """
    cpu = torch.device("cpu")
    precision = choose_precision(recipe.train.precision, cpu)
    model = Network(recipe.model, recipe.objective).train()
    take_step = TrainingStep(model, build_optimizer(model, recipe.train), recipe.train, precision)
    batches = Batches(
        Examples(split.dataset, cpu), split.train, recipe.train.batch_size, recipe.train.seed
    )
    fastest = math.inf
    with training_on(precision, threads):
        for batch in islice(batches.epoch(0), WARM_UPS + 1 + STEPS):
            begun = time.perf_counter()
            take_step(batch, recipe.train.lr, math.inf)
            fastest = min(fastest, time.perf_counter() - begun)
    return fastest * len(batches) * recipe.train.epochs
