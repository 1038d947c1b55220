"""A finished run, opened: its model, its examples and its findings, each read once."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

from latentscape.config import Recipe
from latentscape.core.errors import DataError
from latentscape.core.records import Dataset, Split
from latentscape.core.runtime import choose_device
from latentscape.data import binarize_split, check_dataset, load_dataset, split_dataset
from latentscape.model import Network
from latentscape.runs.directory import Run, open_run
from latentscape.runs.facts import Sizes
from latentscape.runs.findings import RunFindings
from latentscape.runs.model_file import load_model


class OpenRun:
    """A run with its model, examples and findings, each read when it is first asked for.

    Parameters
    ----------
    run : str, Path or Run
        The run directory.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device : str
        Where the model goes: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises
    ------
    RunError
        If there is no run; and, of every attribute, if the run is not finished or damaged.
    """

    def __init__(
        self, run: str | Path | Run, *, data: Dataset | None = None, device: str = "auto"
    ) -> None:
        self.run = run if isinstance(run, Run) else open_run(run)
        self._data, self._device = data, device

    @property
    def recipe(self) -> Recipe:
        """The whole resolved recipe."""
        return self.findings.recipe

    @cached_property
    def findings(self) -> RunFindings:
        """What is known about the run, as it was when this was first asked for."""
        return RunFindings(self.run)

    @cached_property
    def model(self) -> Network:
        """The trained model, evaluating, on the device."""
        return load_model(self.run.path).to(choose_device(self._device))

    @cached_property
    def split(self) -> Split:
        """The examples; see `load_run_split`."""
        return load_run_split(self.run, self._data)

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
        return binarize_split(load_split(self.recipe, self._data, "none"), binarize, seed)

    def refresh(self) -> RunFindings:
        """Read the findings anew."""
        self.__dict__.pop("findings", None)
        return self.findings


def load_split(recipe: Recipe, data: object = None, binarize: str | None = None) -> Split:
    """Load the data of a recipe, or take the given dataset, and split it.

    Parameters
    ----------
    recipe : Recipe
        Says how.
    data : Dataset, optional
        Examples in memory.
    binarize : str, optional
        ``none``, ``static`` or ``dynamic``; by default what the recipe says.
    """
    dataset = check_dataset(data) if isinstance(data, Dataset) else load_dataset(recipe.data)
    split = split_dataset(dataset, recipe.data)
    return binarize_split(split, binarize or recipe.data.binarize)


def load_run_split(run: Run, data: Dataset | None = None) -> Split:
    """Load the examples of a run again, and check that they are the same, divided as they were.

    Raises
    ------
    DataError
        If the data were in memory and are not given, or have changed.
    """
    facts = run.data
    if data is None and not facts.origin:
        raise DataError(
            f"{run.name} was trained on data in memory, which are not kept with it",
            fix="Give them in Python: data=latentscape.Dataset(...).",
        )
    split = load_split(run.recipe, data)
    fingerprint = split.dataset.fingerprint
    if facts.fingerprint != fingerprint:
        raise DataError(
            f"The data of {run.name} have changed: fingerprint {fingerprint[:12]}",
            expected=f"{facts.fingerprint[:12]}, from {facts.origin}",
            fix="Put the original data back, or train anew.",
        )
    if Sizes(**split.sizes) != facts.sizes:
        raise DataError(
            f"{run.name} was trained on {facts.sizes.train:,} of the examples and has "
            f"{facts.sizes.test:,} to be tested on, as no division by its recipe gives",
            fix="An estimator has trained it: measure it with its score().",
        )
    return replace(split, subsets=facts.subsets)
