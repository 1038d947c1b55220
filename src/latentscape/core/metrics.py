"""Metrics: what a number is called, its unit, and how it is written."""

from dataclasses import dataclass

from latentscape.core.findings import Statistic
from latentscape.core.units import NONE, number, share

WIDE = 10
"""Width of an interval, in percentage points, from which on its ends have no decimals."""


@dataclass(frozen=True)
class Metric:
    """What a number is called, and how it is written.

    Attributes
    ----------
    key : str
        Its name in files and recipes: ``mse``.
    name, unit : str
        What people read.
    higher_is_better : bool
        Which way it is better.
    is_share : bool
        Whether it is a share of examples, written in percent.
    is_count : bool
        Whether a single value is a whole number.
    digits : int
        Significant digits.
    about : str
        What it means, in a sentence.
    rank : int
        On a narrow terminal the columns of the highest rank go first. Rank 0 stays.
    """

    key: str
    name: str
    unit: str = ""
    higher_is_better: bool = False
    is_share: bool = False
    is_count: bool = False
    digits: int = 4
    about: str = ""
    rank: int = 7

    @property
    def title(self) -> str:
        """Name and unit: ``NLL, nats per image``."""
        return ", ".join(filter(None, [self.name, self.unit]))

    def write(self, value: float | None) -> str:
        """Write a value as it is read: 54.6 %, 9, 0.01235; a dash where there is none."""
        if self.is_share:
            return share(value)
        if self.is_count and value is not None and not value % 1:
            return f"{int(value):,}"
        return number(value, self.digits)

    def write_spread(self, statistic: Statistic | None) -> str:
        """Write what stands beside a mean: ``± 0.4, 95.1–97.3``.

        These are a standard deviation over repetitions, where there are several that differ, and
        what so many test examples leave open, where it is a share of them.
        """
        if statistic is None:
            return ""
        return ", ".join(filter(None, [self._deviation(statistic), self._interval(statistic)]))

    def write_statistic(self, statistic: Statistic | None) -> str:
        """Write a mean with all that stands beside it: 54.6 ± 1.2 % (51.5–57.7)."""
        if statistic is None:
            return NONE
        mean, deviation = self.write(statistic.mean), self._deviation(statistic)
        if deviation and mean.endswith(" %"):
            mean = f"{mean.removesuffix(' %')} {deviation} %"
        elif deviation:
            mean = f"{mean} {deviation}"
        interval = self._interval(statistic)
        return f"{mean} ({interval})" if interval else mean

    def _deviation(self, statistic: Statistic) -> str:
        # Shares of a few examples are often all the same: that they are certain would be wrong.
        if statistic.sd is None or (self.is_share and not statistic.sd):
            return ""
        if self.is_share:
            percent = 100 * statistic.sd
            return f"± {percent:.1f}" if percent >= 0.05 else f"± {number(percent, 1)}"
        return f"± {number(statistic.sd, 2)}"

    def _interval(self, statistic: Statistic) -> str:
        if not self.is_share or statistic.interval is None:
            return ""
        low, high = (100 * end for end in statistic.interval)
        decimals = 0 if high - low >= WIDE else 1
        return f"{low:.{decimals}f}–{high:.{decimals}f}"

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another, or as good."""
        return value >= other if self.higher_is_better else value <= other
