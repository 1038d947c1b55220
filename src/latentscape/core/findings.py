"""Typed findings: frozen records of facts, and the arrays that belong to them.

A record holds numbers, names, flags and reason codes. Sentences are written where people read.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self
from warnings import warn

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

Scalar = bool | int | float | str

Json = dict[str, Any]
"""A JSON object, where it enters or leaves."""


class Record(BaseModel):
    """Facts that never change, and that refuse what they do not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True
    )


class Part(Record):
    """What one evaluation or analysis has measured of a run. It is kept in a file of its own.

    Attributes
    ----------
    part : str
        Name of the part, and of its file.
    """

    part: ClassVar[str]

    @property
    def values(self) -> Json:
        """Facts as JSON: the name of version 0.1.0 for what fields are now."""
        warn_renamed("values", "its fields, or latentscape.core.findings.to_json")
        return to_json(self)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays by name: the name of version 0.1.0 for what fields are now."""
        warn_renamed("arrays", "its fields, or latentscape.core.findings.take_arrays")
        return take_arrays(self)[1]


def warn_renamed(name: str, today: str) -> None:
    """Warn of an attribute of findings that goes with the next release."""
    message = f"{name} of findings goes with the next release: use {today}"
    warn(message, DeprecationWarning, stacklevel=3)


NORMAL_95 = 1.959964
"""Standard errors within which a normal variable lies with a probability of 95 %."""


class Statistic(Record):
    """A number over several seeds.

    Attributes
    ----------
    mean : float
        Mean over the seeds.
    sd : float or None
        Sample standard deviation; None of a single seed.
    n : int
        How many seeds.
    trials : int or None
        Of a share: how many test examples it is a share of.
    """

    mean: float
    sd: float | None = None
    n: int = 1
    trials: int | None = Field(None, ge=1)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval (95 %) of a share, from the number of examples that it was measured on.

        The score interval of Wilson (1927) also holds for few examples, and for shares of 0 and 1.
        None where the number is not a share of examples.
        """
        if self.trials is None or not 0 <= self.mean <= 1:
            return None
        z, n = NORMAL_95, self.trials
        centre = (self.mean + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n)
        reach *= math.sqrt(self.mean * (1 - self.mean) / n + (z / (2 * n)) ** 2)
        return max(0.0, centre - reach), min(1.0, centre + reach)

    def over(self, trials: int) -> Self:
        """Return the same as a share of so many examples."""
        return self.model_copy(update={"trials": trials})

    @classmethod
    def of(cls, values: Iterable[float | None], trials: int | None = None) -> Self | None:
        """Summarise the values that are there; None where there is none."""
        numbers = [value for value in values if value is not None]
        if not numbers:
            return None
        sd = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
        return cls(mean=float(np.mean(numbers)), sd=sd, n=len(numbers), trials=trials)


class Skip(Record):
    """Something that was not measured, and why.

    Attributes
    ----------
    item : str
        What was skipped: ``umap``, ``accuracy``, ``probes``.
    reason : str
        A code, such as ``no_labels``, that `latentscape.reporting.sentences` or the analysis words.
    detail : dict
        Facts that go into the sentence.
    """

    item: str
    reason: str
    detail: dict[str, Scalar] = {}


MISSING_PACKAGE = "missing_package"
"""Reason of a `Skip` that ends once a package is installed."""


