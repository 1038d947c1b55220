"""Kernels of our own: operations that PyTorch takes in several passes over memory, each in one.

They stand in ``kernels.c``. `latentscape.training.engine.building` has it compiled by the system's
C compiler when training needs it first, which takes a second or two, and keeps it in the cache. The
kernels come to the bits of PyTorch's operations, which is tried whenever they are loaded. So
training goes on without them, and comes to the same, where there is no compiler, or where the
processor is another one than they are written for.
"""

import ctypes
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from latentscape.model.likelihoods import bernoulli_gradient, bernoulli_log_prob

LANES = 16
"""Numbers that the kernels take together."""

_UNROLLED = 2 * LANES
"""Numbers that PyTorch's operations take together; it computes a rest by other functions."""

_PARALLEL_FROM = 32768
"""Numbers from which on PyTorch shares an operation among threads, each of which gets as many."""


class Kernels:
    """The compiled kernels.

    Parameters
    ----------
    library : ctypes.CDLL
        What ``kernels.c`` is compiled to.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library

    def rounding(self, sources: Sequence[Tensor], targets: Sequence[Tensor]) -> Callable[[], None]:
        """Return a function that rounds float32 tensors into bfloat16 ones of the same layout."""
        places = (_places(sources), _places(targets))
        arguments = (ctypes.c_int64(len(sources)), _sizes(sources), *places)

        def round_all() -> None:
            self._library.round_all(*arguments)

        return round_all

    def adam(
        self,
        weights: Sequence[Tensor],
        state: Sequence[Sequence[Tensor]],
        numbers: Sequence[float],
    ) -> Callable[[Tensor, Sequence[Tensor]], None]:
        """Return a function from a rate and gradients that moves weights by Adam.

        Gradients may be bfloat16, and have the layout of the weights.

        Parameters
        ----------
        weights : sequence of Tensor
            Each of a multiple of `LANES` numbers.
        state : sequence of sequence of Tensor
            Their mean gradients, mean squares, and how many steps there were before.
        numbers : sequence of float
            The two betas, and epsilon.
        """
        count, constants = ctypes.c_int64(len(weights)), tuple(map(ctypes.c_double, numbers))
        sizes, moved = _sizes(weights), _places(weights)
        moments = tuple(map(_places, state))

        def adam(rate: Tensor, gradients: Sequence[Tensor]) -> None:
            low = _array([gradient.dtype == torch.bfloat16 for gradient in gradients])
            given, now = _places(gradients), ctypes.c_double(rate.item())
            self._library.adam(count, sizes, moved, given, low, *moments, now, *constants)

        return adam

    def bernoulli_log_prob(self, logits: Tensor, images: Tensor) -> Tensor:
        """Do what `latentscape.model.likelihoods.bernoulli_log_prob` does."""
        if not _fits(logits, images):
            return bernoulli_log_prob(logits, images)
        log_probs, sums = torch.empty_like(images), []
        for part in logits.unbind():
            self._library.bernoulli(*_numbers(part), *_pointers(images, log_probs))
            sums.append(log_probs.sum(-1))
        return torch.stack(sums)

    def bernoulli_gradient(self, logits: Tensor, images: Tensor, gradient: Tensor) -> Tensor:
        """Do what `latentscape.model.likelihoods.bernoulli_gradient` does."""
        if not _fits(logits, images):
            return bernoulli_gradient(logits, images, gradient)
        result = torch.empty_like(logits)
        for part, factors, target in zip(logits, gradient.contiguous(), result, strict=True):
            pointers = _pointers(images, factors, target)
            self._library.bernoulli_gradient(*_numbers(part), *pointers)
        return result

    def max_pool(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the largest of each 2 x 2 pixels, and which of the four it is.

        Maps (B, C, H, W) of even height and width have the channels innermost.
        """
        pooled = _with_size(maps, maps.shape[2] // 2, maps.shape[3] // 2)
        places = torch.empty_like(pooled, dtype=torch.uint8)
        pool = self._of_type("pool", pooled)
        pool(*_rows(pooled), *_pointers(maps, pooled, places))
        return pooled, places

    def max_pool_gradient(self, gradient: Tensor, places: Tensor) -> Tensor:
        """Return the gradient for the maps of `max_pool`, from that for what it pooled."""
        maps = _with_size(gradient, gradient.shape[2] * 2, gradient.shape[3] * 2)
        pool_gradient = self._of_type("pool_gradient", gradient)
        pool_gradient(*_rows(gradient), *_pointers(gradient, places, maps))
        return maps

    def _of_type(self, name: str, maps: Tensor) -> Callable[..., None]:
        function: Callable[..., None] = self._library[f"{name}_{str(maps.dtype)[len('torch.') :]}"]
        return function


def _with_size(maps: Tensor, height: int, width: int) -> Tensor:
    """Return maps of another size, with the channels innermost."""
    shape = (*maps.shape[:2], height, width)
    return torch.empty(shape, dtype=maps.dtype, memory_format=torch.channels_last)


def _rows(maps: Tensor) -> tuple[ctypes.c_int64, ...]:
    """Return how many rows of pixels maps (B, C, H, W) have, their length, and the channels."""
    count, channels, height, width = maps.shape
    return ctypes.c_int64(count * height), ctypes.c_int64(width), ctypes.c_int64(channels)


def _fits(logits: Tensor, images: Tensor) -> bool:
    """Tell whether PyTorch computes all numbers by the functions that the kernels call.

    It computes by others what is left over behind the last vector of a thread.
    """
    count = images.numel()
    threads = min(torch.get_num_threads(), -(-count // _PARALLEL_FROM))
    return (
        images.shape[-1] % LANES == 0
        and count % (threads * _UNROLLED) == 0
        and logits.is_contiguous()
        and images.is_contiguous()
        and images.dtype == torch.float32
        and logits.dtype in (torch.float32, torch.bfloat16)
    )


def _numbers(
    rows: Tensor,
) -> tuple[ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]:
    """Return how many rows there are, and numbers in a row; where; and whether in bfloat16."""
    count, size = map(ctypes.c_int64, rows.shape)
    is_low = ctypes.c_int64(rows.dtype == torch.bfloat16)
    return count, size, ctypes.c_void_p(rows.data_ptr()), is_low


def _pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]


def _places(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_int64]:
    return _array([tensor.data_ptr() for tensor in tensors])


def _sizes(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_int64]:
    return _array([tensor.numel() for tensor in tensors])


def _array(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    return (ctypes.c_int64 * len(numbers))(*numbers)
