"""A finished run, opened: its model, its examples and its findings, each read once."""

import os
from collections.abc import Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from latentscape.config import Recipe
from latentscape.core.errors import DataError, MissingData
from latentscape.core.records import Split
from latentscape.core.runtime import choose_device
from latentscape.core.urls import url_of
from latentscape.data import (
    as_dataset,
    binarize_split,
    source_names,
    split_dataset,
)
from latentscape.model import Network
from latentscape.runs.directory import Run, open_run
from latentscape.runs.facts import Sizes
from latentscape.runs.findings import RunFindings
from latentscape.runs.model_file import ModelFile, read_model
from latentscape.runs.trained_on import TrainedOn


class OpenModel:
    """A model with what it was trained on, each read when it is first asked for.

    Parameters
    ----------
    file : Path
        The model file, which may stand anywhere.
    data : str, Path or data in memory, optional
        The data that it was trained on, where they are not where they were.
    device : str
        Where the model goes: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    RunError
        Of every attribute, if there is no sound model.
    """

    def __init__(self, file: Path, *, data: object = None, device: str = "auto") -> None:
        self._file, self._data, self._device = file, data, device

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._file.name

    @property
    def folder(self) -> Path:
        """Where what is made of it stands."""
        return self._file.parent

    @cached_property
    def file(self) -> ModelFile:
        """All that the model file holds."""
        return read_model(self._file)

    @property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        return self.file.recipe

    @cached_property
    def model(self) -> Network:
        """The trained model, evaluating, on the device."""
        return self.file.network.to(choose_device(self._device))

    @cached_property
    def split(self) -> Split:
        """The examples that it was trained on, validated and tested.

        Raises
        ------
        MissingData
            If they are not where the recipe says.
        DataError
            If they are not what the model takes.
        """
        assert self.recipe.model.input is not None
        recipe = as_trained(self.recipe, self.recipe.model.input.range)
        split = load_split(recipe, _where(self.name, recipe, self._data))
        check_input(self.recipe, split)
        if self.file.data not in ("", split.dataset.fingerprint):
            raise DataError(
                f"{split.dataset.name} is not what {self.name} was trained on: it has the "
                f"fingerprint {split.dataset.fingerprint[:12]}",
                expected=self.file.data[:12],
                fix="Say where the training data are: --trained-on PLACE.",
            )
        return split

    @property
    def trained_on(self) -> TrainedOn:
        """What it was trained on, whose examples are loaded once they are needed."""
        names = self.file.label_names
        known = self._known_labels()
        labels = tuple(place for place, name in enumerate(names) if name in known)
        return TrainedOn(names, labels, lambda: self.split)

    def _known_labels(self) -> Collection[str]:
        """Return the labels that training examples have, as far as the file says."""
        return self.recipe.data.train_labels or self.file.label_names


class OpenRun(OpenModel):
    """A run with its model, examples and findings, each read when it is first asked for.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : str, Path or data in memory, optional
        The data that it was trained on, where these were in memory or have moved.
    device : str
        As for `OpenModel`.

    Raises
    ------
    RunError
        If there is no run; and, of every attribute, if the run is not finished or damaged.
    """

    def __init__(
        self,
        run: str | Path | Run,
        *,
        data: object = None,
        device: str = "auto",
    ) -> None:
        self.run = run if isinstance(run, Run) else open_run(run)
        super().__init__(self.run.model_file, data=data, device=device)

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.run.name

    @property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        return self.findings.recipe

    @cached_property
    def file(self) -> ModelFile:
        """All that the model file holds, once it is clear that it is the run's."""
        return read_model(self.run.path)

    @cached_property
    def findings(self) -> RunFindings:
        """What is known about the run, as it was when this was first asked for."""
        return RunFindings(self.run)

    @cached_property
    def split(self) -> Split:
        """The examples; see `load_run_split`."""
        return load_run_split(self.run, self._data)

    def _known_labels(self) -> Collection[str]:
        counts = self.findings.data.train_labels
        if counts is None:
            return super()._known_labels()
        return {name for name, count in counts.items() if count}

    def split_with(self, binarize: str, seed: int | None = None) -> Split:
        """Return the examples with other pixels than those that the run was trained on.

        Parameters
        ----------
        binarize : str
            ``none``, ``static`` or ``dynamic``; see `latentscape.data.binarize_split`.
        seed : int, optional
            Draws the pixels; by default the split's own.
        """
        if seed is None and binarize == self.recipe.data.binarize:
            return self.split
        return binarize_split(load_run_split(self.run, self._data, "none"), binarize, seed)

    def refresh(self) -> RunFindings:
        """Read the findings anew."""
        self.__dict__.pop("findings", None)
        return self.findings


