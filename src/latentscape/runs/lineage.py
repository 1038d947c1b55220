"""Where the weights of a run began, and how often its training was made longer or shorter."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from latentscape.config import Recipe
from latentscape.core.findings import Record

START = "start.json"
"""Name of the file that has the `Start` of a run, where it began with the weights of another."""

EXTENSIONS = "extensions.jsonl"
"""Name of the file that has an `Extension` in each line."""


LeftReason = Literal["shape", "layer", "new", "unused"]


class LeftWeight(Record):
    """A tensor of one of two models that the other could not begin with.

    Attributes
    ----------
    name : str
        As in the model file.
    reason : str
        ``shape``: both have it, in different shapes. ``layer``: it would fit, and another tensor of
        its layer does not. ``new``: the new model alone has it. ``unused``: the earlier model alone
        has it.
    shape, earlier_shape : tuple of int or None
        In the new model, and in the earlier one.
    """

    name: str
    reason: LeftReason
    shape: tuple[int, ...] | None = None
    earlier_shape: tuple[int, ...] | None = None


class Start(Record):
    """What start.json holds: the weights that a run began with.

    Attributes
    ----------
    source : str
        Directory of the run, or model file, that they are from; absolute.
    recipe : str
        Name of its recipe.
    sha256 : str
        Over all its weights.
    data : str
        Fingerprint of the data that it was trained on; empty where its file does not say.
    taken : tuple of str
        Tensors that the run began with.
    numbers, all_numbers : int
        How many numbers these hold, and how many all tensors of the new model do.
    left : tuple of LeftWeight
        Tensors that could not be taken.
    """

    source: str
    recipe: str
    sha256: str
    data: str = ""
    taken: tuple[str, ...]
    numbers: int = Field(gt=0)
    all_numbers: int = Field(gt=0)
    left: tuple[LeftWeight, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run that they are from, or of the model file and its folder."""
        source = Path(self.source)
        return f"{source.parent.name}/{source.name}" if source.suffix else source.name

    def left_for(self, reason: str) -> list[LeftWeight]:
        """Return the tensors that were left for a reason."""
        return [weight for weight in self.left if weight.reason == reason]


class Extension(Record):
    """One line of extensions.jsonl: a run was asked for another number of epochs than before.

    Attributes
    ----------
    epoch : int
        Epochs trained by then.
    epochs_before, epochs : int
        ``train.epochs`` until then, and since then.
    patience_before, patience : int or None
        ``train.patience`` until then, and since then.
    stopped_early : bool
        Whether early stopping had ended the run.
    time : str
        Date and time, ISO 8601.
    """

    epoch: int = Field(ge=0)
    epochs_before: int = Field(gt=0)
    epochs: int = Field(gt=0)
    patience_before: int | None = None
    patience: int | None = None
    stopped_early: bool = False
    time: str = ""

    def applied_to(self, recipe: Recipe) -> Recipe:
        """Return a recipe as it is after the change."""
        return _with_length(recipe, self.epochs, self.patience)

    def undone_in(self, recipe: Recipe) -> Recipe:
        """Return a recipe as it was before the change."""
        return _with_length(recipe, self.epochs_before, self.patience_before)


def _with_length(recipe: Recipe, epochs: int, patience: int | None) -> Recipe:
    train = recipe.train.model_copy(update={"epochs": epochs, "patience": patience})
    return recipe.model_copy(update={"train": train})
