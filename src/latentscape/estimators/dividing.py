"""The data of an estimator, divided again as they were for training."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from latentscape.config import Recipe
from latentscape.core.records import Dataset, Split
from latentscape.data import binarize_split, hold_out
from latentscape.estimators.examples import dataset_of
from latentscape.estimators.settings import labels_for


def divide_again(dataset: Dataset, y: ArrayLike | None, recipe: Recipe, share: float) -> Split:
    """Divide examples as in training, which knew labels only where the recipe needs them.

    Parameters
    ----------
    dataset : Dataset
        The examples of ``fit``, without labels.
    y : array-like or None
        (n,) labels that the split is to have.
    recipe : Recipe
        What was trained.
    share : float
        Share that was held out.

    Raises
    ------
    DataError
        If there are labels for other examples, or none where the recipe needs them.
    """
    known = dataset_of(np.asarray(dataset.images), dataset.value_range, labels_for(recipe, y))
    split = binarize_split(hold_out(known, share, recipe.data.seed), recipe.data.binarize)
    values = np.asarray(split.dataset.images)
    return replace(split, dataset=dataset_of(values, dataset.value_range, y))
