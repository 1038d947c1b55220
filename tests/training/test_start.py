"""What training starts from."""

import pytest
import torch

from latentscape.config import override
from latentscape.model import Network
from latentscape.training.loader import Examples
from latentscape.training.start import begin

CPU = torch.device("cpu")


@pytest.mark.parametrize("data_dependent", [False, True])
def test_earlier_weights_are_taken_where_they_fit_and_the_rest_is_as_ever(
    quick, small, data_dependent
):
    recipe = override(quick, {"model.init.data_dependent": data_dependent})
    wider = override(recipe, {"model.latent.dim": 7}).model
    earlier, model = Network(wider, recipe.objective), Network(recipe.model, recipe.objective)
    own, weights = model.state_dict(), earlier.state_dict()
    drawn = {name: value.clone() for name, value in own.items()}
    begin(model, recipe, small, Examples(small.dataset, CPU), weights)
    fitting = [name for name in own if not name.startswith(("latent.", "decoder.0."))]
    assert own["decoder.0.bias"].shape == weights["decoder.0.bias"].shape  # Not so its weights.
    assert all(torch.equal(own[name], weights[name]) for name in fitting)
    rest = own.keys() - fitting
    assert all(torch.equal(own[name], drawn[name]) for name in rest) != data_dependent
