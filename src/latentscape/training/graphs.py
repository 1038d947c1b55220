"""Steps that are captured once, with all that they do to memory, and replayed after that.

A small network spends most of a step on deciding what to compute: modules, autograd, autocast. What
they decide is the same at every step, so it is noted once. What a captured step reads has to stand
where it stood: batches are copied into place, and whatever changes from step to step (weights,
moments, the learning rate) is a tensor that stays.
"""

import operator
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from keyword import iskeyword
from typing import Any, Protocol

import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from latentscape.training.batches import Batch

WARM_UPS = 3
"""Steps that are taken as usual first: optimizers make their state, libraries choose kernels."""

Compute = Callable[[], Tensor]


class Capture(Protocol):
    """A way to capture computations."""

    def warm_up(self, compute: Compute) -> Tensor:
        """Compute as usual, in a way that prepares for `capture`."""
        ...

    def capture(self, compute: Compute) -> tuple[Tensor, Compute | None]:
        """Compute; return the result, and what does the same again, None if nothing would."""
        ...


class Graphs:
    """A step, replayed where that is possible; one graph for each size of a batch.

    Parameters
    ----------
    step : callable
        From a batch to its losses; reads nothing else that is not a tensor that stays.
    capture : Capture or None
        None takes every step as usual.
    """

    def __init__(self, step: Callable[[Batch], Tensor], capture: Capture | None) -> None:
        self._step, self._capture = step, capture
        self._taken = Counter[int]()
        self._graphs: dict[int, tuple[Batch, Compute]] = {}

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step."""
        size = len(batch)
        if size in self._graphs:
            place, replay = self._graphs[size]
            place.images.copy_(batch.images)
            if place.labels is not None and batch.labels is not None:
                place.labels.copy_(batch.labels)
            return replay()
        self._taken[size] += 1
        if self._capture is None:
            return self._step(batch)
        if self._taken[size] <= WARM_UPS:
            return self._capture.warm_up(lambda: self._step(batch))
        labels = None if batch.labels is None else batch.labels.clone()
        place = Batch(batch.images.clone(), labels)
        losses, again = self._capture.capture(lambda: self._step(place))
        if again is None:
            self._capture = None
        else:
            self._graphs[size] = place, again
        return losses


class CudaCapture:
    """Captures CUDA graphs: a replay costs one launch, however many operations there are.

    No two of them run at once, so all work in the same memory.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, compute: Compute) -> Tensor:
        """Compute on a stream of its own, as capturing does."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            result = compute()
        torch.cuda.current_stream().wait_stream(self._stream)
        return result

    def capture(self, compute: Compute) -> tuple[Tensor, Compute | None]:
        """Record a graph, which computes nothing, and replay it."""
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph, pool=self._pool):
                result = compute()
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # A capture that fails may leave its own behind.
            warnings.warn(f"Training goes on without a CUDA graph: {error}", stacklevel=2)
            return compute(), None

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay(), replay


class OperationCapture:
    """Notes every operation on tensors, and carries the same ones out again, to the same bits."""

    def warm_up(self, compute: Compute) -> Tensor:
        """Compute."""
        return compute()

    def capture(self, compute: Compute) -> tuple[Tensor, Compute | None]:
        """Compute and take notes."""
        with _Notes() as notes:
            result = compute()
        return result, None if notes.lacking else notes.program(result)


_WAITING = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""Marks of operations whose result depends on the numbers in a tensor."""


class _Notes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes operations, below autograd and autocast, as a graph.

    Attributes
    ----------
    lacking : bool
        Whether the same operations would not do the same again.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lacking = False
        self._graph = fx.Graph()
        self._begin = self._graph.call_function(torch.empty, (0,))  # Constants go before it.
        self._nodes = WeakTensorKeyDictionary()
        self._constants: list[Tensor] = []
        self._made: set[int | None] = {None}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # Or the compiler would be imported, for a second and 100 MB.

    def __torch_dispatch__(
        self,
        function: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        known = tree_map(self._node, (args, kwargs or {}))
        result = function(*args, **(kwargs or {}))
        self.lacking |= bool(_WAITING.intersection(function.tags))
        self.lacking |= iskeyword(function._overloadname)  # Which no code can be made of.
        if function is torch.ops.aten.detach.default:
            self._nodes[result] = known[0][0]
        elif function.namespace != "profiler":
            self._note(self._graph.call_function(function, *known), result)
        return result

    def program(self, result: Tensor) -> Compute:
        """Return what carries out all that was noted, and returns the result."""
        self._graph.output(self._node(result))
        self._graph.erase_node(self._begin)
        # The code that is made frees every tensor after its last use.
        run = partial(fx.GraphModule(nn.Module(), self._graph).forward, *self._constants)

        def replay() -> Tensor:
            with torch.no_grad():
                again: Tensor = run()
                return again

        return replay

    def _note(self, node: fx.Node, result: Any) -> None:
        """Note where results come from; what works in place returns what is known already."""
        if isinstance(result, Tensor) and result not in self._nodes:
            self._nodes[result] = node
            self._made.add(_address(result))
        elif isinstance(result, list | tuple):
            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self._note(self._graph.call_function(operator.getitem, (node, place)), part)

    def _node(self, value: Any) -> Any:
        """Return what stands for a value: the node that makes it, or a constant of the program."""
        if not isinstance(value, Tensor):
            return value
        if value not in self._nodes:
            # Made in this step, in a way that has not been seen: not a tensor that stays.
            self.lacking |= _address(value) in self._made
            with self._graph.inserting_before(self._begin):
                self._nodes[value] = self._graph.placeholder(f"constant_{len(self._constants)}")
            self._constants.append(value)
        return self._nodes[value]


def _address(tensor: Tensor) -> int | None:
    """Return where the numbers of a tensor stand; None where they stand nowhere."""
    try:
        return tensor.untyped_storage().data_ptr()
    except RuntimeError:  # Transformations by functions wrap tensors in others.
        return None


def capture_on(device: torch.device) -> Capture | None:
    """Return how steps are captured on a device; None where they are not."""
    if device.type == "cuda":
        return CudaCapture()
    return OperationCapture() if device.type == "cpu" else None
