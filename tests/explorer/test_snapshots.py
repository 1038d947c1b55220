"""The epochs of a run as places in the plane."""

import numpy as np
import pytest

from latentscape.analyses.maps.projections import principal_plane
from latentscape.api.exploring import open_exploration
from latentscape.explorer.gathering import Wanted

KEPT = {"train.epochs": 2, "train.snapshots": [1, 2]}


@pytest.mark.parametrize("dim", [2, 3])
def test_epochs_are_laid_out_in_the_plane_of_the_finished_model(train, without_networks, dim):
    run = train("vae-20", changes={**KEPT, "model.latent.dim": dim})
    explored = open_exploration(run, Wanted(points=60, map="pca"))
    (model,), arrays = explored.manifest.models, explored.arrays
    assert model.snapshots == (1, 2)
    points = arrays["m0/snapshot_points"]
    assert len(points) == 40  # All test examples.
    first, last = (arrays[f"m0/epoch/{epoch}/map"] for epoch in (1, 2))
    codes = arrays["m0/codes"][points]
    places = codes if dim == 2 else principal_plane(codes).places(codes)
    assert np.allclose(last, places, atol=1e-4)
    assert first.shape == (40, 2)
    assert not np.allclose(first, last, atol=1e-2)


def test_only_points_that_are_shown_have_epochs(train, without_networks):
    run = train("vae-20", changes=KEPT)
    explored = open_exploration(run, Wanted(points=10, map="pca"))
    assert len(explored.arrays["m0/snapshot_points"]) == 10
    assert explored.arrays["m0/epoch/1/map"].shape == (10, 2)


def test_without_codes_of_epochs_and_of_other_examples_there_are_none(train, without_networks):
    without = train("vae-20", changes={"train.snapshots": []})
    explored = open_exploration(without, Wanted(points=10, map="pca"))
    assert explored.manifest.models[0].snapshots == ()
    kept = train("vae-20", changes=KEPT)
    explored = open_exploration(kept, Wanted(points=10, map="pca", data="mnist-5k"))
    assert explored.manifest.models[0].snapshots == ()
