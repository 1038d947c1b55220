import pytest
import torch

from latentscape.errors import ConfigError
from latentscape.runtime import choose_device, derive_seed, describe_machine, generator


def test_seeds_differ_by_purpose_and_stay_the_same_for_ever():
    assert derive_seed(0, "batches", 1) == 4062865062345455704
    seeds = {derive_seed(seed, "batches", epoch) for seed in range(10) for epoch in range(10)}
    assert len(seeds) == 100
    assert max(seeds) < 2**63


def test_generators_repeat():
    first, again = (torch.rand(3, generator=generator(1, "x")) for _ in range(2))
    assert torch.equal(first, again)


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(ConfigError, match="Did you mean 'cuda'"):
        choose_device("cud")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_an_absent_device_is_named():
    with pytest.raises(ConfigError, match="no cuda device here.*cpu"):
        choose_device("cuda")


def test_the_machine_is_described():
    machine = describe_machine(torch.device("cpu"))
    assert machine["processor"]
    assert machine["threads"] >= 1
