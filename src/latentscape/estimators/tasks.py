"""What a fit trains, and the training: in memory, or in a run directory that is kept."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.base import BaseEstimator

from latentscape.api.preparing import describe_environment
from latentscape.config import Recipe
from latentscape.core.files import slug, write_folder
from latentscape.core.records import Split
from latentscape.estimators.layout import Layout
from latentscape.model import Network
from latentscape.runs import DataFacts, create_run, replacing
from latentscape.runs.lineage import Start
from latentscape.runs.starting import EarlierModel
from latentscape.training.checkpoint import MemoryCheckpoints
from latentscape.training.hooks.progress import Progress
from latentscape.training.memory import network_to_describe
from latentscape.training.state import TrainState
from latentscape.training.train import train_recipe, train_run


@dataclass(frozen=True, eq=False)
class Task:
    """What to train, and on what."""

    features: BaseEstimator
    """Has ``n_features_in_`` and ``feature_names_in_`` of X."""
    layout: Layout
    recipe: Recipe
    split: Split
    unit: float
    """What counts as 1 in a score, in the units of X."""
    earlier: EarlierModel | None = None
    """Has the weights to begin with, as far as they fit."""

    @property
    def start(self) -> Start | None:
        """Which weights these are."""
        if self.earlier is None:
            return None
        return self.earlier.start_of(network_to_describe(self.recipe.model, self.recipe.objective))

    @property
    def run_name(self) -> str:
        """Name of a run directory: the same for the same recipe, settings, data and start."""
        fingerprint, start = self.recipe.fingerprint(self.split.dataset.fingerprint), self.start
        begun = [] if start is None else [start.sha256[:8]]
        return slug("-".join([self.recipe.name, fingerprint[:12], *begun]))

    def train(self, folder: str | Path | None, device: torch.device) -> tuple[Network, TrainState]:
        """Train; keep a run in a folder, once it is whole, and without a folder none."""
        recipe, split = self.recipe, self.split
        if folder is None:
            earlier = None if self.earlier is None else self.earlier.weights
            store, hooks = MemoryCheckpoints(recipe.name), [Progress(recipe.name)]
            return train_recipe(recipe, split, device, store, hooks, earlier=earlier)
        environment, facts = describe_environment(recipe, device), DataFacts.of(split)
        home = Path(folder) / self.run_name
        with replacing(home):
            pass  # What may not be replaced is refused before it is trained.
        with ExitStack() as owned, write_folder(home) as path:
            run = create_run(path, recipe, facts, environment, start=self.start)
            trained = train_run(run, split, device, [Progress(run.name)])
            owned.enter_context(replacing(home))  # Until the new folder is in its place.
        return trained
