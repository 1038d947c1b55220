"""The engine room of inference: encoding that is bent for speed, and its plain twin.

`encode_folded` differs from `encode_plainly` by rounding: it adds up in another order. Tests state
how much. Within one of them the codes of an example are the same bits in every call; with the
former they are also independent of threads and of the other examples.
"""

from collections.abc import Callable, Iterable, Iterator

from latentscape.config.parts import EngineName
from latentscape.core.records import Array
from latentscape.inference.batches import Batch, evaluating, to_device
from latentscape.inference.engine.encoding import encode_folded
from latentscape.model import Network

Encoder = Callable[[Network, Iterable[Batch]], Iterator[Array]]
"""From a model and batches to the codes (B, latent_dim) of each batch."""


def encode_plainly(model: Network, batches: Iterable[Batch]) -> Iterator[Array]:
    """Encode batch by batch with the network itself, which must be evaluating."""
    for batch in batches:
        with evaluating():  # Not around the yield: the caller would be evaluating too.
            codes = model.encode(*to_device(model, batch)).cpu().numpy()
        yield codes


def choose_encoder(engine: EngineName, model: Network) -> Encoder:
    """Return the function that an engine encodes with.

    A network of somebody's own may keep what it has seen, and several threads must not call it.
    """
    is_plain = engine == "plain" or not model.config.encoder.is_stock
    return encode_plainly if is_plain else encode_folded
