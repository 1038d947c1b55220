"""Modules that are handed over in Python, as objects: no file says how to make them.

A run keeps their weights, and a name for them. They are remembered here under that name, so that
whatever else this process does with the run has them. Another process needs them once more.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from latentscape.config import ModelConfig, ModuleConfig
from latentscape.core.errors import CodeError, brief

PARTS = ("encoder", "decoder")

_known: dict[str, nn.Module] = {}
"""Modules by the names that settings give them; never trained themselves."""

_offered = ContextVar[Mapping[str, nn.Module]]("offered", default=MappingProxyType({}))


def give(encoder: nn.Module | None, decoder: nn.Module | None) -> dict[str, ModuleConfig]:
    """Remember modules, and return the settings that stand for them.

    Parameters
    ----------
    encoder, decoder : nn.Module or None
        A copy is remembered, weights and all: training starts from it, and never changes the
        modules themselves.

    Returns
    -------
    dict of str to ModuleConfig
        By part; none for a part that is None.

    Raises
    ------
    CodeError
        If one is no module, cannot be copied, or shares weights with the other.
    """
    modules = _checked(encoder, decoder)
    for module in modules.values():
        _remember(_name_of(module), module)
    return {
        part: ModuleConfig(target=name_of_class(module), object_id=_name_of(module))
        for part, module in modules.items()
    }


@contextmanager
def offering(encoder: nn.Module | None, decoder: nn.Module | None) -> Iterator[None]:
    """Let networks that are built within a block take these modules, where they need any."""
    token = _offered.set(_checked(encoder, decoder))
    try:
        yield
    finally:
        _offered.reset(token)


def check_offered(
    config: ModelConfig, encoder: nn.Module | None, decoder: nn.Module | None
) -> None:
    """Refuse modules for parts that are none of the user's own.

    Raises
    ------
    CodeError
        Which says what the part is.
    """
    for part in _checked(encoder, decoder):
        body = getattr(config, part)
        if not isinstance(body, ModuleConfig):
            raise CodeError(
                f"The {part} of this model is of kind {body.kind}, and needs no module",
                fix=f"Leave {part} out.",
            )


def take(config: ModuleConfig, part: str) -> nn.Module | None:
    """Return a copy of the module that settings stand for; None where it is made by its name.

    Raises
    ------
    CodeError
        If it was handed over to another process.
    """
    module = _find(config, part)
    return None if module is None else _copied(module, part)


def class_of(config: ModuleConfig, part: str) -> type[nn.Module] | None:
    """Return the class of that module; see `take`."""
    module = _find(config, part)
    return None if module is None else type(module)


def _find(config: ModuleConfig, part: str) -> nn.Module | None:
    offered = _offered.get().get(part)
    if config.object_id is None:  # Whoever has one of that class need not trust its package.
        is_one = offered is not None and name_of_class(offered) == config.target
        return offered if is_one else None
    if offered is not None:
        _remember(config.object_id, offered)
    if config.object_id not in _known:
        raise CodeError(
            f"The {part} of this model is an object of {config.target}, which was handed over in "
            "Python and is not kept with the model",
            expected=f"it once more in this process: {part}=... of load, resume or train",
        )
    return _known[config.object_id]


def name_of_class(module: nn.Module) -> str:
    """Return where the class of a module is, as ``mypkg.nets:Encoder``."""
    return f"{type(module).__module__}:{type(module).__qualname__}"


def _checked(encoder: Any, decoder: Any) -> dict[str, nn.Module]:
    handed = {part: module for part, module in zip(PARTS, (encoder, decoder), strict=True)}
    modules = {
        part: _unwrapped(module, part) for part, module in handed.items() if module is not None
    }
    tensors = [{id(t) for t in (*m.parameters(), *m.buffers())} for m in modules.values()]
    if len(tensors) == 2 and tensors[0] & tensors[1]:
        raise CodeError(
            "The encoder and the decoder share weights",
            expected="two modules that have nothing in common",
            fix="Make two objects, or a copy: copy.deepcopy(encoder).",
        )
    return modules


def _unwrapped(module: Any, part: str) -> nn.Module:
    """Return the module within what spreads it over devices, or compiles it."""
    if isinstance(module, type) and issubclass(module, nn.Module):
        raise CodeError(
            f"The {part} is the class {module.__qualname__}",
            expected="an object of it",
            fix=f"Make one: {part}={module.__qualname__}(...).",
        )
    if not isinstance(module, nn.Module):
        raise CodeError(f"The {part} is a {type(module).__name__}", expected="a torch.nn.Module")
    refuse_script(module, f"The {part}")
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return _unwrapped(module.module, part)
    return getattr(module, "_orig_mod", module)


def refuse_script(module: nn.Module, subject: str) -> None:
    """Refuse a module that is a program of TorchScript, or holds one: it cannot be looked into."""
    if any(isinstance(layer, torch.jit.ScriptModule) for layer in module.modules()):
        raise CodeError(
            f"{subject} is a program of TorchScript",
            expected="the torch.nn.Module that it was made of",
        )


def _remember(name: str, module: nn.Module) -> None:
    _known[name] = _copied(module, "module").cpu()


def _copied(module: nn.Module, part: str) -> nn.Module:
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise CodeError(
            f"The {part} {name_of_class(module)} cannot be copied: {brief(error)}",
            expected="a module that copy.deepcopy can copy",
        ) from error


def _name_of(module: nn.Module) -> str:
    """Name a module after all that is known of it: its class, its layers, its numbers."""
    digest = sha256(name_of_class(module).encode())
    digest.update(repr(module).encode())
    for path, inner in module.named_modules():
        plain = {
            name: value
            for name, value in vars(inner).items()
            if not name.startswith("_") and name != "training"
        }
        digest.update(json.dumps([path, plain], sort_keys=True, default=_type_name).encode())
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(_bytes_of(value))
    return digest.hexdigest()[:16]


def _type_name(value: object) -> str:
    return type(value).__qualname__


def _bytes_of(value: object) -> bytes:
    if not isinstance(value, Tensor) or nn.parameter.is_lazy(value):
        return type(value).__qualname__.encode()
    flat = value.detach().cpu().contiguous().reshape(-1)
    header = f"{value.dtype}{tuple(value.shape)}".encode()
    return header + flat.view(torch.uint8).numpy().tobytes()
