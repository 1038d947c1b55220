"""Building an encoder or a decoder of the user's own, and refusing one that does not fit."""

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import nn

from latentscape.config import ModuleConfig
from latentscape.core.errors import CodeError, brief
from latentscape.core.trust import import_object
from latentscape.model.layers import Unflatten
from latentscape.model.own.giving import refuse_script, take
from latentscape.model.own.module import OwnModule, Shape, raised
from latentscape.model.own.sources import tell_change


def own_encoder(config: ModuleConfig, shape: Sequence[int]) -> tuple[nn.Sequential, Shape]:
    """Build an encoder: a module from (B, *shape) to (B, ...), and what flattens its features.

    Returns
    -------
    nn.Sequential
        (B, *shape) to (B, features).
    tuple of int
        Shape of the features before they are flattened.

    Raises
    ------
    CodeError
        If there is no such module, its package is not trusted, or it does not fit.
    """
    own = _own_module(config, "encoder", tuple(shape), {"shape": tuple(shape)})
    flatten = [nn.Flatten()] if len(own.output_shape) > 1 else []
    return nn.Sequential(own, *flatten), own.output_shape


def own_decoder(config: ModuleConfig, code_shape: Shape, shape: Sequence[int]) -> nn.Sequential:
    """Build a decoder: a module from (B, *code_shape) to (B, *shape), or to as many numbers.

    Returns
    -------
    nn.Sequential
        (B, D) to (B, *shape).

    Raises
    ------
    CodeError
        As for `own_encoder`.
    """
    shape, code_shape = tuple(shape), tuple(code_shape)
    own = _own_module(config, "decoder", code_shape, {"shape": shape, "code_shape": code_shape})
    layers: list[nn.Module] = [Unflatten(1, code_shape)] if len(code_shape) > 1 else []
    layers.append(own)
    if own.output_shape == (math.prod(shape),) != shape:
        layers.append(nn.Unflatten(1, shape))
    elif own.output_shape != shape:
        raise CodeError(
            f"{own.subject} makes {own.output_shape} of a code {code_shape}",
            expected=f"the shape of an example, {shape}, or {math.prod(shape)} numbers",
            fix="Change its last layer, or what it is made with (model.decoder.arguments).",
        )
    return nn.Sequential(*layers)


def _own_module(
    config: ModuleConfig, part: str, takes: Shape, filled: Mapping[str, Shape]
) -> OwnModule:
    is_outline = torch.get_default_device().type == "meta"
    with torch.device("cpu"):  # Somebody's constructor may look at numbers, and outlines have none.
        module = take(config, part)
        if module is None:
            maker = import_object(config.target, part)
            tell_change(config, part, maker)
            module = _made(maker, config, part, filled)
        else:
            tell_change(config, part, type(module))
        own = OwnModule(module, part, config.target)
        own.look_into(takes)
    return own.to("meta") if is_outline else own


def _made(maker: Any, config: ModuleConfig, part: str, filled: Mapping[str, Shape]) -> nn.Module:
    """Make a module with what its settings name."""
    subject = f"The {part} {config.target}"
    _check_maker(maker, subject)
    arguments = _arguments(maker, config, subject, filled)
    try:
        with redirect_stdout(sys.stderr):  # What it prints is no answer of a command.
            module = maker(**arguments)
    except (Exception, SystemExit) as error:
        raise raised(subject, f"when it was made with {brief(arguments)}", error) from error
    if not isinstance(module, nn.Module):
        raise CodeError(f"{subject} makes a {type(module).__name__}", expected="a torch.nn.Module")
    refuse_script(module, subject)
    return module


def _check_maker(maker: Any, subject: str) -> None:
    """Refuse what makes no network; of PyTorch's functions, some run code that a file holds."""
    is_class = isinstance(maker, type)
    if not callable(maker) or (is_class and not issubclass(maker, nn.Module)):
        raise CodeError(
            f"{subject} is a class that is no torch.nn.Module"
            if is_class
            else f"{subject} is no network but a {type(maker).__name__}",
            expected="a subclass of torch.nn.Module, or a function that makes one",
        )
    if not is_class and str(getattr(maker, "__module__", "")).partition(".")[0] == "torch":
        raise CodeError(
            f"{subject} is a function of PyTorch",
            expected="a class of PyTorch, such as torch.nn:Linear, or a function of your own",
        )


def _arguments(
    maker: Callable[..., Any], config: ModuleConfig, subject: str, filled: Mapping[str, Shape]
) -> dict[str, object]:
    """Return the arguments of the settings, and shapes where they are asked for by name."""
    try:
        signature = inspect.signature(maker)
    except (TypeError, ValueError):  # Written in C.
        return dict(config.arguments)
    named = {
        name
        for name, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    shapes = {name: shape for name, shape in filled.items() if name in named}
    arguments = {**shapes, **config.arguments}
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise CodeError(
            f"{subject} cannot be made with the arguments {brief(arguments)}: {error}",
            expected=f"those of {config.target.partition(':')[2]}{brief(signature)}",
        ) from error
    return arguments
