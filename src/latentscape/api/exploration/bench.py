"""Codes side by side: a run's, those of its baselines, and those that were made elsewhere."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.api.experiment import run_findings, run_split
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, DataError
from latentscape.core.records import Array, Codes, Dataset, Findings, Split
from latentscape.core.runtime import choose_device
from latentscape.data import (
    check_dataset,
    dataset_of_arrays,
    load_arrays,
    load_dataset,
    split_dataset,
)
from latentscape.evaluation.baselines import pca
from latentscape.evaluation.codes import (
    Encoder,
    encoder_codes,
    given_codes,
    model_codes,
    pca_codes,
    pixel_codes,
)
from latentscape.inference.codec import Reconstruct
from latentscape.model import Network
from latentscape.runs import Run, load_model, open_run

Made = str | Path | Array | Encoder
"""Codes that were made elsewhere: a file, an array, or a function from stored images to codes."""


@dataclass(eq=False)
class Ground:
    """The examples that codes stand on, and what is known about the baselines there.

    The runs of a study that have the same examples share it: nothing is found out twice.

    Attributes
    ----------
    split : Split
        The examples.
    """

    split: Split
    _known: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what `make` returned when it was first asked for under this key."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]

    def pixels(self) -> Codes:
        """Return the images themselves, as codes."""
        codes: Codes = self.once("pixels", lambda: pixel_codes(self.split))
        return codes

    def pca(self, dim: int) -> Codes:
        """Return codes of `dim` principal components."""
        codes: Codes = self.once(("pca", dim), lambda: pca_codes(self.pixels(), dim))
        return codes

    def linear(self, components: int) -> Reconstruct:
        """Return a function that reconstructs images from principal components."""
        reconstruct: Reconstruct = self.once(
            ("linear", components), lambda: pca(self.split, components)[0]
        )
        return reconstruct


@dataclass(frozen=True, eq=False)
class Bench:
    """Codes of the same examples side by side.

    Attributes
    ----------
    ground : Ground
        The examples.
    rows : tuple of Codes
        The run's model first, then the baselines, then codes made elsewhere.
    run : Run or None
        The run, where there is one.
    model : Network or None
        Its model.
    """

    ground: Ground
    rows: tuple[Codes, ...]
    run: Run | None = None
    model: Network | None = None

    @property
    def split(self) -> Split:
        """The examples."""
        return self.ground.split

    def each(self, key: Hashable, measure: Callable[[Codes], Findings]) -> Iterator[Findings]:
        """Measure all codes, those of baselines once on the same ground."""
        for row in self.rows:
            if row.kind != "model":
                yield self.ground.once((key, row.name), lambda row=row: measure(row))  # type: ignore[misc]
            else:
                yield measure(row)


def gather_codes(
    run: str | Path | Run | None = None,
    *,
    codes: Mapping[str, Made] | None = None,
    labels: str | Path | Array | None = None,
    data: str | Path | Dataset | None = None,
    device: str = "auto",
    ground: Ground | None = None,
) -> Bench:
    """Encode the examples of a run, and put its baselines and other codes beside it.

    Parameters
    ----------
    run : str, Path or Run, optional
        A finished run.
    codes : mapping, optional
        Name to codes made elsewhere: of all examples in the order of the data, or a function from
        stored images (n, *shape) to codes (n, D).
    labels : str, Path or ndarray, optional
        Labels (N,) of codes that come without a run and without data.
    data : str, Path or Dataset, optional
        The data that codes without a run were made of; for a run that was trained on a dataset in
        memory, that dataset.
    device : str
        As for `train`.
    ground : Ground, optional
        The examples of the run, where they are loaded already.

    Raises
    ------
    ConfigError
        If there is neither a run nor codes.
    DataError
        If codes, labels and examples do not go together.
    RunError
        If the run is not finished or damaged.
    """
    others = dict(codes or {})
    if run is None:
        return _without_run(others, labels, data)
    if labels is not None:
        raise ConfigError("A run has the labels of its data", fix="Leave the labels out.")
    run = run if isinstance(run, Run) else open_run(run)
    label = run_findings(run).values["label"]
    if ground is None:
        if data is not None and not isinstance(data, Dataset):
            raise ConfigError("A run knows its data", fix="Leave the data out.")
        ground = Ground(run_split(run, data))
    model = load_model(run.path).to(choose_device(device))
    own = model_codes(model, ground.split, label)
    made = [_made(name, given, ground.split) for name, given in others.items()]
    return Bench(ground, (own, *_baselines(ground, own, *made), *made), run, model)


def _without_run(
    codes: dict[str, Made], labels: str | Path | Array | None, data: str | Path | Dataset | None
) -> Bench:
    """Put codes side by side that were made elsewhere, on data or on nothing but themselves."""
    if not codes and data is None:
        raise ConfigError(
            "There is nothing to look at", expected="a run, data, or codes that were made elsewhere"
        )
    if data is not None:
        if labels is not None:
            raise ConfigError("The data have labels of their own", fix="Leave one of both out.")
        ground = Ground(split_dataset(as_dataset(data), DataConfig()))
        made = [_made(name, given, ground.split) for name, given in codes.items()]
        return Bench(ground, (*_baselines(ground, *made), *made))
    name, first = next(iter(codes.items()))
    split = split_dataset(_dataset(name, first, labels), DataConfig())
    codes[name] = split.dataset.images
    return Bench(Ground(split), tuple(_made(*item, split) for item in codes.items()))


def _baselines(ground: Ground, *codes: Codes) -> list[Codes]:
    """Return raw pixels, and PCA with as many dimensions as each of the codes."""
    dims = dict.fromkeys(row.dim for row in codes)
    linear = {row.name: row for row in map(ground.pca, dims)}  # some may be cut to the same number
    return [ground.pixels(), *linear.values()]


def _made(name: str, given: Made, split: Split) -> Codes:
    if callable(given):
        return encoder_codes(given, split, name)
    return given_codes(as_array(given), split, name)


def as_dataset(given: str | Path | Dataset) -> Dataset:
    """Return a dataset made in memory, checked, or load the one of that name or path."""
    if isinstance(given, Dataset):
        return check_dataset(given)
    return load_dataset(DataConfig(source=str(given)))


def as_array(given: str | Path | Array) -> Array:
    """Return an array, or the values in a file."""
    if isinstance(given, np.ndarray):
        return given
    if Path(given).suffix == ".npy":
        return load_arrays(Path(given))[""]
    return load_dataset(DataConfig(source=str(given))).images


def _dataset(name: str, codes: Made, labels: str | Path | Array | None) -> Dataset:
    """Make examples of the codes themselves."""
    if callable(codes):
        raise DataError(
            f"{name} is a function, and there are no data to encode", fix="Give the data too."
        )
    if isinstance(codes, str | Path) and Path(codes).suffix != ".npy" and not _in_file(labels):
        # A table holds its own labels; a name that is no file is one of its columns.
        column = None if labels is None else str(labels)
        return load_dataset(DataConfig(source=str(codes), labels=column))
    values = as_array(codes)
    if values.ndim == 0 or not values.size:
        raise DataError(f"{name} holds no codes", expected="a row of numbers for each example")
    given = None if labels is None else as_array(labels)
    return dataset_of_arrays(values.reshape(len(values), -1), given, name)


def _in_file(labels: str | Path | Array | None) -> bool:
    return isinstance(labels, np.ndarray) or Path(labels or "").suffix == ".npy"
