"""Where recipes are trained and examined, in memory."""

import torch

from latentscape.api.preparing import prepare
from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.training.loop import Trainer
from latentscape.training.storage import MemoryStorage


def train(recipe: Recipe, split: Split) -> Patient:
    """Train a recipe, and return the model as a patient."""
    recipe = prepare(recipe, split)
    storage = MemoryStorage(recipe.name, recipe)
    trainer = Trainer(storage, split, torch.device("cpu"))
    model = trainer.fit()
    return Patient(recipe, split, model, history=storage.history, events=trainer.state.events)


def checkup(recipe: Recipe, split: Split) -> Diagnoses:
    """Train a recipe, and examine the model."""
    return examine(train(recipe, split))
