"""Runs of several kinds, trained in a blink, and one that more was measured of."""

import numpy as np
import pytest

import latentscape
from latentscape.core.records import Dataset

FAST = {"train.epochs": 2, "data.train": 200, "data.test": 40}
KINDS = ("vae-20", "conv-bn", "cond-vae", "vq-vae", "denoising", "vectors", "measured")


@pytest.fixture(scope="session")
def train(tmp_path_factory):
    def train(recipe, data="mnist-5k", **changes):
        given = {**FAST, **{path.replace("__", "."): value for path, value in changes.items()}}
        folder = tmp_path_factory.mktemp(recipe)
        return latentscape.train(recipe, data=data, changes=given, folder=folder, quiet=True)

    return train


@pytest.fixture(scope="session")
def plain():
    """Vectors without labels, from 0 to 3."""
    rng = np.random.default_rng(0)
    values = rng.random((300, 3)) @ rng.random((3, 9))
    return Dataset("plain", values.astype(np.float32), value_range=(0.0, 3.0))


@pytest.fixture(scope="session")
def measured(train):
    """A run of which a likelihood, clusters and probes were asked for."""
    run = train("vae-20", model__latent__dim=3)
    latentscape.likelihood(run, samples=2, examples=20)
    comparison = latentscape.compare_codes(run)
    latentscape.cluster(comparison, methods=["kmeans"])
    latentscape.probe(comparison, probes=["knn"], counts=[10], draws=2)
    return run


@pytest.fixture(scope="session")
def runs(train, plain, measured):
    """Return a function from each of `KINDS` to its run."""
    made = {"measured": measured}

    def run_of(kind):
        if kind not in made:
            vectors = kind == "vectors"
            made[kind] = train("simple-20", plain) if vectors else train(kind)
        return made[kind]

    return run_of
