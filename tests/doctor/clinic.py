"""Where recipes are trained and examined, in memory."""

import torch

from latentscape.analyses.analysis import Protocol
from latentscape.analyses.clusters.result import Clusters, CodeClusters
from latentscape.api.preparing import prepare
from latentscape.config import Recipe
from latentscape.core.records import Split
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.training.loop import Trainer
from latentscape.training.storage import MemoryStorage


def train(recipe: Recipe, split: Split, clusters: int | None = None) -> Patient:
    """Train a recipe, and return the model as a patient, its codes in so many clusters."""
    recipe = prepare(recipe, split)
    storage = MemoryStorage(recipe.name, recipe)
    trainer = Trainer(storage, split, torch.device("cpu"))
    model = trainer.fit()
    known = None if clusters is None else clustered(clusters, model.latent_dim)
    return Patient(
        recipe,
        split,
        model,
        history=storage.history,
        events=trainer.state.events,
        findings=lambda kind: known,
    )


_KNOWN: dict[tuple[str, str], Diagnoses] = {}


def checkup(recipe: Recipe, split: Split, clusters: int | None = None) -> Diagnoses:
    """Train a recipe, and examine the model; once for the same recipe and data."""
    key = f"{recipe.model_dump_json()} {clusters}", split.dataset.fingerprint
    if key not in _KNOWN:
        _KNOWN[key] = examine(train(recipe, split, clusters))
    return _KNOWN[key]


def clustered(k: int, dim: int) -> Clusters:
    """Return what is known of a run whose codes were cut into so many clusters."""
    protocol = Protocol(fitted_on="train", n_fitted=1, scored_on="test", n_scored=1, labels="none")
    codes = CodeClusters(name="model", kind="model", dim=dim, protocol=protocol, k=k)
    return Clusters(label_names=(), rows=(codes,))
