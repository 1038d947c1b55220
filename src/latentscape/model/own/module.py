"""A module of the user's own within a network, and what is known of it."""

import copy
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentscape.core.errors import CodeError, LatentscapeError, brief
from latentscape.model.description import LayerFacts, Opaque, count_parameters, layer_name

Shape = tuple[int, ...]

PROBED = (2, 1)
"""Examples that a module is tried with: one alone must be treated as one among others."""

KEPT = {
    torch.float32,
    torch.float64,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
}
"""Types of numbers that model files hold."""


class OwnModule(Opaque):
    """A module of the user's own; what it raises is told as an error of theirs.

    Parameters
    ----------
    module : nn.Module
        Theirs, on the CPU.
    part, target : str
        ``encoder`` or ``decoder``, and the name of its class.
    """

    def __init__(self, module: nn.Module, part: str, target: str) -> None:
        super().__init__()
        self.module, self.subject = module, f"The {part} {target}"

    def forward(self, values: Tensor) -> Tensor:
        """Call the module."""
        try:
            outputs: Tensor = self.module(values)
        except LatentscapeError:
            raise
        except Exception as error:
            shape = tuple(values.shape)
            raise raised(self.subject, f"over a batch {shape}", error) from error
        return outputs

    def look_into(self, shape: Shape) -> None:
        """Learn layers and output shape from zeros (B, *shape), and refuse what cannot be trained.

        The module evaluates meanwhile. Lazy layers get their weights.

        Raises
        ------
        CodeError
            If the module raises, or gives or holds anything that a model cannot use.
        """
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad(), redirect_stdout(sys.stderr), _watching(self.module) as layers:
                first, *others = (self._output_shape(count, shape) for count in PROBED)
        finally:
            self.train(was_training)
        if any(other != first for other in others):
            raise CodeError(
                f"{self.subject} gives {first} for each of two examples, and {others[0]} for one "
                "alone",
                expected="the same shape, whatever the number of examples",
            )
        self._check_state()
        self.output_shape, self.layers = first, self._facts(layers, first)

    def _output_shape(self, count: int, shape: Shape) -> Shape:
        outputs: Any = self(torch.zeros(count, *shape))
        takes = f"a tensor ({count}, ...) of float32, for a batch {(count, *shape)}"
        if not isinstance(outputs, Tensor):
            raise CodeError(f"{self.subject} gives a {type(outputs).__name__}", expected=takes)
        if outputs.dim() < 2 or len(outputs) != count or outputs.dtype != torch.float32:
            kind = str(outputs.dtype).removeprefix("torch.")
            raise CodeError(
                f"{self.subject} gives a tensor {tuple(outputs.shape)} of {kind}", expected=takes
            )
        return tuple(outputs.shape[1:])

    def _check_state(self) -> None:
        """Refuse weights and buffers that no model file could hold."""
        for name, value in self.module.state_dict().items():
            if not isinstance(value, Tensor) or value.dtype not in KEPT or value.is_sparse:
                kind = getattr(value, "dtype", type(value).__name__)
                raise CodeError(
                    f"{self.subject} keeps {name}, which is of type {kind}",
                    expected="tensors of float32, of integers or of booleans",
                )
            if not bool(torch.isfinite(value).all()):
                raise CodeError(
                    f"{self.subject} keeps numbers in {name} that are NaN or infinite",
                    fix="Register such a buffer with persistent=False.",
                )

    def _facts(self, layers: list[LayerFacts], output: Shape) -> tuple[LayerFacts, ...]:
        """Return the layers in the order of their calls, and what is left beside them."""
        facts = [*layers]
        left = count_parameters(self.module) - sum(parameters for _, _, parameters in layers)
        if left or not facts or facts[-1][1] != output:
            facts.append((type(self.module).__name__, output, left))
        return tuple(facts)


def raised(subject: str, occasion: str, error: BaseException) -> CodeError:
    """Build the error for what code of the user's own has raised; to be raised by the caller."""
    got = f"{subject} raised {type(error).__name__} {occasion}: {brief(error)}"
    return CodeError(got, fix=_place(error))


def misfit(name: str, stored: Tensor | None, needed: Tensor | None) -> CodeError:
    """Build the error for a weight that is not that of a network of the user's own."""
    kept, own = ("no such weight" if t is None else str(tuple(t.shape)) for t in (stored, needed))
    return CodeError(
        f"The weights that are kept do not fit the network of your own: {name} is {kept}, and the "
        f"network has {own}",
        expected="the same class, made with the same arguments, as when it was trained",
    )


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy tensors that share memory: of a layer that stands at two places of a module.

    Safetensors, the format of model files and of checkpoints, takes no such tensors.
    """
    seen, separate = set[int](), dict[str, Tensor]()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        separate[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return separate


def own_in(model: nn.Module) -> dict[str, nn.Module]:
    """Return copies of the user's own encoder and decoder in a network, on the CPU, by part."""
    return {
        part: copy.deepcopy(layer.module).cpu()
        for part in ("encoder", "decoder")
        for layer in model.get_submodule(part).children()
        if isinstance(layer, OwnModule)
    }


def stock_modules(model: nn.Module) -> Iterator[nn.Module]:
    """Yield all modules of a network but those of the user's own."""
    if isinstance(model, OwnModule):
        return
    yield model
    for child in model.children():
        yield from stock_modules(child)


def _place(error: BaseException) -> str:
    """Say in which line of their code an error was raised, where it is not PyTorch's."""
    ours = (Path(__file__), Path(torch.__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(Path(frame.filename).is_relative_to(place) for place in ours)
    ]
    return f"Look at line {frames[-1].lineno} of {frames[-1].filename}." if frames else ""


@contextmanager
def _watching(module: nn.Module) -> Iterator[list[LayerFacts]]:
    """Collect what the layers put out that are called: modules without others in them."""
    layers, counted = list[LayerFacts](), set[int]()

    def look(layer: nn.Module, inputs: Any, outputs: Any) -> None:
        tensors = outputs if isinstance(outputs, tuple | list) else (outputs,)
        first = next((item for item in tensors if isinstance(item, Tensor)), None)
        if first is None or len(first) != PROBED[0]:  # The second call shows nothing new.
            return
        weights = [p for p in layer.parameters() if id(p) not in counted]
        counted.update(map(id, weights))
        parameters = sum(weight.numel() for weight in weights)
        layers.append((layer_name(layer), tuple(first.shape[1:]), parameters))

    inner = [layer for layer in module.modules() if not any(True for _ in layer.children())]
    hooks = [layer.register_forward_hook(look) for layer in inner]
    try:
        yield layers
    finally:
        for hook in hooks:
            hook.remove()
