"""Findings of earlier versions say what kind of likelihood they come of: their recipe knows it."""

import json

import pytest

from latentscape.analyses.likelihood.result import Likelihood
from latentscape.evaluation.results import Latent
from latentscape.runs import RunFindings
from latentscape.runs.store import part_file
from synthetic import BINARY, DENSITY, EIGHT_BITS, SCORE, make_run

LATENT = {"kind": "gaussian", "n": 60, "samples": 4, "rate": 5.8, "distortion": 94.45}
LIKELIHOOD = {"n": 60, "trained_on": "none", "is_conditional": False, "grey_pixels": "nothing"}


def earlier(run, part, **content):
    """Write a part as it was written before it said what kind of likelihood it comes of."""
    file = part_file(run.run.path, part)
    file.write_text(json.dumps({"schema": 2, "arrays": None, "content": content}))
    return RunFindings(run.run)


@pytest.mark.parametrize(
    ("likelihood", "binarize", "kind", "bits"),
    [
        ("bernoulli", "none", SCORE, None),
        ("bernoulli", "dynamic", BINARY, 1.25),
        ("gaussian", "none", DENSITY, None),
        ("continuous_bernoulli", "none", DENSITY, None),
        ("discretised_logistic", "none", EIGHT_BITS, 1.25),
    ],
)
def test_the_recipe_tells_the_kind(tmp_path, likelihood, binarize, kind, bits):
    changes = {"model.likelihood": likelihood, "data.binarize": binarize}
    run = make_run(tmp_path, "vae", "vae", changes=changes)
    run = earlier(run, "latent", **LATENT, elbo=-100.25, bits_per_dim=1.25)
    latent = run.require(Latent)
    assert (latent.likelihood, latent.bits_per_dim, latent.levels) == (kind, bits, kind.levels)
    assert latent.elbo_se is None
    assert run.to_json()["latent"]["likelihood"] == kind.model_dump()
    protocol = {**LIKELIHOOD, "binarize": binarize}
    run = earlier(run, "likelihood", protocol=protocol, nll=98.0, se=0.5, bits_per_dim=1.25)
    result = run.require(Likelihood)
    assert (result.protocol.likelihood, result.bits_per_dim) == (kind, bits)


def test_a_likelihood_on_other_pixels_than_those_of_training_is_of_their_kind(tmp_path):
    run = make_run(tmp_path, "vae", "vae")
    protocol = {**LIKELIHOOD, "binarize": "static"}
    run = earlier(run, "likelihood", protocol=protocol, nll=98.0, se=0.5, bits_per_dim=0.25)
    assert run.require(Likelihood).protocol.likelihood == BINARY
    assert run.require(Latent).likelihood == SCORE
