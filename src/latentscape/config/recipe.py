"""A recipe: all that makes a run, but for the machine."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from latentscape.config.critics import CriticsConfig
from latentscape.config.data import DataConfig
from latentscape.config.model import ModelConfig
from latentscape.config.parts import Part, PrintableName
from latentscape.config.terms import AUTOENCODER, GENERATOR, adversaries
from latentscape.config.training import ObjectiveConfig, TrainConfig
from latentscape.core.doors import Displayed

Family = Literal[
    "vector-quantised",
    "variational",
    "regularised",
    "denoising",
    "convolutional",
    "fully connected",
]

FAMILIES: dict[Family, str] = {
    "fully connected": "plain codes, plain layers",
    "convolutional": "plain codes, layers that know neighbouring pixels",
    "denoising": "plain codes of images that the encoder sees with noise",
    "regularised": "plain codes, and a further term in the objective",
    "variational": "codes are normal distributions with a prior",
    "vector-quantised": "codes are vectors of a codebook",
}
"""Families in the order in which lists show them, and what is common to each."""


class Reported(Part):
    """A number that the origin of a recipe reported.

    Attributes
    ----------
    metric : str
        Name of the metric as the evaluator calls it.
    value : float
        What was reported.
    latent_dim : int or None
        The latent size it holds for; None where the recipe has only one.
    """

    metric: str
    value: float
    latent_dim: int | None = None


class Published(Part):
    """How a recipe would train as published, where its training was fitted to the data at hand.

    Attributes
    ----------
    examples : int
        Training examples that it was fitted to.
    train, objective : TrainConfig, ObjectiveConfig
        As published, but for what the user set.
    """

    examples: int = Field(gt=0)
    train: TrainConfig
    objective: ObjectiveConfig

    @property
    def steps(self) -> int:
        """How many steps the recipe makes of the examples, as published."""
        return self.train.steps(self.examples)


_ADDED: dict[str, object] = {
    "data.train_labels": None,
    "data.grey": False,
    "model.init.data_dependent": False,
    "objective.critics": CriticsConfig().model_dump(mode="json"),
    "objective.turns": False,
    "train.players": {},
    "train.accumulate": 1,
    "train.shards": 1,
    "train.average.every": 1,
    "train.average": None,
    "train.frozen": [],
    "train.schedule.start": 0.04,
    "train.schedule.peak": 0.3,
    "train.schedule.growth": 1.0,
}
"""Settings that runs of earlier versions do not have, and what stands for that.

Left at that, they change no fingerprint: these runs keep the one they had.
"""


class Recipe(Displayed, Part):
    """All that makes a run, but for the machine.

    Attributes
    ----------
    name : str
        Name, as in ``latentscape train NAME``.
    about : str
        One or two sentences.
    origin : str
        Project, course or paper that the recipe repeats.
    protocol : str
        How the origin obtained the numbers in `reported`.
    reported_on : str
        Name of the data they hold for; beside other data they mean nothing and are not shown.
    published : Published or None
        What `objective` and `train` were before they were fitted to the data; None where they are
        as published. It is filled in; see `latentscape.config.fitting`.
    """

    name: PrintableName
    about: str = ""
    origin: str = ""
    protocol: str = ""
    reported: tuple[Reported, ...] = ()
    reported_on: str = "mnist"
    data: DataConfig = DataConfig()
    model: ModelConfig
    objective: ObjectiveConfig = ObjectiveConfig()
    train: TrainConfig = TrainConfig()
    published: Published | None = None

    @model_validator(mode="after")
    def _check_players(self) -> Self:
        players = [AUTOENCODER, *adversaries(self.objective.weights)]
        players += [GENERATOR] * self.objective.turns
        for name in self.train.players:
            if name not in players:
                raise ValueError(
                    f"train.players.{name} is of a player that the objective does not have; "
                    f"expected one of {', '.join(players)}"
                )
        return self

    @property
    def family(self) -> Family:
        """What kind of model it is, by what its parts can do."""
        model = self.model
        traits: dict[Family, bool] = {
            "vector-quantised": model.latent.quantises,
            "variational": model.latent.has_prior,
            "regularised": bool(self.objective.weights.keys() - {"reconstruction"}),
            "denoising": model.corruption is not None,
            "convolutional": model.encoder.takes_images,
        }
        return next((name for name, applies in traits.items() if applies), "fully connected")

    def __repr__(self) -> str:
        return f"<Recipe {self.name}>"  # All of it is long; print() shows it.

    def __str__(self) -> str:
        return Part.__str__(self)

    def fingerprint(self, data_fingerprint: str) -> str:
        """SHA-256 over the settings and the data: two runs with the same one are the same run."""
        settings = self.model_dump(mode="json", include={"data", "model", "objective", "train"})
        if settings["model"].get("input"):  # Limits follow from the data.
            settings["model"]["input"].pop("limits", None)
        # Where the data are and how they are kept, how often progress is saved and how steps are
        # carried out change no number of a run. Runs older than these settings must also have the
        # fingerprint they had.
        del settings["data"]["source"], settings["data"]["store"]
        del settings["train"]["checkpoint_seconds"], settings["train"]["engine"]
        for path, default in _ADDED.items():
            _drop(settings, path.split("."), default)
        content = json.dumps([settings, data_fingerprint], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def _drop(settings: Any, path: Sequence[str], value: object) -> None:
    """Remove a setting that has a value, where its part is there."""
    *parents, last = path
    for name in parents:
        settings = settings.get(name)
        if not isinstance(settings, dict):
            return
    if settings.get(last) == value:
        settings.pop(last, None)
