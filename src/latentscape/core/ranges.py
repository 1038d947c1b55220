"""Which stored values stand for 0 and for 1: decided by the type of values and by what they are."""

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from latentscape.core.errors import DataError

ValueRange = tuple[float, float]

RangeReason = Literal["setting", "format", "dtype", "content", "unbounded"]
"""Why a range is what it is: whoever uses the data set it; the format or the named source defines
it; the type of values does; the values show it; or values are used as they are, since nothing
bounds them."""

_DEPTHS = (8, 12, 16)
"""Bits of the grey levels that cameras and scanners write."""

_FULL_DEPTHS = (10, 14)
"""Bits that are rarer, so that only the very largest value shows them."""

_DIGITS = (16, 64)
"""The largest value and the number of values of the 8 x 8 digits of UCI and scikit-learn."""


@dataclass(frozen=True)
class Extent:
    """What is known of the values that have been seen.

    Attributes
    ----------
    kind : str
        ``b`` for truth values, ``i`` for integers, ``f`` for floats.
    low, high : float
        The smallest and the largest value.
    is_whole : bool
        Whether all values are whole numbers.
    is_byte : bool
        Whether they are stored as unsigned integers of 8 bits.
    """

    kind: str
    low: float
    high: float
    is_whole: bool
    is_byte: bool

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Look at numbers of any type."""
        kind = values.dtype.kind.replace("u", "i")
        low, high = (values.min(), values.max()) if values.size else (0, 0)
        is_whole = kind != "f" or _are_whole(values)
        return cls(kind, float(low), float(high), is_whole, values.dtype == np.uint8)

    def joined(self, other: "Extent | None") -> "Extent":
        """Return what is known of these and of other values together."""
        if other is None:
            return self
        return Extent(
            max(self.kind, other.kind, key="bif".index),
            min(self.low, other.low),
            max(self.high, other.high),
            self.is_whole and other.is_whole,
            self.is_byte and other.is_byte,
        )

    def is_decided(self, grey_levels: bool) -> bool:
        """Tell whether more values of the same type cannot change the range any more."""
        return self.is_byte and self.high >= (2 if grey_levels else 128)


def choose_range(
    extent: Extent,
    shape: tuple[int, ...],
    origin: str,
    *,
    grey_levels: bool = False,
    known: ValueRange | None = None,
) -> tuple[ValueRange, RangeReason]:
    """Decide which values stand for 0 and for 1.

    Whole numbers that are all 0 or 1 are black and white. Those whose largest one lies in the upper
    half of 8, 12 or 16 bits are grey levels of so many bits. Images of other integers are not
    clear. Floats may also lie between 0 and 1, or reach from -1 to 1. Other floats, and other
    vectors, are used as they are.

    Parameters
    ----------
    extent : Extent
        The type and the bounds of all values.
    shape : tuple of int
        Shape of an example.
    origin : str
        Where the values come from; for the message.
    grey_levels : bool
        Unsigned 8-bit values are levels of grey or colour up to 255, as in an image file.
    known : tuple of float, optional
        The range of the data of a trained model. Values that lie in it, floats, and integers of
        more than 8 bits are read as its own data were; but not shares of 1 where the model was
        trained on integers.

    Returns
    -------
    value_range : tuple of float
        The values that stand for 0 and for 1.
    reason : str
        Why.

    Raises
    ------
    DataError
        For images of integers that can be read in more than one way.
    """
    if extent.kind == "b":
        return (0.0, 1.0), "dtype"
    if known is not None and _is_known(extent, known):
        return known, "setting"
    if extent.is_whole and (clear := _clear(extent, math.prod(shape), grey_levels)):
        return clear
    if extent.kind == "i" and len(shape) > 1:
        fix = (
            f"Say {suggest_ranges(extent.low, extent.high, is_whole=True)} (data.range in Python)."
        )
        raise DataError(
            f"The values of {origin} are whole numbers from {extent.low:.9g} to {extent.high:.9g}, "
            "which do not show what they mean",
            expected="to know which values stand for 0 and for 1",
            fix=fix,
        )
    if (extent.low, extent.high) == (-1, 1) or (extent.low >= 0 and extent.high <= 1):
        return (min(extent.low, 0.0), 1.0), "content"
    return (0.0, 1.0), "unbounded"


def suggest_ranges(low: float, high: float, *, is_whole: bool) -> str:
    """Write the options that say which values stand for 0 and 1, and when each is right.

    Parameters
    ----------
    low, high : float
        The smallest and the largest value.
    is_whole : bool
        Whether all values are whole numbers.
    """
    bounds = f"{min(low, 0):.9g},{high:.9g}"
    option = f"'--range {bounds}' if {high:.9g} is the largest value there can be"
    depth = next((bits for bits in _DEPTHS if high < 1 << bits), None)
    largest = f"{(1 << depth) - 1}" if depth else ""
    is_level = low >= 0 and high >= (2 if is_whole else 64)
    if not is_level or not depth or f"0,{largest}" == bounds:
        return option
    return f"{option}, or '--range 0,{largest}' if they are grey levels of {depth} bits"


def _is_known(extent: Extent, known: ValueRange) -> bool:
    """Tell whether values are to be read as the data of a trained model were."""
    if 0 <= extent.low and extent.high <= 1 < known[1]:
        return False
    is_inside = known[0] <= extent.low and extent.high <= known[1]
    return is_inside or extent.kind == "f" or extent.high > 255


def _are_whole(values: NDArray[Any]) -> bool:
    """Tell whether all numbers are whole; most that are not show it at once."""
    first = values.reshape(-1)[:4096]
    return bool((first == np.trunc(first)).all() and (values == np.trunc(values)).all())


def _clear(extent: Extent, size: int, grey_levels: bool) -> tuple[ValueRange, RangeReason] | None:
    """Return the range of whole numbers, where there is one way to read them."""
    low, high = extent.low, extent.high
    if low < 0:
        return None
    if high == 0:  # Nothing but zeros, which are zero in every range.
        return ((0.0, 1.0) if extent.kind == "f" else (0.0, 255.0)), "dtype"
    if high == 1:
        return (0.0, 1.0), "content"
    if grey_levels and extent.is_byte:
        return (0.0, 255.0), "format"
    if (high, size) == _DIGITS:
        return (0.0, high), "content"
    for bits in _DEPTHS:
        if 1 << (bits - 1) <= high < 1 << bits:
            return (0.0, float((1 << bits) - 1)), "content"
    if high in [(1 << bits) - 1 for bits in _FULL_DEPTHS]:
        return (0.0, high), "content"
    return None
