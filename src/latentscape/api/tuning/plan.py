"""What a search tries: a recipe, its space, and the examples that trials are compared on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from latentscape.api.preparing import prepare, resolve
from latentscape.config import Changes, Recipe, SearchMetric
from latentscape.config.parts import SpaceText
from latentscape.config.space import Dimension, read_space
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Split
from latentscape.evaluation.search import check_comparable, choose_metric
from latentscape.runs import load_split


@dataclass(frozen=True)
class Plan:
    """What a search tries.

    Attributes
    ----------
    base : Recipe
        As published.
    changes : mapping
        What the user set: it holds for all trials.
    space : mapping
        What each trial has a value of.
    metric : str
        What trials are compared by.
    data : object
        The data, as the user named them.
    split : Split
        Their examples.
    as_published : bool
        Whether training is not fitted to the number of examples.
    """

    base: Recipe
    changes: Changes
    space: Mapping[str, Dimension]
    metric: SearchMetric
    data: object
    split: Split
    as_published: bool

    @classmethod
    def of(
        cls,
        base: Recipe,
        space: SpaceText,
        metric: SearchMetric | None,
        changes: Changes,
        data: object,
        *,
        as_published: bool,
    ) -> Self:
        """Read and check all that can be known before the first trial.

        Raises
        ------
        ConfigError, DataError
            If the space is none, trials would not compare, or there is nothing to compare them on.
        """
        for path in space:
            if path in changes:
                raise ConfigError(
                    f"{path} is searched and set to {changes[path]}", fix="Say one of both."
                )
        recipe = resolve(base, changes, data)
        dimensions = read_space(recipe, space)
        chosen = choose_metric(recipe, metric)
        check_comparable(recipe, dimensions, chosen)
        split = load_split(recipe, data)
        if not len(split.validation):
            raise DataError(
                "A search compares trials on validation examples, and there are none",
                expected="data.validation above 0",
                fix="Give --set data.validation=0.1, for example.",
            )
        plan = cls(base, changes, dimensions, chosen, data, split, as_published)
        plan.recipe({})
        return plan

    def recipe(self, point: Changes) -> Recipe:
        """Return the recipe of a trial, prepared for its examples.

        Raises
        ------
        ConfigError, DataError
            If its settings do not fit together.
        """
        changes = {**self.changes, **point}
        split = None if self.as_published else self.split
        return prepare(resolve(self.base, changes, self.data, split), self.split)