def open_model(
    path: str | Path | Run,
    *,
    data: object = None,
    device: str = "auto",
) -> OpenModel:
    """Open a run, or a model file that stands anywhere; that of a run stands for the run.

    Raises
    ------
    RunError
        If there is neither.
    """
    is_file = not isinstance(path, Run) and (
        os.path.isfile(path) or Path(path).suffix == ".safetensors"
    )
    if isinstance(path, Run) or not is_file:
        return OpenRun(path, data=data, device=device)
    run = Run(Path(path).parent)
    beside = (run.path / "recipe.yaml", run.path / "data.json")
    if Path(path) == run.model_file and all(file.is_file() for file in beside):
        return OpenRun(run, data=data, device=device)
    return OpenModel(Path(path), data=data, device=device)


def check_input(recipe: Recipe, split: Split) -> None:
    """Refuse examples other than those that a model of the recipe takes.

    Raises
    ------
    DataError
        With what they are.
    """
    known, dataset = recipe.model.input, split.dataset
    assert known is not None
    labels = len(dataset.label_names) if known.labels else 0
    same = (dataset.shape, dataset.value_range, labels) == (known.shape, known.range, known.labels)
    if not same:
        raise DataError(
            f"The examples of {dataset.name} are {dataset.shape} with the range "
            f"{dataset.value_range} and {labels} labels",
            expected=f"{known.shape}, {known.range} and {known.labels}, as those that the model "
            "was trained on",
        )


def load_split(recipe: Recipe, data: object = None, binarize: str | None = None) -> Split:
    """Load the data of a recipe, or take the given dataset, and split it.

    Parameters
    ----------
    recipe : Recipe
        Says how.
    data : str, Path or data in memory, optional
        Examples in memory, or another place of those of the recipe.
    binarize : str, optional
        ``none``, ``static`` or ``dynamic``; by default what the recipe says.
    """
    dataset = as_dataset(recipe.data.source if data is None else data, recipe.data)
    split = split_dataset(dataset, recipe.data)
    return binarize_split(split, binarize or recipe.data.binarize)


def as_trained(recipe: Recipe, value_range: tuple[float, float]) -> Recipe:
    """Return a recipe whose data have the range that was chosen when training began.

    Another version may choose another one of the same data.
    """
    data = recipe.data.model_copy(update={"range": value_range})
    return recipe.model_copy(update={"data": data})


def load_run_split(run: Run, data: object = None, binarize: str | None = None) -> Split:
    """Load the examples of a run again, and check that they are the same, divided as they were.

    Parameters
    ----------
    run : Run
        The run.
    data : str, Path or data in memory, optional
        They, where they were in memory or have moved.
    binarize : str, optional
        As for `load_split`.

    Raises
    ------
    MissingData
        If the data were in memory and are not given, or are not where they were.
    DataError
        If they have changed.
    """
    facts, recipe = run.data, run.recipe
    if data is None and not facts.origin:
        raise MissingData(
            f"{run.name} was trained on data in memory, which are not kept with it",
            fix="Give them in Python: data=..., or dataset=... where data are other examples.",
        )
    recipe = _with_label_file(as_trained(recipe, facts.range), facts.origin)
    split = load_split(recipe, _where(run.name, recipe, data, facts.origin), binarize)
    fingerprint = split.dataset.fingerprint
    if facts.fingerprint != fingerprint:
        raise DataError(
            f"The data of {run.name} have changed: fingerprint {fingerprint[:12]}",
            expected=f"{facts.fingerprint[:12]}, from {facts.origin or 'data in memory'}",
            fix="Put the original data back, say where they are with --trained-on, or train anew."
            if facts.origin
            else "Give the data that it was trained on, or train anew.",
        )
    if Sizes(**split.sizes) != facts.sizes:
        raise DataError(
            f"{run.name} was trained on {facts.sizes.train:,} of the examples and has "
            f"{facts.sizes.test:,} to be tested on, as no division by its recipe gives",
            fix="An estimator has trained it: measure it with its score().",
        )
    return replace(split, subsets=facts.subsets)


def _with_label_file(recipe: Recipe, origin: str) -> Recipe:
    """Return a recipe whose file of labels is found, though it was typed in another folder."""
    labels, typed = recipe.data.labels, recipe.data.source
    if labels is None or os.path.exists(labels) or not origin.endswith(typed):
        return recipe
    file = os.path.join(origin[: -len(typed)], labels)
    if not os.path.isfile(file):
        return recipe
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"labels": file})})


def _where(name: str, recipe: Recipe, data: object, origin: str = "") -> object:
    """Return where the training data are: where somebody says, or else where they were.

    Raises
    ------
    MissingData
        If there is nothing.
    """
    typed = recipe.data.source
    if data is not None:
        return data
    if typed in source_names():
        return typed
    for place in filter(None, (origin, typed)):
        if url_of(place) or os.path.exists(os.path.expanduser(place)):
            return place
    raise MissingData(
        f"The training data of {name} are needed, and are no longer at {origin or typed}",
        fix="Put them back, or say where they are now: --trained-on PLACE.",
    )
