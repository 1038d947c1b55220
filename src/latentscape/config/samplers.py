"""Samplers: where the codes of new images may come from."""

from latentscape.config.registry import Implementation

SAMPLERS: dict[str, Implementation] = {
    "prior": "latentscape.inference.samplers:PriorSampler",
    "gmm": "latentscape.inference.samplers:MixtureSampler",
    "vamp": "latentscape.inference.samplers:VampSampler",
}
"""The sources of ``latentscape sample --from``; each is a `latentscape.inference.samplers.Sampler`.
"""
