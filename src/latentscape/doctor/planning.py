"""What training will take: steps, time and memory."""

from latentscape.config import Recipe
from latentscape.core.randomness import forked_random
from latentscape.core.records import Split
from latentscape.doctor.diagnosis import Plan
from latentscape.model import Network
from latentscape.training.memory import memory_of
from latentscape.training.timing import training_seconds


def plan_of(recipe: Recipe, split: Split, model: Network) -> Plan:
    """Say what training of a new model takes; a few real steps are timed."""
    with forked_random(0, model.device):
        seconds = training_seconds(recipe, split, device=model.device)
    examples, labels = len(split.train), split.dataset.labels
    data = split.dataset.images.nbytes + (0 if labels is None else labels.nbytes)
    return Plan(
        examples=examples,
        steps=recipe.train.steps(examples),
        seconds=seconds,
        memory=data + memory_of(model, recipe, examples),
    )
