"""A study: recipes and axes to compare."""

import math
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from latentscape.config.parts import Changes, Part, PrintableName, SpaceText
from latentscape.core.doors import Displayed
from latentscape.core.errors import ConfigError

SearchMetric = Literal["loss", "elbo", "mse"]
"""What a search compares its trials by, on validation examples."""


class StudyEntry(Part):
    """A recipe in a study, what the study changes in it, and what it is called there."""

    recipe: str
    label: PrintableName = ""
    set: Changes = {}


class Study(Displayed, Part):
    """Recipes and axes to compare.

    Attributes
    ----------
    entries : tuple of StudyEntry
        The recipes.
    axes : dict
        Dotted path to the values it takes; every combination is run.
    variants : dict
        Named sets of changes, an axis of their own.
    set : dict
        Changes made in every run.
    seeds : int
        Training seeds per configuration: 0, 1, ...
    as_published : bool
        Whether recipes are trained as their origins did, and not fitted to the number of examples.
    ranked : bool
        Whether the table is ordered by error on the validation examples, best first.
    analysis : tuple of str
        Names of analyses of its runs, beside the errors of reconstructions. `compare` refuses those
        that are not registered.
    space : dict
        Dotted path to the values that `tune` may choose from; see `latentscape.config.space`. A
        study that has a space has one entry, and no axes or variants.
    trials : int or None
        How many points of the space `tune` tries.
    metric : str or None
        What `tune` compares them by.
    """

    name: PrintableName
    about: str = ""
    origin: str = ""
    entries: Annotated[tuple[StudyEntry, ...], Field(min_length=1)]
    axes: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = {}
    variants: dict[PrintableName, Changes] = {}
    set: Changes = {}
    seeds: int = Field(1, gt=0)
    as_published: bool = False
    ranked: bool = False
    analysis: tuple[str, ...] = ()
    space: SpaceText = {}
    trials: int | None = Field(None, gt=0)
    metric: SearchMetric | None = None

    @model_validator(mode="after")
    def _check_space(self) -> Self:
        if self.space and (len(self.entries) > 1 or self.axes or self.variants):
            raise ValueError("a study with a space has one entry, and neither axes nor variants")
        if not self.space and (self.trials is not None or self.metric is not None):
            raise ValueError(
                "trials and metric are those of a space, which the study does not have"
            )
        return self

    def __repr__(self) -> str:
        return f"<Study {self.name}: {self.combinations} configurations, {self.seeds} seeds each>"

    def __str__(self) -> str:
        return Part.__str__(self)

    @property
    def combinations(self) -> int:
        """How many configurations there are: each is trained with every seed."""
        values = math.prod(len(axis) for axis in self.axes.values())
        return len(self.entries) * max(1, len(self.variants)) * values

    def configurations(self) -> list[tuple[str, str, Changes]]:
        """List what is run, but for seeds.

        Returns
        -------
        list of tuple
            (label, recipe name, overrides): the label names the recipe and whatever varies.

        Raises
        ------
        ConfigError
            If two configurations would go by the same label.
        """
        combined = list[tuple[str, str, Changes]]()
        for entry, (variant, changes) in product(self.entries, (self.variants or {"": {}}).items()):
            for values in product(*self.axes.values()):
                point = dict(zip(self.axes, values, strict=True))
                parts = [entry.label or Path(entry.recipe).stem, variant, *_axis_labels(point)]
                label = " ".join(part for part in parts if part)
                combined.append(
                    (label, entry.recipe, {**self.set, **entry.set, **changes, **point})
                )
        [(twice, times)] = Counter(label for label, _, _ in combined).most_common(1) or [("", 0)]
        if times > 1:
            fix = "Give each entry a label of its own."
            raise ConfigError(f"The study {self.name} has {twice!r} twice", fix=fix)
        return combined


def _axis_labels(point: Changes) -> list[str]:
    return [
        f"{path.removesuffix('.dim').rpartition('.')[2]} {value}" for path, value in point.items()
    ]
