"""A recorded step, made shorter: what does not change is taken beforehand, and kernels join passes.

Each change leaves the bits as they are. What is not recognised stays as it was recorded.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, fx

from latentscape.training.engine.kernels import LANES, Kernels

aten = torch.ops.aten

_ADAM = (aten._fused_adam_.tensor_lr, aten._fused_adamw_.tensor_lr)
_SMALL = 1 << 16
"""Numbers of a result up to which it is kept from one step to the next."""

_COLUMNS = (0, 1, 2, 3, 5)
"""Arguments of Adam: weights, gradients, means, mean squares, numbers of steps."""
_NUMBERS = ("beta1", "beta2", "eps")
_OFF = ("weight_decay", "amsgrad", "maximize")
"""Settings that Adam's kernel does without."""


class Form(NamedTuple):
    """How the numbers of a tensor stand in memory."""

    dtype: torch.dtype
    shape: torch.Size
    stride: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> "Form":
        """Return that of a tensor."""
        return cls(tensor.dtype, tensor.shape, tensor.stride())


class Recording:
    """A recorded step.

    Attributes
    ----------
    graph : fx.Graph
        Its operations, behind the placeholders of its constants.
    constants : dict of fx.Node to Tensor
        Tensors that stay at their places in memory, by their placeholders, in order.
    forms : dict of fx.Node to Form
        Of the results.
    """

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self.constants: dict[fx.Node, Tensor] = {}
        self.forms: dict[fx.Node, Form] = {}
        # Constants have to come before all operations: they are inserted before this mark.
        self._first = self.graph.call_function(torch.empty, (0,))

    def constant(self, value: Tensor) -> fx.Node:
        """Add a constant."""
        with self.graph.inserting_before(self._first):
            node = self.graph.placeholder(f"constant_{len(self.constants)}")
        self.constants[node] = value
        return node

    def operations(self) -> list[fx.Node]:
        """Return all operations, in order."""
        return [node for node in self.graph.nodes if node.op == "call_function"]

    def replace(self, node: fx.Node, other: fx.Node) -> None:
        """Replace a result by another one."""
        node.replace_all_uses_with(other)
        self.graph.erase_node(node)

    def compiled(self) -> Callable[[], Any]:
        """Return a function that carries out all operations."""
        self.graph.erase_node(self._first)
        run = fx.GraphModule(torch.nn.Module(), self.graph).forward
        constants = tuple(self.constants.values())
        # The generated code frees every tensor after its last use, as a plain step does.
        return lambda: run(*constants)


def fuse(step: Recording, kernels: Kernels | None) -> None:
    """Make a step shorter."""
    if kernels is not None:
        _round_weights_at_once(step, kernels)
        _compute_likelihoods(step, kernels)
        _pool_by_kernel(step, kernels)
        for node in step.operations():
            if node.target in _ADAM and not any(node.kwargs[name] for name in _OFF):
                _move_by_kernel(step, kernels, node)
    _fold(step)
    _take_views(step)


def _fold(step: Recording) -> None:
    """Compute beforehand what depends on no number: where a gradient begins, and what scales it."""
    values: dict[fx.Node, Tensor] = {}
    for node in step.operations():
        form = step.forms.get(node)
        if form is None or form.shape.numel() > _SMALL or _is_changed(node):
            continue
        if node.target is aten.ones_like.default:
            values[node] = torch.empty_strided(*form[1:], dtype=form.dtype).fill_(1)
        elif _is_pure(node) and node.all_input_nodes and values.keys() >= {*node.all_input_nodes}:
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = cast(Callable[..., Tensor], node.target)(*args, **kwargs)
    for node in reversed(values):
        if not node.users:
            step.graph.erase_node(node)
        elif all(user.op != "output" for user in node.users):  # Whoever gets it may change it.
            step.replace(node, step.constant(values[node]))


def _is_pure(node: fx.Node) -> bool:
    """Tell whether an operation of PyTorch gives the same for the same numbers, and no more."""
    drawn = torch.Tag.nondeterministic_seeded
    return (
        isinstance(node.target, torch._ops.OpOverload)
        and not node.target._schema.is_mutable
        and drawn not in node.target.tags
    )


