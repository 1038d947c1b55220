"""A Ray cluster: looked over, and given works.

Ray decides where a work runs, and begins it anew elsewhere when its node is lost. Runs, data and
results are files in folders that all nodes see; a work is told where they are.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

from latentscape.config import Placement
from latentscape.core.errors import ConfigError, LatentscapeError, RunError
from latentscape.core.files import cannot_write
from latentscape.core.records import Split
from latentscape.core.stores import ResidentStore
from latentscape.parallel.nodes import Seeable, Seen, compare_seen, look, try_to_look

ANSWERED_WITHIN = 120.0
"""Seconds until every node has to have looked at its files: each starts a Python for that."""

LOOKED_EVERY = 2.0
"""Seconds between two looks at whether the head node is there."""

HEAD_BACK_WITHIN = 30.0
"""Seconds that a head node may be gone: one that is kept alive by Kubernetes comes back."""

SAVED_WITHIN = 60.0
"""Seconds that works have to save themselves when they are stopped."""

RETRIES = 10
"""How often a work begins anew after its node was lost, or its process ended from outside."""

MOST_SHIPPED = 0.5
"""Share of a node's object store that data in memory may take."""

MEMORY = 1e9
"""Bytes that a work asks for beside its data, which nodes share."""

_RESOURCES = ("CPU", "GPU", "memory", "object_store_memory")

