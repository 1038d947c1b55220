"""Where recipes are trained and examined, in memory."""

import torch

from latentscape.api.preparing import prepare
from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.runs.facts import History
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.train import train_recipe


def train(recipe: Recipe, split: Split, clusters: int | None = None) -> Patient:
    """Train a recipe, and return the model as a patient, its codes in so many clusters."""
    recipe = prepare(recipe, split)
    store = MemoryCheckpoints(recipe.name)
    model, state = train_recipe(recipe, split, torch.device("cpu"), store)
    return Patient(
        recipe,
        split,
        model,
        history=History(epochs=tuple(state.history)),
        events=state.events,
        clusters=clusters,
    )


_KNOWN: dict[tuple[str, str], Diagnoses] = {}


def checkup(recipe: Recipe, split: Split, clusters: int | None = None) -> Diagnoses:
    """Train a recipe, and examine the model; once for the same recipe and data."""
    key = f"{recipe.model_dump_json()} {clusters}", split.dataset.fingerprint
    if key not in _KNOWN:
        _KNOWN[key] = examine(train(recipe, split, clusters))
    return _KNOWN[key]
