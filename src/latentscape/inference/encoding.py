"""The codes of a stream of examples, which are encoded here or on a Ray cluster."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import chain, tee
from typing import TYPE_CHECKING, TypeAlias

import torch

from latentscape.config import Placement
from latentscape.config.parts import EngineName
from latentscape.core.errors import ConfigError
from latentscape.core.records import Array
from latentscape.core.runtime import choose_device
from latentscape.data import Chunk, Stream, known_labels
from latentscape.data.streams import Ranges
from latentscape.inference.batches import Batch
from latentscape.inference.codec import encode_batches
from latentscape.inference.inputs import rescaled
from latentscape.model import Network
from latentscape.parallel.cluster import Cluster, Share, Shipped
from latentscape.parallel.connection import connected
from latentscape.parallel.tasks import map_on_cluster
from latentscape.runs import ModelFile

if TYPE_CHECKING:
    import pyarrow as pa

Coded: TypeAlias = "tuple[Array, pa.Table | None]"
"""Codes (B, latent_dim) of consecutive examples, and B rows of what goes along with them."""

_Encode = Callable[[Iterable[Batch]], Iterator[Array]]

CHUNKS = 16
"""Chunks of a task on a cluster: it takes long beside what Ray does for it."""


@contextmanager
def encoding(
    model: ModelFile, stream: Stream, device: str, engine: EngineName, placement: Placement
) -> Iterator[Iterator[Coded]]:
    """Encode all examples of a stream, in their order, while a block runs.

    On a cluster, nodes read the examples themselves: each task those of a range. Where only reading
    from the start tells which example is where, and of data in memory, this process sends them.

    Parameters
    ----------
    model : ModelFile
        What encodes them.
    stream : Stream
        Of `latentscape.inference.inputs.stream_inputs`.
    device, engine
        As for `latentscape.embed`.
    placement : Placement
        Where.

    Raises
    ------
    ConfigError, RunError
        If nodes see other data, or the cluster fails.
    """
    if placement.kind != "ray":
        network = model.network.to(choose_device(device))
        encode = partial(encode_batches, network, engine=engine)
        yield _coded(model, stream.name, stream.chunks, encode)
        return
    with connected(placement) as cluster:
        share = cluster.share(None)
        if stream.ranges is not None:
            yield _spread(model, stream, stream.ranges.decided(), device, engine, cluster, share)
            return
        cluster.check(None)
        work = partial(_encode, cluster.ship(model.network), device, engine)
        yield _coded(
            model,
            stream.name,
            stream.chunks,
            lambda batches: map_on_cluster(work, batches, cluster, share),
        )


def _coded(
    model: ModelFile, name: str, chunks: Iterable[Chunk], encode: _Encode
) -> Iterator[Coded]:
    to_encode, rest = tee(chunks)
    codes = encode(batch_of(model, chunk, name) for chunk in to_encode)
    return ((coded, chunk.metadata) for coded, chunk in zip(codes, rest, strict=True))


def batch_of(model: ModelFile, chunk: Chunk, name: str) -> Batch:
    """Return a chunk as a model takes it, with labels if it is conditioned on them.

    Raises
    ------
    ConfigError
        If there are none.
    DataError
        If the model does not know one.
    """
    images = torch.from_numpy(chunk.images)
    if model.network.config.condition is None:
        return images, None
    if chunk.labels is None:
        raise ConfigError(
            f"The model is conditioned on labels, and {name} has none",
            fix="Name their column or file with --labels.",
        )
    return images, torch.from_numpy(known_labels(chunk.labels, model.label_names, name))


def _encode(shipped: Shipped[Network], device: str, engine: EngineName, batch: Batch) -> Array:
    """Encode a batch on a node."""
    [codes] = encode_batches(_opened(shipped, device), [batch], engine)
    return codes


@lru_cache(maxsize=1)
def _opened(shipped: Shipped[Network], device: str) -> Network:
    """Return a network on a device, once for all batches that a process encodes."""
    return shipped.open().to(choose_device(device))


def _spread(
    model: ModelFile,
    stream: Stream,
    ranges: Ranges,
    device: str,
    engine: EngineName,
    cluster: Cluster,
    share: Share,
) -> Iterator[Coded]:
    """Encode ranges of examples, each in a task that reads them itself."""
    cluster.check(None, sources=[ranges])
    shipped = cluster.ship((model, ranges))
    step = CHUNKS * ranges.size
    parts = [(start, min(start + step, len(ranges))) for start in range(0, len(ranges), step)]
    work = partial(_encode_range, shipped, stream.name, device, engine)
    return chain.from_iterable(map_on_cluster(work, parts, cluster, share))


def _encode_range(
    shipped: Shipped[tuple[ModelFile, Ranges]],
    name: str,
    device: str,
    engine: EngineName,
    part: tuple[int, int],
) -> list[Coded]:
    """Read and encode the examples from one place up to another, on a node."""
    model, size, read = _opened_source(shipped, device)
    start, stop = part
    chunks = (
        rescaled(model.network, read(first, min(first + size, stop)), name)
        for first in range(start, stop, size)
    )
    return list(_coded(model, name, chunks, partial(encode_batches, model.network, engine=engine)))


@lru_cache(maxsize=1)
def _opened_source(
    shipped: Shipped[tuple[ModelFile, Ranges]], device: str
) -> tuple[ModelFile, int, Callable[[int, int], Chunk]]:
    """Return a model on a device and what reads examples, once for all ranges of a process."""
    model, ranges = shipped.open()
    model.network.to(choose_device(device))
    return model, ranges.size, ranges.reader()
