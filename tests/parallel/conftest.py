"""A cluster of two nodes on this machine."""

from importlib.util import find_spec

import pytest

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
NOTICED = {
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
    "health_check_initial_delay_ms": 0,
}
"""How soon Ray knows that a node is lost."""


@pytest.fixture(scope="package")
def cluster():
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'latentscape[ray]'")
    from ray.cluster_utils import Cluster

    # Names of sockets may have 107 characters, which folders of tests take alone.
    cluster = Cluster(
        initialize_head=True,
        head_node_args={**NODE, "include_dashboard": False, "_system_config": NOTICED},
    )
    cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture
def ray_address(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    if len(cluster.worker_nodes) < 1:
        cluster.add_node(**NODE)
    return cluster.address
