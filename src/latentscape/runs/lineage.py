"""How a run came to be what it is: how often its training was made longer or shorter."""

from pydantic import Field

from latentscape.config import Recipe
from latentscape.core.findings import Record

EXTENSIONS = "extensions.jsonl"
"""Name of the file that has an `Extension` in each line."""


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