def _take_views(step: Recording) -> None:
    """Take views of constants once and for all, and leave out transposes of transposes."""
    for node in step.operations():
        source = node.args[0] if node.args else None
        if not (_is_view(node) and isinstance(source, fx.Node)):
            continue
        if node.target is source.target is aten.t.default:
            assert isinstance(source.args[0], fx.Node)
            step.replace(node, source.args[0])
        elif source in step.constants:
            view = node.target(step.constants[source], *node.args[1:], **node.kwargs)  # type: ignore[operator]
            if isinstance(view, Tensor):
                step.replace(node, step.constant(view))


def _round_weights_at_once(step: Recording, kernels: Kernels) -> None:
    """Round all weights that a step begins with to bfloat16, into tensors that stay."""
    rounded = list(_rounded_at_start(step))
    if not rounded:
        return
    sources = [step.constants[node.args[0]] for node in rounded]  # type: ignore[index]
    targets = [torch.empty_like(source, dtype=torch.bfloat16) for source in sources]
    with step.graph.inserting_before(rounded[0]):
        step.graph.call_function(kernels.rounding(sources, targets))
    for node, target in zip(rounded, targets, strict=True):
        step.replace(node, step.constant(target))


def _rounded_at_start(step: Recording) -> Iterator[fx.Node]:
    """Yield the operations that round a constant which no operation before them has changed."""
    changed: set[fx.Node] = set()
    for node in step.operations():
        if _changes(node):
            changed |= {_base(source) for source in node.all_input_nodes}
        elif node.target is aten._to_copy.default and node.kwargs.get("dtype") is torch.bfloat16:
            value = step.constants.get(node.args[0])  # type: ignore[arg-type]
            is_weight = value is not None and _is_dense(value) and value.dtype == torch.float32
            if is_weight and node.args[0] not in changed and not _is_changed(node):
                yield node


def _compute_likelihoods(step: Recording, kernels: Kernels) -> None:
    ours = torch.ops.latentscape
    replaced: dict[Any, Callable[..., Tensor]] = {
        ours.bernoulli_log_prob.default: kernels.bernoulli_log_prob,
        ours.bernoulli_gradient.default: kernels.bernoulli_gradient,
    }
    for node in step.operations():
        node.target = replaced.get(node.target, node.target)


def _pool_by_kernel(step: Recording, kernels: Kernels) -> None:
    """Pool 2 x 2 pixels and note in a byte which was the largest, where PyTorch notes its index."""
    for node in step.operations():
        if node.target is not aten.max_pool2d_with_indices.default or not _pools_halves(step, node):
            continue
        results = {user.args[1]: user for user in node.users}
        backward = list(results[1].users) if 1 in results else []
        if not all(_is_gradient(step, user, results) for user in backward):
            continue
        node.target, node.args = kernels.max_pool, node.args[:1]
        for user in backward:
            user.target, user.args = kernels.max_pool_gradient, (user.args[0], results[1])


def _pools_halves(step: Recording, node: fx.Node) -> bool:
    """Tell whether maps with the channels innermost are cut into squares of 2 x 2 pixels."""
    maps, *settings = node.args
    form = step.forms.get(cast(fx.Node, maps))
    squares = [[2, 2], [2, 2], [0, 0], [1, 1]]
    given = [list(cast(list[int], value)) for value in settings[:4]]
    return (
        form is not None
        and given == squares[: len(given)]
        and len(given) >= 2
        and _has_channels_innermost(form)
        and form.shape[2] % 2 == form.shape[3] % 2 == 0
    )


def _is_gradient(step: Recording, node: fx.Node, results: Mapping[Any, fx.Node]) -> bool:
    """Tell whether an operation is the gradient of pooling, in the layout of what was pooled."""
    form = step.forms.get(cast(fx.Node, node.args[0]))
    return (
        node.target is aten.max_pool2d_with_indices_backward.default
        and node.args[-1] is results[1]
        and form is not None
        and _has_channels_innermost(form)
        and _has_channels_innermost(step.forms[node])
    )


def _has_channels_innermost(form: Form) -> bool:
    """Tell whether maps (B, C, H, W) of several channels have them innermost in memory."""
    if len(form.shape) != 4 or form.shape[1] == 1:
        return False
    _, channels, height, width = form.shape
    strides = (height * width * channels, 1, width * channels, channels)
    return form.stride == strides and form.dtype in (torch.float32, torch.bfloat16)


