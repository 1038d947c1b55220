"""Spaces: which values of settings a search may choose from, as people write them.

``(0, 0.5)`` is a range, ``log(1e-4, 1e-2)`` one in which equal ratios are equally likely, and
``(8, 64, 8)`` one in steps. ``[8, 16, 32]`` are choices.
"""

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml

from latentscape.config.parts import Part, SpaceText
from latentscape.config.reading import override, parse_setting, plain_number
from latentscape.config.recipe import Recipe
from latentscape.core.errors import ConfigError, brief

WAYS = "(low, high), (low, high, step), log(low, high) or a list such as [8, 16, 32]"
"""How the values of a setting are written."""

Key = bool | int | float | str | None
"""What a value is known by: itself, or its text where it is a list or a part."""

_RANGE = re.compile(r"(log)?\s*\(([^()]*)\)")
_INSIDE = 0.381966
"""A share of a range, where its value is no whole number: few settings take both kinds."""


class Range(Part):
    """All numbers between two.

    Attributes
    ----------
    low, high : float
        Both belong to it.
    step : float or None
        What lies between two values; None where there may be any.
    log : bool
        Whether equal ratios are equally likely.
    whole : bool
        Whether only whole numbers belong to it.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def samples(self) -> Iterator[Any]:
        """Yield the values that a recipe has to take if it takes all of them."""
        for value in (self.low, self.high):
            yield int(value) if self.whole else value

    def holds(self, value: Any) -> bool:
        """Whether a value belongs to the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-9

    def key_of(self, value: Any) -> Key:
        """Return what a value of the range is known by: itself."""
        key: Key = value
        return key

    def value_of(self, key: Key) -> Any:
        """Return the value that a key stands for."""
        return key


class Choices(Part):
    """Any of some values."""

    values: tuple[Any, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """What each value is known by."""
        return tuple(map(_key, self.values))

    def samples(self) -> Iterator[Any]:
        """Yield all values."""
        yield from self.values

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them: 1.0 is where 1 is."""
        return any(_is_same(key, _key(value)) for key in self.keys)

    def key_of(self, value: Any) -> Key:
        """Return what one of the values is known by."""
        return next(key for key in self.keys if _is_same(key, _key(value)))

    def value_of(self, key: Key) -> Any:
        """Return the value that a key stands for."""
        return self.values[[*map(repr, self.keys)].index(repr(key))]


Dimension = Range | Choices
Space = Mapping[str, Dimension]
"""Dotted paths of settings, and the values that each may have."""


def parse_space(text: str) -> tuple[str, str]:
    """Part ``path=values`` of the command line.

    Raises
    ------
    ConfigError
        If there is no ``=``.
    """
    path, equals, values = text.partition("=")
    if not equals:
        raise ConfigError(
            f"--space {brief(text)} has no '='",
            expected="PATH=VALUES, as in 'train.lr=log(1e-4, 1e-2)'",
        )
    return path.strip(), values.strip()


def read_space(recipe: Recipe, space: SpaceText) -> dict[str, Dimension]:
    """Read the values of each setting, and see that the recipe can take them.

    Parameters
    ----------
    recipe : Recipe
        What is searched in.
    space : mapping
        Dotted path to values: a text as on the command line, a list of choices, or a pair of
        numbers.

    Raises
    ------
    ConfigError
        For a setting that does not exist (with the nearest that does), values that are none, or
        values that the setting does not take.
    """
    if not space:
        raise ConfigError(
            "There is nothing to search for",
            expected="a setting and its values, as in --space 'train.lr=log(1e-4, 1e-2)'",
        )
    _check_paths(space)
    return {path: _dimension(recipe, path, values) for path, values in space.items()}


def _check_paths(space: SpaceText) -> None:
    for path in space:
        inside = [other for other in space if other.startswith(f"{path}.")]
        # A part may be of another kind only as a whole: its settings differ then.
        if inside:
            raise ConfigError(
                f"The space varies {path} and {inside[0]}, which is a part of it",
                fix=f"Vary {path} as a whole, or its settings.",
            )


def _dimension(recipe: Recipe, path: str, values: Any) -> Dimension:
    dimension = _read_dimension(path, values)
    if isinstance(dimension, Range):
        inside = dimension.low + _INSIDE * (dimension.high - dimension.low)
        if _is_whole(dimension) and not _takes(recipe, path, inside):
            dimension = dimension.model_copy(update={"whole": True, "step": dimension.step or 1})
    for value in dimension.samples():
        try:
            override(recipe, {path: value})
        except ConfigError as error:
            raise ConfigError(f"{path} cannot be searched in {brief(values)}: {error}") from error
    return dimension


def _is_whole(dimension: Range) -> bool:
    bounds = (dimension.low, dimension.high, dimension.step or 1.0)
    return all(float(bound).is_integer() for bound in bounds)


def _takes(recipe: Recipe, path: str, value: Any) -> bool:
    try:
        override(recipe, {path: value})
    except ConfigError:
        return False
    return True


def _read_dimension(path: str, values: Any) -> Dimension:
    if isinstance(values, tuple) and len(values) in (2, 3):
        return _range(path, values, list(values), log=False)
    if isinstance(values, str):
        match = _RANGE.fullmatch(values.strip())
        if match is not None:
            bounds = [_number(path, values, part) for part in match[2].split(",")]
            return _range(path, values, bounds, log=match[1] is not None)
        values = _parse_list(path, values)
    if not isinstance(values, list | tuple):
        raise _unreadable(path, values)
    return _choices(path, values)


def _parse_list(path: str, text: str) -> Any:
    try:
        return parse_setting(f"{path}={text}")[1]
    except ConfigError as error:
        raise _unreadable(path, text) from error


def _choices(path: str, values: Any) -> Choices:
    choices = Choices(values=tuple(map(plain_number, values)))
    if len(choices.values) < 2 or len(set(map(repr, choices.keys))) < len(choices.keys):
        raise ConfigError(
            f"{path} has the choices {brief(list(values))}", expected="two or more, all different"
        )
    return choices


def _range(path: str, text: Any, bounds: list[Any], *, log: bool) -> Range:
    what = f"The range {brief(text)} of {path}"
    numbers = all(isinstance(b, int | float) and math.isfinite(b) for b in bounds)
    if not numbers or len(bounds) not in (2, 3):
        raise ConfigError(f"{what} is none", expected=WAYS)
    low, high, *steps = bounds
    if low >= high:
        raise ConfigError(f"{what} is empty", expected="the smaller number first")
    if log and low <= 0:
        raise ConfigError(f"{what} has no logarithm", expected="numbers above 0 in log(...)")
    if log and steps:
        raise ConfigError(f"{what} has a step", fix="Leave it out: in log(...) ratios are equal.")
    if not steps:
        return Range(low=low, high=high, log=log)
    if not 0 < steps[0] <= high - low:
        raise ConfigError(f"{what} has the step {steps[0]}", expected="one that fits into it")
    # Decimals, because three steps of 0.1 are more than 0.3.
    first, last, step = (Decimal(repr(number)) for number in bounds)
    return Range(low=low, high=float(first + (last - first) // step * step), step=float(step))


def _number(path: str, text: str, part: str) -> float:
    try:
        value = float(part)
    except ValueError:
        raise _unreadable(path, text) from None
    return int(value) if part.strip().lstrip("+-").isdecimal() else value


def _key(value: Any) -> Key:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()


def _is_same(one: Key, other: Key) -> bool:
    """Whether two keys are equal, of which one is no truth value where the other is a number."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _unreadable(path: str, values: object) -> ConfigError:
    return ConfigError(f"{path} has the values {brief(values)}", expected=WAYS)
