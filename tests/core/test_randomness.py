import torch

from latentscape.core.randomness import derive_seed, generator


def test_seeds_differ_by_purpose_and_stay_the_same_for_ever():
    assert derive_seed(0, "batches", 1) == 4062865062345455704
    seeds = {derive_seed(seed, "batches", epoch) for seed in range(10) for epoch in range(10)}
    assert len(seeds) == 100
    assert max(seeds) < 2**63


def test_generators_repeat():
    first, again = (torch.rand(3, generator=generator(1, "x")) for _ in range(2))
    assert torch.equal(first, again)
