"""Where work runs: one option with one meaning."""

import pytest

from latentscape.config import Placement
from latentscape.core.errors import ConfigError


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [({}, "local"), ({"jobs": 3}, "processes"), ({"jobs": None}, "processes")]
    + [({"workers": 2}, "torchrun"), ({"workers": 2, "jobs": 3}, "torchrun")],
)
def test_numbers_say_what_this_machine_starts(numbers, kind):
    assert Placement.of("local", **numbers).kind == kind


@pytest.mark.parametrize("on", ["ray", "ray://cluster.lab:10001", "ray://[::1]:10001"])
def test_a_cluster_is_named_as_ray_names_it(on):
    placement = Placement.of(on, workers=4, jobs=None, gpus_per_worker=2)
    assert placement.kind == "ray"
    assert placement.address == on.removesuffix("ray" if on == "ray" else "")
    assert (placement.workers, placement.jobs, placement.gpus_per_worker) == (4, None, 2)


@pytest.mark.parametrize(
    "on", ["", "rays", "cluster", "ray:cluster:1", "ray://", "ray://host", "ray://host:port"]
)
def test_another_place_is_refused(on):
    with pytest.raises(ConfigError, match="Expected local, ray, or ray://HOST:PORT"):
        Placement.of(on)


@pytest.mark.parametrize("on", ["local", "ray"])
def test_workers_of_one_training_share_no_gpu(on):
    with pytest.raises(ConfigError, match="a whole GPU for each|only be asked for on a Ray"):
        Placement.of(on, workers=2, gpus_per_worker=0.5)
    assert Placement.of("ray", workers=2, gpus_per_worker=1).workers == 2
    assert Placement.of("ray", jobs=2, gpus_per_worker=0.5).gpus_per_worker == 0.5


@pytest.mark.parametrize(
    "numbers", [{"workers": 0}, {"jobs": 0}, {"gpus_per_worker": -1}, {"gpus_per_worker": 1.0}]
)
def test_numbers_that_mean_nothing_are_refused(numbers):
    with pytest.raises(ConfigError):
        Placement.of("local", **numbers)
