"""Capture on the CPU: a step's operations on tensors are recorded, and carried out again.

A step passes through Python modules, autograd and autocast, which call a few hundred operations of
PyTorch's lowest layer (ATen). A dispatch mode sees each of these operations with its arguments. It
writes them into a `torch.fx` graph, whose generated code calls the same operations in the same
order: the same bits, without all that stands above them.
"""

import operator
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from latentscape.training.engine.building import load_kernels
from latentscape.training.engine.fusion import Form, Recording, fuse
from latentscape.training.engine.replay import Results

_DATA_DEPENDENT = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""Marks of operations whose result in Python, or whose shape, depends on numbers in a tensor."""


class OperationCapture:
    """Records every operation on tensors, and carries out the same ones again."""

    def warm_up(self, compute: Callable[[], Results]) -> Results:
        """Compute."""
        return compute()

    def capture(
        self, compute: Callable[[], Results]
    ) -> tuple[Results, Callable[[], Results] | None]:
        """Compute and record."""
        with _Recorder() as recorder:
            result = compute()
        return result, recorder.program(result) if recorder.replayable else None


class Watcher(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operation on tensors."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # Otherwise PyTorch imports its compiler, for a second and 100 MB.


class _Recorder(Watcher):  # type: ignore[no-untyped-call]
    """Records operations, below autograd and autocast, as a graph.

    A tensor is one of two things: the result of a recorded operation, or a constant, which the
    program reads from the memory where it lies now (weights, moments, the batch).

    Attributes
    ----------
    replayable : bool
        Whether the recorded operations would do the same again.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.replayable = True
        self._step = Recording()
        self._nodes = WeakTensorKeyDictionary()
        # Of memory that the step allocated. None stands for a tensor without memory of its own.
        self._addresses: set[int | None] = {None}
        self._outside = set[int | None]()

    def __torch_dispatch__(
        self,
        function: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        arguments = tree_map(self._node, (args, kwargs or {}))
        result = function(*args, **(kwargs or {}))
        if not _repeats(function):
            self.replayable = False
        if function is torch.ops.aten.detach.default:
            # The same memory under another name: the program has no gradients to detach from.
            self._nodes[result] = arguments[0][0]
        elif function.namespace != "profiler":
            self._record(self._step.graph.call_function(function, *arguments), result)
        return result

    def program(self, result: Results) -> Callable[[], Results]:
        """Return a function that carries out all recorded operations and returns the result."""
        self._step.graph.output(tree_map(self._node, result))
        with torch.no_grad():
            fuse(self._step, load_kernels())
        run = self._step.compiled()

        def replay() -> Results:
            with torch.no_grad():
                results: Results = run()
                return results

        return replay

    def _record(self, node: fx.Node, result: Any) -> None:
        """Record which node gives a result.

        An operation that works in place returns a tensor that has a node already, and keeps it.
        """
        if isinstance(result, Tensor) and result not in self._nodes:
            self._nodes[result] = node
            self._step.forms[node] = Form.of(result)
            if (address := _address(result)) not in self._outside:  # It is no view of a constant.
                self._addresses.add(address)
        elif isinstance(result, list | tuple):
            for position, item in enumerate(result):
                if isinstance(item, Tensor):
                    self._record(
                        self._step.graph.call_function(operator.getitem, (node, position)), item
                    )

    def _node(self, value: Any) -> Any:
        """Return the node that gives a tensor, a new constant if none does; no tensor is itself."""
        if not isinstance(value, Tensor):
            return value
        if value not in self._nodes:
            # Memory that this step allocated, in a way that escaped the recorder: another step
            # will allocate other memory, so that it cannot be a constant.
            if _address(value) in self._addresses:
                self.replayable = False
            self._nodes[value] = self._step.constant(value)
            self._outside.add(_address(value))
        return self._nodes[value]


def _repeats(function: Any) -> bool:
    """Tell whether an operation does the same again, and can be written down as code."""
    named_by_keyword = iskeyword(function._overloadname)  # ".from" and the like are no Python.
    return not named_by_keyword and not _DATA_DEPENDENT.intersection(function.tags)


def _address(tensor: Tensor) -> int | None:
    """Return the address of a tensor's memory; None where it has none."""
    try:
        return tensor.untyped_storage().data_ptr()
    except RuntimeError:  # Transformations by torch.func wrap tensors in others.
        return None
