"""Codes compared: a run's, those of its baselines, and those that were made elsewhere."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from latentscape.analyses.drawn import Drawn
from latentscape.analyses.relabelling import labels_of_run, relabelled
from latentscape.config import Changes, DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array, Codes, Dataset, Split
from latentscape.data import (
    as_dataset,
    dataset_of_arrays,
    load_dataset,
    split_dataset,
)
from latentscape.data.arrays import map_array
from latentscape.evaluation.baselines import pca
from latentscape.evaluation.codes import (
    Encoder,
    array_codes,
    encoder_codes,
    model_codes,
    pca_codes,
    pixel_codes,
)
from latentscape.inference.codec import Reconstruct
from latentscape.inference.inputs import Source, conversions, read_inputs
from latentscape.model import Network
from latentscape.runs import OpenRun, Run

CodeSource = str | Path | Array | Encoder
"""Codes made elsewhere: a file, an array, or a function from stored images to codes."""

_T = TypeVar("_T")


@dataclass(eq=False)
class Baselines:
    """What codes are compared with, on the same examples.

    The runs of a study on the same examples share it, so that nothing is computed twice.

    Attributes
    ----------
    split : Split
        The examples: of those that it is made with, the ones that analyses look at.
    drawn : Drawn or None
        How many these are, where they are not all.
    whole : Split
        All examples.
    """

    split: Split
    drawn: Drawn | None = None
    _cache: dict[Hashable, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = self.split
        self.drawn = self.drawn or Drawn.from_split(self.split)
        self.split = self.split.limited()

    def once(self, key: Hashable, compute: Callable[[], _T]) -> _T:
        """Return what `compute` returned when this key was first asked for."""
        if key not in self._cache:
            self._cache[key] = compute()
        return cast(_T, self._cache[key])

    def has(self, key: Hashable) -> bool:
        """Whether that was computed."""
        return key in self._cache

    def pixels(self) -> Codes:
        """Return the images themselves, as codes."""
        return self.once("pixels", lambda: pixel_codes(self.split))

    def pca(self, dim: int) -> Codes:
        """Return codes of `dim` principal components."""
        return self.once(("pca", dim), lambda: pca_codes(self.pixels(), dim))

    def linear(self, components: int) -> Reconstruct:
        """Return a function that reconstructs images from principal components."""
        return self.once(("linear", components), lambda: pca(self.split, components)[0])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Codes of the same examples, side by side.

    Attributes
    ----------
    baselines : Baselines
        The examples, and what codes are compared with.
    rows : tuple of Codes
        The run's model first, then the baselines, then codes made elsewhere.
    opened : OpenRun or None
        The run, where there is one.
    has_own_labels : bool
        Whether the labels are those of the run's data; results with others are not kept with it.
    """

    baselines: Baselines
    rows: tuple[Codes, ...]
    opened: OpenRun | None = None
    has_own_labels: bool = True

    @property
    def split(self) -> Split:
        """The examples."""
        return self.baselines.split

    @property
    def model(self) -> Network:
        """The model of the run.

        Raises
        ------
        ConfigError
            If there are codes alone.
        """
        if self.opened is None:
            raise ConfigError("Codes alone have no model", expected="a run")
        return self.opened.model

    def read(self, source: Source, changes: Changes | None = None) -> Dataset:
        """Read other examples as the model takes them; see `read_inputs`."""
        model, names = self.model, self.split.dataset.label_names
        assert self.opened is not None
        return read_inputs(model, source, names, conversions(self.opened.recipe, changes))

    def each(self, key: Hashable, measure: Callable[[Codes], _T]) -> tuple[_T, ...]:
        """Measure all codes, those of baselines once on the same examples."""

        def result(codes: Codes) -> _T:
            if codes.kind == "model":
                return measure(codes)
            return self.baselines.once((key, codes.name), lambda: measure(codes))

        return tuple(map(result, self.rows))

    def pending(self, key: Hashable) -> list[Codes]:
        """Return the codes that `each` would measure."""
        return [
            codes
            for codes in self.rows
            if codes.kind == "model" or not self.baselines.has((key, codes.name))
        ]


