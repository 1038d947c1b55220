"""The recipes that come with Latentscape, by family and size."""

import torch

from latentscape.config import FAMILIES, Family, Recipe, load_recipe, recipe_names
from latentscape.config.model import InputConfig
from latentscape.core.findings import Record
from latentscape.core.progress import steps
from latentscape.core.randomness import forked_random
from latentscape.model import Network

_INPUT = InputConfig(shape=(1, 28, 28), labels=10)


class ListedRecipe(Record):
    """A recipe as a list shows it; `parameters` are those for 28 x 28 grey images of ten labels."""

    recipe: str
    family: Family
    latent_dim: int
    parameters: int
    about: str
    origin: str

    @classmethod
    def of(cls, recipe: Recipe) -> "ListedRecipe":
        """Build the network of a recipe, and count."""
        with forked_random(0, torch.device("cpu")):
            model = recipe.model.model_copy(update={"input": _INPUT})
            network = Network(model, recipe.objective)
        return cls(
            recipe=recipe.name,
            family=recipe.family,
            latent_dim=network.latent_dim,
            parameters=network.parameter_count,
            about=recipe.about,
            origin=recipe.origin,
        )


def list_recipes() -> list[ListedRecipe]:
    """List all recipes, the families in the order of `latentscape.config.FAMILIES`."""
    order = list(FAMILIES)
    recipes = sorted(map(load_recipe, recipe_names()), key=lambda r: order.index(r.family))
    each = steps("reading recipes", recipes, lambda recipe: recipe.name)
    return [ListedRecipe.of(recipe) for recipe in each]
