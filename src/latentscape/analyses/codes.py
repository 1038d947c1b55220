"""What an analysis has measured of one code."""

from pydantic import Field

from latentscape.core.findings import Record, Skip


class CodeResult(Record):
    """A code, and what was measured of it.

    Attributes
    ----------
    name : str
        What the code is called.
    kind : str
        As of `latentscape.core.records.Codes`: ``model``, ``pixels``, ``pca`` or ``other``.
    dim : int
        Length of a code.
    skipped : tuple of Skip
        What was not measured of it, and why.
    """

    name: str
    kind: str = Field(pattern="^(model|pixels|pca|other)$")
    dim: int = Field(ge=1)
    skipped: tuple[Skip, ...] = ()