def compare_codes(
    run: str | Path | Run | OpenRun | None = None,
    *,
    codes: Mapping[str, CodeSource] | None = None,
    labels: str | Path | Array | None = None,
    data: object = None,
    device: str = "auto",
    baselines: Baselines | None = None,
) -> Comparison:
    """Encode the examples of a run, and put its baselines and other codes beside it.

    Parameters
    ----------
    run : str, Path or Run, optional
        A finished run.
    codes : mapping, optional
        Name to codes made elsewhere: of all examples in the order of the data, or a function from
        stored images (n, *shape) to codes (n, D).
    labels : str, Path or ndarray, optional
        Labels (N,) of codes that come without a run and without data; or other labels of the
        examples of a run: an array, or a file of labels by row. Examples without one are left out.
    data : str, Path or data in memory, optional
        The data that codes without a run were made of; of a run, the data that it was trained on,
        where they were in memory or have moved.
    device : str
        As for `train`.
    baselines : Baselines, optional
        On the examples of the run, where they are loaded already.

    Raises
    ------
    ConfigError
        If there is neither a run nor codes.
    DataError
        If codes, labels and examples do not go together.
    RunError
        If the run is not finished or damaged.
    """
    sources = dict(codes or {})
    if run is None:
        return _without_run(sources, labels, data)
    opened = _opened(run, data, device)
    label = opened.findings.label  # An unfinished run says so before anything is computed.
    if baselines is None:
        baselines = Baselines(opened.split)
    model = model_codes(opened.model, baselines.split, label)
    other = [_codes(name, source, baselines.split) for name, source in sources.items()]
    rows: tuple[Codes, ...] = (model, *_baselines(baselines, model, *other), *other)
    if labels is not None:
        rows = relabelled(rows, labels_of_run(opened, labels))
        own = Baselines(rows[0].split, baselines.drawn)
        return Comparison(own, rows, opened, has_own_labels=False)
    return Comparison(baselines, rows, opened)


def _opened(run: str | Path | Run | OpenRun, data: object, device: str) -> OpenRun:
    if isinstance(run, OpenRun):
        return run
    return OpenRun(run, data=data, device=device)


def _without_run(
    sources: dict[str, CodeSource],
    labels: str | Path | Array | None,
    data: object,
) -> Comparison:
    """Compare codes that were made elsewhere, on data or on nothing but themselves."""
    if not sources and data is None:
        raise ConfigError(
            "There is nothing to look at", expected="a run, data, or codes that were made elsewhere"
        )
    if data is not None:
        if labels is not None:
            raise ConfigError("The data have labels of their own", fix="Leave one of both out.")
        baselines = Baselines(split_dataset(as_dataset(data), DataConfig()))
        rows = [_codes(name, source, baselines.split) for name, source in sources.items()]
        return Comparison(baselines, (*_baselines(baselines, *rows), *rows))
    name, first = next(iter(sources.items()))
    baselines = Baselines(split_dataset(_dataset(name, first, labels), DataConfig()))
    sources[name] = _flat
    rows = [_codes(name, source, baselines.split) for name, source in sources.items()]
    return Comparison(baselines, tuple(rows))


def _baselines(baselines: Baselines, *codes: Codes) -> list[Codes]:
    """Return raw pixels, and PCA with as many dimensions as each of the codes."""
    dims = dict.fromkeys(row.dim for row in codes)
    # PCA of few examples may be cut to the same number of components for several codes.
    linear = {row.name: row for row in map(baselines.pca, dims)}
    return [baselines.pixels(), *linear.values()]


def _codes(name: str, source: CodeSource, split: Split) -> Codes:
    if callable(source):
        return encoder_codes(source, split, name)
    return array_codes(as_array(source), split, name)


def as_comparison(
    run: str | Path | Run | Comparison,
    data: object = None,
    device: str | None = None,
) -> Comparison:
    """Return codes that are compared already, or compare those of a run.

    Raises
    ------
    ConfigError
        If data or a device are given beside compared codes, which have theirs.
    """
    if not isinstance(run, Comparison):
        return compare_codes(run, data=data, device=device or "auto")
    if data is not None or device is not None:
        raise ConfigError(
            "Compared codes have their data and their device", fix="Give these to compare_codes."
        )
    return run


def as_array(source: str | Path | Array) -> Array:
    """Return an array, or the values in a file."""
    if not isinstance(source, str | Path):
        return np.asarray(source)
    if Path(source).suffix == ".npy":
        return map_array(Path(source))
    # Codes are used as they are, whatever they are numbers of.
    return np.asarray(load_dataset(DataConfig(source=str(source), range=(0.0, 1.0))).images)


def _dataset(name: str, codes: CodeSource, labels: str | Path | Array | None) -> Dataset:
    """Make examples of the codes themselves."""
    if callable(codes):
        raise DataError(
            f"{name} is a function, and there are no data to encode", fix="Give the data too."
        )
    if isinstance(codes, str | Path) and Path(codes).suffix != ".npy" and not _in_file(labels):
        # A table holds its own labels; a name that is no file is one of its columns.
        column = None if labels is None else str(labels)
        return load_dataset(DataConfig(source=str(codes), labels=column, range=(0.0, 1.0)))
    values = as_array(codes)
    if values.ndim == 0 or not values.size:
        raise DataError(f"{name} holds no codes", expected="a row of numbers for each example")
    label_values = None if labels is None else as_array(labels)
    return dataset_of_arrays(values.reshape(len(values), -1), label_values, name)


def _flat(values: Array) -> Array:
    """Take stored examples (n, ...) for codes (n, D)."""
    return values.reshape(len(values), -1)


def _in_file(labels: str | Path | Array | None) -> bool:
    return isinstance(labels, np.ndarray) or Path(labels or "").suffix == ".npy"
