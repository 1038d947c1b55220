import pytest
import torch

from latentscape.errors import ConfigError
from latentscape.runtime import choose_device, describe_machine


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
