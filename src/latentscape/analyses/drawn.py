"""Which share of large data analyses have looked at."""

from typing import Self

from latentscape.core.findings import Record
from latentscape.core.records import PARTS, Split
from latentscape.runs.facts import Sizes


class Drawn(Record):
    """How many examples were drawn of the large parts of a split; see `Split.limited`.

    Attributes
    ----------
    sizes : Sizes
        Examples of each part that were looked at.
    of : Sizes
        How many there are.
    """

    sizes: Sizes
    of: Sizes

    @classmethod
    def from_split(cls, split: Split) -> Self | None:
        """Count the examples of a split, and those to be looked at; None where these are all."""
        limited = split.limited()
        if limited is split:
            return None
        return cls(sizes=Sizes(**limited.sizes), of=Sizes(**split.sizes))

    def parts(self) -> dict[str, tuple[int, int]]:
        """Return the parts of which not all examples were looked at, with both numbers."""
        pairs = {part: (getattr(self.sizes, part), getattr(self.of, part)) for part in PARTS}
        return {part: (drawn, every) for part, (drawn, every) in pairs.items() if drawn < every}