T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, or a part of one.

    Attributes
    ----------
    id, address : str
        As Ray names it.
    cores, gpus : float
        How many works can ask for in all.
    memory, object_store : float
        Bytes, likewise.
    """

    id: str
    address: str
    cores: float
    gpus: float
    memory: float
    object_store: float


@dataclass(frozen=True)
class Share:
    """What a work asks for: whole cores, GPUs or a share of one, and bytes of memory."""

    cores: int
    gpus: float = 0.0
    memory: float = MEMORY


@dataclass(frozen=True)
class Shipped(Generic[T]):
    """Something that is in the memory of the cluster.

    Attributes
    ----------
    reference : ray.ObjectRef
        To it.
    """

    reference: Any

    def open(self) -> T:
        """Return it, on any node; arrays in it cannot be written to."""
        import ray

        thing: T = ray.get(self.reference)
        return thing


class Cluster:
    """A cluster that this process is connected to.

    Parameters
    ----------
    ray : module
        Ray, which is imported where it is asked for.
    placement : Placement
        What each work asks for.
    """

    def __init__(self, ray: Any, placement: Placement) -> None:
        self._ray, self._placement = ray, placement
        is_client = ray.util.client.ray.is_connected()
        self._head = "" if is_client else ray.get_runtime_context().gcs_address

    def nodes(self) -> list[Node]:
        """Return the nodes that are alive."""
        return [_node(node) for node in self._ray.nodes() if node["Alive"]]

    def describe(self) -> str:
        """Say in a line what there is."""
        nodes = self.nodes()
        cores = sum(node.cores for node in nodes)
        gpus = sum(node.gpus for node in nodes)
        has = f"{cores:g} cores" + (f", {gpus:g} GPUs" if gpus else "")
        return f"{len(nodes)} node{'s' if len(nodes) != 1 else ''} of Ray, {has}"

    def versions(self) -> list[tuple[Node, str]]:
        """Ask each node for the versions of what decides results there."""
        answers = self._ask_nodes(os.getcwd(), None, [])
        return [(node, ", ".join(seen.versions)) for node, seen in answers]

    def share(self, jobs: int | None) -> Share:
        """Choose what each work asks for, so that so many are done at once.

        A work has a core of its own where nothing else is asked for: small networks gain little
        from further ones, and results do not depend on the size of the cluster.

        Raises
        ------
        ConfigError
            If no node has as much.
        """
        nodes = self.nodes()
        most = max((node.cores for node in nodes), default=0)
        cores = 1 if jobs is None else int(sum(node.cores for node in nodes) // jobs)
        share = Share(max(1, min(cores, int(most))), self._placement.gpus_per_worker)
        if not any(_fits(share, node) for node in nodes):
            raise ConfigError(
                f"No node of the cluster has {share.cores} core(s), {share.gpus:g} GPU(s) and "
                f"{share.memory / 1e9:.1f} GB of memory for a work",
                expected=f"as much on one of its {len(nodes)} node(s)",
                fix="Ask for fewer --gpus-per-worker or more --jobs, or add a larger node.",
            )
        return share

    def share_of_workers(self, workers: int) -> Share:
        """Choose what each of several workers asks for, so that all of them run at once.

        Raises
        ------
        ConfigError
            If there is no room for as many.
        """
        gpus = self._placement.gpus_per_worker
        most = int(max((node.cores for node in self.nodes()), default=0))
        shares = (Share(cores, gpus) for cores in range(most, 0, -1))
        fitting = (share for share in shares if self._places(share) >= workers)
        if (share := next(fitting, None)) is None:
            raise ConfigError(
                f"The cluster has no room for {workers} worker(s) with {gpus:g} GPU(s) each",
                expected=f"no more than there is room for: {self.describe()}",
                fix="Ask for fewer --workers or --gpus-per-worker, or add nodes.",
            )
        return share

    def has_free(self, share: Share, workers: int) -> bool:
        """Whether so many workers can begin now, as far as others have not asked for the same."""
        free = self._ray.available_resources()
        asked = {"CPU": share.cores, "GPU": share.gpus}
        return all(workers * each <= free.get(name, 0.0) for name, each in asked.items())

    def _places(self, share: Share) -> int:
        return sum(_room(share, node) for node in self.nodes())

    def room(self, share: Share) -> int:
        """Return how many works of a share are done at once."""
        return max(1, self._places(share))

    def check(
        self,
        folder: Path | None,
        splits: Sequence[Split] = (),
        sources: Sequence[Seeable] = (),
    ) -> None:
        """Refuse nodes that see other files, or have other versions, than this process.

        Parameters
        ----------
        folder : Path or None
            Where works read and write, if they do; it exists.
        splits : sequence of Split
            The examples of works.
        sources : sequence of Seeable
            Others, which works open themselves.

        Raises
        ------
        ConfigError, RunError
            Which names the node.
        """
        stores = list({id(split.dataset.images): split.dataset.images for split in splits}.values())
        self._check_size(sum(store.nbytes for store in stores if isinstance(store, ResidentStore)))
        on_disk = [
            *(store for store in stores if not isinstance(store, ResidentStore)),
            *sources,
        ]
        with _mark(folder) as mark:
            own = look(os.getcwd(), mark, on_disk)
            for node, seen in self._ask_nodes(os.getcwd(), mark, on_disk):
                compare_seen(node.address, own, seen, folder)

    def check_sent(self, thing: object) -> None:
        """Refuse to send what would fill the memory of nodes, such as data in memory.

        Raises
        ------
        ConfigError
            Which says where to put data.
        """
        self._check_size(len(self._ray.cloudpickle.dumps(thing)))

    def _check_size(self, shipped: int) -> None:
        """Refuse to ship data that would fill the memory of nodes."""
        room = MOST_SHIPPED * min((node.object_store for node in self.nodes()), default=0)
        if shipped > room:
            raise ConfigError(
                f"The images in memory take {shipped / 1e6:,.0f} MB, and each node of the cluster "
                f"has room for {room / 1e6:,.0f} MB of them",
                fix="Put them into a file in a folder that all nodes see, with numpy.save, and "
                "give its path as the data, with --set data.store=mapped: nodes read it there.",
            )

    def _ask_nodes(self, *question: object) -> Iterator[tuple[Node, Seen]]:
        ray, nodes = self._ray, self.nodes()
        task = ray.remote(num_cpus=0, max_retries=0)(try_to_look)
        answers = [
            task.options(scheduling_strategy=self._at(node.id, soft=False)).remote(*question)
            for node in nodes
        ]
        for node, answer in zip(nodes, answers, strict=True):
            try:
                seen = ray.get(answer, timeout=ANSWERED_WITHIN)
            except ray.exceptions.RayError as error:
                raise ConfigError(
                    f"Node {node.address} of the cluster cannot work: {_reason(error)}",
                    expected=f"Latentscape {version('latentscape')} with all it needs on each node",
                ) from error
            if isinstance(seen, LatentscapeError):
                raise RunError(
                    f"Node {node.address} does not see the data as this process does: {seen}",
                    fix="Keep data in a folder that all nodes see; $LATENTSCAPE_CACHE too, where "
                    "data are packed.",
                ) from seen
            yield node, seen

    def queue(self) -> Any:
        """Make a queue of Ray, on the node of this process."""
        from ray.util.queue import Queue

        here = self._ray.get_runtime_context().get_node_id()
        return Queue(
            actor_options={"num_cpus": 0, "scheduling_strategy": self._at(here, soft=True)}
        )

    def _at(self, node: str, *, soft: bool) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node, soft=soft)

    def ship(self, thing: T) -> "Shipped[T]":
        """Bring something to where every node can open it, once for all its works."""
        return Shipped(self._ray.put(thing))

    def submit(self, share: Share, function: Callable[..., object], *arguments: object) -> Any:
        """Have a function called somewhere; return a reference to what it returns.

        If its node is lost, Ray calls it anew on another.
        """
        task = self._ray.remote(function).options(
            num_cpus=share.cores, num_gpus=share.gpus, memory=int(share.memory), max_retries=RETRIES
        )
        return task.remote(*arguments)

    def first_ended(self, tasks: Iterable[Any]) -> tuple[Any, Any]:
        """Wait for one of several tasks to end; return its reference and its result.

        Raises
        ------
        RunError
            If the head node is gone: Ray itself would end this process after a minute.
        """
        waiting, seen = list(tasks), time.monotonic()
        while True:
            ended, _ = self._ray.wait(waiting, num_returns=1, timeout=LOOKED_EVERY)
            if ended:
                return ended[0], self._ray.get(ended[0])
            if self.stands():
                seen = time.monotonic()
            elif time.monotonic() - seen > HEAD_BACK_WITHIN:
                raise _failure("its head node is gone")

    def stands(self) -> bool:
        """Whether the head node takes connections; of clients, Ray itself finds that out.

        Without one, whatever Ray is asked hangs, or makes it start another cluster.
        """
        if not self._ray.is_initialized():
            return False
        host, colon, port = self._head.rpartition(":")
        try:
            if colon:
                socket.create_connection((host.strip("[]"), int(port)), LOOKED_EVERY).close()
        except OSError:
            return False
        return True

    def stop(self, references: list[Any]) -> None:
        """Ask works to stop, and wait until those that train have saved themselves."""
        if not self.stands():
            return
        with suppress(self._ray.exceptions.RayError):
            for reference in references:
                self._ray.cancel(reference, force=False, recursive=False)
            self._ray.wait(references, num_returns=len(references), timeout=SAVED_WITHIN)

    def failed(self, error: Exception) -> RunError:
        """Build the error for a failure of the cluster; the caller raises it."""
        return _failure(_reason(error))

    @contextmanager
    def losses(self) -> Iterator[None]:
        """Say what to do where the cluster itself fails."""
        try:
            yield
        except self._ray.exceptions.RayTaskError:
            raise  # Not the cluster failed, but what it was given.
        except self._ray.exceptions.RayError as error:
            raise self.failed(error) from error
        except ConnectionError as error:  # Of a client.
            raise self.failed(error) from error


@contextmanager
def _mark(folder: Path | None) -> Iterator[Path | None]:
    """Write a file into a folder, for as long as nodes look for it."""
    if folder is None:
        yield None
        return
    mark = folder.absolute() / f".{uuid4().hex}"
    try:
        mark.touch()
    except OSError as error:
        raise cannot_write(mark, error) from error
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _failure(reason: str) -> RunError:
    return RunError(
        f"The Ray cluster failed: {reason}",
        fix="Nothing that has ended is lost. Give the same command again when the cluster is up; "
        "it goes on from where it was.",
    )


def _reason(error: Exception) -> str:
    """Return what is at the bottom of an error of Ray, on a line."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines()
    return lines[-1].strip() if lines else type(cause).__name__


def _node(node: dict[str, Any]) -> Node:
    has = [node["Resources"].get(name, 0.0) for name in _RESOURCES]
    return Node(node["NodeID"], node["NodeManagerAddress"], *has)


def _room(share: Share, node: Node) -> int:
    asked = ((share.cores, node.cores), (share.gpus, node.gpus), (share.memory, node.memory))
    return int(min(has // each for each, has in asked if each))


def _fits(share: Share, node: Node) -> bool:
    enough = share.cores <= node.cores and share.gpus <= node.gpus
    return enough and share.memory <= node.memory
