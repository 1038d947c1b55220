"""Metrics: what a number is called, its unit, and how it is written."""

from dataclasses import dataclass

from latentscape.core.findings import Statistic
from latentscape.core.units import NONE, number, share


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

    def write_sd(self, statistic: Statistic | None) -> str:
        """Write a standard deviation with its sign; nothing where a single seed has none."""
        if statistic is None or statistic.sd is None:
            return ""
        return f"± {100 * statistic.sd:.1f}" if self.is_share else f"± {number(statistic.sd, 2)}"

    def write_statistic(self, statistic: Statistic | None) -> str:
        """Write a mean, and its standard deviation where there is one: 54.6 ± 1.2 %."""
        if statistic is None:
            return NONE
        mean, sd = self.write(statistic.mean), self.write_sd(statistic)
        if sd and mean.endswith(" %"):
            return f"{mean.removesuffix(' %')} {sd} %"
        return f"{mean} {sd}".rstrip()

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value is better than another, or as good."""
        return value >= other if self.higher_is_better else value <= other