class ArrayRule:
    """What an array of a record has to be.

    Parameters
    ----------
    kinds : str
        NumPy's letters for the kinds of numbers that are allowed: ``f``, ``iu``, ``b``.
    ndims : sequence of int
        Allowed numbers of axes; any where it is empty.
    empty : bool
        Whether there may be no numbers at all.
    """

    def __init__(self, kinds: str, ndims: Sequence[int] = (), *, empty: bool = True) -> None:
        self.kinds, self.ndims, self.empty = kinds, tuple(ndims), empty

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._checked)

    def _checked(self, value: object) -> NDArray[Any]:
        if not isinstance(value, np.ndarray):
            raise ValueError(f"a {type(value).__name__} stands where an array should be")
        if value.dtype.kind not in self.kinds:
            raise ValueError(f"an array of {value.dtype} stands where kinds {self.kinds} belong")
        if self.ndims and value.ndim not in self.ndims:
            raise ValueError(f"an array of {value.ndim} axes stands where {self.ndims} belong")
        if not self.empty and not value.size:
            raise ValueError(f"an array of shape {value.shape} holds nothing")
        return value


Images = Annotated[NDArray[Any], ArrayRule("f", (2, 3, 4, 5, 6), empty=False)]
"""(..., *shape) float32 on the scale 0 to 1; NaN where there is no image."""

Pictures = Annotated[NDArray[Any], ArrayRule("u", (4,), empty=False)]
"""(n, C, h, w) uint8, of one channel or three."""

Floats = Annotated[NDArray[Any], ArrayRule("f", (1,))]
Matrix = Annotated[NDArray[Any], ArrayRule("f", (2,))]
Integers = Annotated[NDArray[Any], ArrayRule("iu", (1,))]
IntegerMatrix = Annotated[NDArray[Any], ArrayRule("iu", (2,))]
Flags = Annotated[NDArray[Any], ArrayRule("b", (1,))]


Share = Annotated[float, Field(ge=0, le=1)]
"""A share of examples."""


def check_lengths(**lengths: int) -> None:
    """Refuse fields of a record whose lengths differ.

    Raises
    ------
    ValueError
        Which names them.
    """
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"these belong together and differ in length: {sizes}")


def to_json(record: Record) -> Json:
    """Return a record as JSON, without its arrays."""
    return dict(drop_arrays(_without_arrays(record.model_dump(mode="python"), "", {})))


def take_arrays(part: Part) -> tuple[Json, dict[str, NDArray[Any]]]:
    """Return a part as JSON, in which names stand for arrays, and the arrays by these names."""
    return split_arrays(part.model_dump(mode="python"))


def split_arrays(content: Json) -> tuple[Json, dict[str, NDArray[Any]]]:
    """Return JSON in which names stand for arrays, and the arrays by these names."""
    arrays: dict[str, NDArray[Any]] = {}
    return dict(_without_arrays(content, "", arrays)), arrays


def put_arrays(content: object, arrays: Mapping[str, NDArray[Any]]) -> object:
    """Put arrays back where `take_arrays` has left their names.

    Raises
    ------
    ValueError
        If there is no array of a name.
    """
    if isinstance(content, list):
        return [put_arrays(item, arrays) for item in content]
    if not isinstance(content, dict):
        return content
    if _is_reference(content):
        name = content[_REFERENCE]
        if name not in arrays:
            raise ValueError(f"the array {name} is missing")
        return arrays[name]
    return {key: put_arrays(item, arrays) for key, item in content.items()}


def drop_arrays(content: Any) -> Any:
    """Return JSON of `take_arrays` without the names of arrays."""
    if isinstance(content, list):
        return [drop_arrays(item) for item in content if not _is_reference(item)]
    if isinstance(content, dict):
        return {k: drop_arrays(item) for k, item in content.items() if not _is_reference(item)}
    return content


_REFERENCE = "__array__"
"""Key of the name of an array. No label is called so."""


def _is_reference(content: object) -> bool:
    """Whether JSON is the name of an array."""
    return (
        isinstance(content, dict)
        and content.keys() == {_REFERENCE}
        and isinstance(content[_REFERENCE], str)
    )


def _without_arrays(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {_REFERENCE: path}
    if isinstance(value, Mapping):
        return {k: _without_arrays(v, f"{path}/{k}".lstrip("/"), arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(v, f"{path}/{i}", arrays) for i, v in enumerate(value)]
    return value
