"""A model as training begins with it."""

import torch

from latentscape.config import Recipe
from latentscape.core.randomness import derive_seed, forked_random
from latentscape.core.records import Split
from latentscape.doctor.patient import Patient
from latentscape.model import Network
from latentscape.training.loader import Examples
from latentscape.training.start import begin


def newcomer(recipe: Recipe, split: Split, device: torch.device) -> Patient:
    """Return the model that training would start from, as a patient.

    Parameters
    ----------
    recipe : Recipe
        Prepared for the split.
    split : Split
        The examples.
    device : torch.device
        Where the model is.
    """
    with forked_random(derive_seed(recipe.train.seed, "model"), device), torch.no_grad():
        model = Network(recipe.model, recipe.objective).to(device).eval()
    begin(model, recipe, split, Examples(split.dataset, device))
    return Patient(recipe, split, model)
