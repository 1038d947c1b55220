"""How long training takes on a number of threads, measured on the model and the data at hand."""

import math
import time
from itertools import islice

import torch

from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.core.runtime import choose_precision, training_on
from latentscape.model import Network
from latentscape.training.engine import choose_engine
from latentscape.training.engine.replay import WARM_UPS
from latentscape.training.loader import Examples, Loader
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
    cpu, config = torch.device("cpu"), recipe.train
    precision = choose_precision(config.precision, cpu)
    model = Network(recipe.model, recipe.objective).train()
    take_step = TrainingStep(model, build_optimizer(model, config), config, precision)
    loader = Loader(Examples(split.dataset, cpu), split.train, config.batch_size, config.seed)
    fastest = math.inf
    with training_on(precision, threads, keep_memory=choose_engine(config.engine).keeps_memory):
        # The warm-ups and the step that is captured are slower than all others.
        for batch in islice(loader.epoch(0), WARM_UPS + 1 + STEPS):
            begin = time.perf_counter()
            take_step(batch, config.lr, math.inf)
            fastest = min(fastest, time.perf_counter() - begin)
    return fastest * len(loader) * config.epochs
