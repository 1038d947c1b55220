"""How numbers, shares, durations and lists of words are written for people."""

import math
from collections.abc import Sequence

EXACT = 1e-9
"""MSE per pixel below which a reconstruction differs from its image by rounding alone."""

NONE = "–"
FEW = 12  # so many dimensions are named one by one


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with so many significant digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    decimals = _decimals(value, digits)
    if decimals > digits + 5 or abs(value) >= 1e9:
        return _signed(f"{value:.{digits - 1}e}")
    return _signed(f"{value:,.{decimals}f}")


def share(ratio: float | None) -> str:
    """Write a share in percent with one decimal; a dash where there is none."""
    return NONE if ratio is None or not math.isfinite(ratio) else _signed(f"{100 * ratio:.1f} %")


def count(value: int | None) -> str:
    """Write a whole number with separators."""
    return NONE if value is None else f"{value:,}"


def memory_size(size: float) -> str:
    """Write bytes in decimal units, such as 37.6 TB."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    if not math.isfinite(size):
        return "any number of bytes"
    power = 0
    while size >= 999.5 and power < len(units) - 1:
        size, power = size / 1000, power + 1
    return f"{size:,.3g} {units[power]}" if size < 999.5 else f"{size:,.0f} {units[power]}"


def out_of(value: float | None, whole: int) -> str:
    """Write a number and what it is part of; a mean keeps its decimals."""
    if value is None:
        return NONE
    return f"{number(value, 3) if value % 1 else count(int(value))} of {count(whole)}"


def duration(seconds: float | None) -> str:
    """Write a span of time the way people say it."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 120:
        return f"{number(seconds, 3)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def age(seconds: float | None) -> str:
    """Write how long ago something was, in the largest unit that fits: ``3 h``, ``12 days``."""
    if seconds is None:
        return NONE
    for name, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            whole = int(seconds // length)
            return "1 day" if name == "days" and whole == 1 else f"{count(whole)} {name}"
    return f"{int(seconds)} s"


def percent(ratio: float, sign: str = "") -> str:
    """Write a ratio as a percentage, without decimals above ten percent; `sign` may be ``+``."""
    share = 100 * ratio
    return _signed(f"{share:{sign}.{0 if abs(share) >= 10 else 1}f} %")


def shape(sizes: Sequence[int]) -> str:
    """Write a shape as in 1 × 28 × 28."""
    return " × ".join(str(size) for size in sizes)


def dimensions(indices: Sequence[int]) -> str:
    """Name dimensions of the code, counted from 0, or say how many where they are many."""
    if len(indices) > FEW:
        return f"{len(indices)} dimensions"
    return f"dimension{'s' if len(indices) > 1 else ''} {joined([str(i) for i in indices])}"


def joined(words: Sequence[str]) -> str:
    """Join words as in "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _decimals(value: float, digits: int) -> int:
    if value == 0:
        return 0
    # Rounding first, because 0.09999 with two digits is 0.10.
    exponent = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
    return max(digits - 1 - exponent, 0)


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
