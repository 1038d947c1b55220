"""Where work can run: this machine, or a Ray cluster that is asked what it has."""

from latentscape.config import Placement
from latentscape.core import machine
from latentscape.core.cache import cache_folder, cached
from latentscape.core.extras import require
from latentscape.core.findings import Json
from latentscape.parallel.cluster import Cluster, Node
from latentscape.parallel.connection import connected


def info(device: str = "auto", *, on: str = "local") -> Json:
    """Describe what work would run on, how, and why.

    Parameters
    ----------
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    on : str
        ``local``, this machine; ``ray`` or ``ray://HOST:PORT``, a Ray cluster.

    Returns
    -------
    dict
        ``placement``: which place is meant. Of this machine also ``versions``; ``machine``;
        ``places``: where work can run; ``training``: each choice with its reason; ``products``: how
        fast it multiplies; ``cache``: where it is and what it holds. Of a cluster ``cluster``: what
        all of it has; ``nodes``: address, cores, memory, GPUs and versions of each.

    Raises
    ------
    ConfigError
        If the machine has no such device, or there is no cluster.
    """
    placement = Placement.of(on)
    if placement.kind == "ray":
        where = {"kind": "ray", "address": placement.address or "the one that is there"}
        with connected(placement) as cluster:
            return {"placement": where, **_describe(cluster)}
    size = sum(item.n_bytes for item in cached())
    cache = {"folder": str(cache_folder()), "bytes": size}
    return {"placement": {"kind": placement.kind}, **machine.info(device), "cache": cache}


def _describe(cluster: Cluster) -> Json:
    nodes = [_of_node(node, versions) for node, versions in cluster.versions()]
    ray = require("ray", "ray", "A Ray cluster")
    return {"cluster": {"is": cluster.describe(), "ray": ray.__version__}, "nodes": nodes}


def _of_node(node: Node, versions: str) -> Json:
    return {
        "node": node.address,
        "cores": node.cores,
        "GPUs": node.gpus,
        "memory": int(node.memory),
        "object store": int(node.object_store),
        "versions": versions,
    }
