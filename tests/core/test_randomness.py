import pytest
import torch

from latentscape.core.randomness import derive_seed, forked_random, generator


def test_seeds_differ_by_purpose_and_stay_the_same_for_ever():
    assert derive_seed(0, "batches", 1) == 4062865062345455704
    seeds = {derive_seed(seed, "batches", epoch) for seed in range(10) for epoch in range(10)}
    assert len(seeds) == 100
    assert max(seeds) < 2**63


def test_generators_repeat():
    first, again = (torch.rand(3, generator=generator(1, "x")) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(("device", "seeded"), [("cpu", []), ("cuda", [7])])
def test_only_generators_that_are_restored_are_seeded(device, seeded, monkeypatch):
    """A training on a GPU goes on while something else draws on the CPU."""
    numbers = []
    monkeypatch.setattr(torch.cuda, "manual_seed", numbers.append)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", numbers.append)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: "state")
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: None)
    before = torch.get_rng_state()
    with forked_random(7, torch.device(device)):
        first = torch.rand(3)
    assert numbers == seeded
    assert torch.equal(first, torch.rand(3, generator=torch.Generator().manual_seed(7)))
    assert torch.equal(torch.get_rng_state(), before)