def _move_by_kernel(step: Recording, kernels: Kernels, node: fx.Node) -> None:
    """Let the kernel count steps and move the weights that it can, by gradients of either type."""
    rows = list(zip(*(cast(list[fx.Node], node.args[i]) for i in _COLUMNS), strict=True))
    counter = _counter(step, [row[-1] for row in rows])
    ours = [row for row in rows if _fits(step, row)]
    if not ours or counter is None:
        return
    weights, gradients, *state = zip(*ours, strict=True)
    moved, *moments = [[step.constants[name] for name in column] for column in (weights, *state)]
    move = kernels.adam(moved, moments, [cast(float, node.kwargs[name]) for name in _NUMBERS])
    given = [_unconverted(step, gradient) for gradient in gradients]
    with step.graph.inserting_before(node):
        step.graph.call_function(move, (node.kwargs["lr"], given))
    others = [
        list(column) for column in zip(*(row for row in rows if row not in ours), strict=True)
    ]
    if others:
        counter.args = (others[-1], 1)
        node.args = (*others[:-1], [], others[-1])
    wholes = dict.fromkeys(part.args[0] for part in gradients if part.target is aten.select.int)
    for left in (*gradients, *wholes, *(() if others else (node, counter))):
        if not left.users:
            step.graph.erase_node(left)


def _counter(step: Recording, counts: list[fx.Node]) -> fx.Node | None:
    """Return the operation that adds one to each of these numbers of steps."""
    adds = (node for node in step.operations() if node.target is aten._foreach_add_.Scalar)
    return next((node for node in adds if node.args == (counts, 1)), None)


def _fits(step: Recording, row: tuple[fx.Node, ...]) -> bool:
    """Tell whether the kernel can move a weight: as a row of vectors, beside all of its state."""
    weight, gradient, *moments, _ = row
    if not all(node in step.constants for node in (weight, *moments)):
        return False
    value, form = step.constants[weight], step.forms.get(gradient)
    forms = [Form.of(step.constants[node]) for node in moments]
    return (
        _is_dense(value)
        and value.numel() % LANES == 0
        and all(other == Form.of(value) for other in (form, *forms))
        and value.dtype == torch.float32
    )


def _unconverted(step: Recording, gradient: fx.Node) -> fx.Node:
    """Return what a gradient was before it was converted from bfloat16, in the same order."""
    source = gradient.args[0] if gradient.args else None
    if gradient.target is aten.select.int and isinstance(source, fx.Node):
        return _part_unconverted(step, gradient, source)
    if gradient.target is not aten._to_copy.default or len(gradient.users) > 1:
        return gradient
    before = step.forms.get(source)  # type: ignore[arg-type]
    same = before is not None and before[1:] == step.forms[gradient][1:]
    return source if same and before.dtype == torch.bfloat16 else gradient  # type: ignore[union-attr,return-value]


def _part_unconverted(step: Recording, part: fx.Node, whole: fx.Node) -> fx.Node:
    """Return the same for the gradient of one of several models, which is a part of all of them."""
    before = whole.args[0] if whole.args else None
    form = step.forms.get(before)  # type: ignore[arg-type]
    is_low = form is not None and form.dtype == torch.bfloat16
    if whole.target is not aten._to_copy.default or not is_low or form[1:] != step.forms[whole][1:]:  # type: ignore[index]
        return part
    with step.graph.inserting_before(part):
        return step.graph.call_function(aten.select.int, (before, *part.args[1:]))


def _is_view(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target.is_view


def _changes(node: fx.Node) -> bool:
    """Tell whether an operation works in place."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _is_changed(node: fx.Node) -> bool:
    """Tell whether an operation changes a result, or a view of it."""
    return any(_changes(user) or (_is_view(user) and _is_changed(user)) for user in node.users)


def _base(node: fx.Node) -> fx.Node:
    """Return what a view is a view of."""
    while _is_view(node) and isinstance(node.args[0], fx.Node):
        node = node.args[0]
    return node


def _is_dense(tensor: Tensor) -> bool:
    """Tell whether numbers fill their memory, in whatever order."""
    # A tensor that is meant to be like it has the same strides exactly then.
    return torch.empty_like(tensor, device="meta").stride() == tensor.stride()
