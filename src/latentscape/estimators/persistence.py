"""Model files and pickles of a fitted autoencoder."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import torch
from pydantic import Field
from sklearn.utils.validation import check_is_fitted
from torch import nn

from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, RunError, brief
from latentscape.core.findings import Json, Record
from latentscape.core.runtime import choose_device
from latentscape.core.trust import trusting
from latentscape.estimators.examples import range_in
from latentscape.estimators.fitted import FittedAutoencoder
from latentscape.estimators.layout import Layout
from latentscape.estimators.settings import refuse_condition
from latentscape.model import Network
from latentscape.model.own import check_offered, offering, own_in
from latentscape.runs import ModelFile, Run, open_run, read_model, save_model

_NEWER = {"as_published": False, "encoder": None, "decoder": None, "start_from": None}
"""Parameters that pickles of earlier versions lack."""


class _Entries(Record, extra="ignore"):
    """What a model file keeps of an estimator; files of runs have nothing of it.

    Attributes
    ----------
    given, image : tuple of int
        Shape of an example, and of its image. Grey images have no axis of channels by default.
    feature_names : tuple of str or None
        Names of the columns, if X was a data frame.
    history : list of dict
        A record per epoch.
    unit : float or None
        What counts as 1 in a score; by default the whole range.
    """

    given: tuple[int, ...] = ()
    image: tuple[int, ...] = ()
    feature_names: tuple[str, ...] | None = None
    history: list[Json] = []
    unit: float | None = Field(None, gt=0)

    @classmethod
    def of(cls, path: Path, file: ModelFile) -> tuple[Self, Layout]:
        """Return the entries of a model file, and the layout that they are for.

        A RunError if they do not fit the network.
        """
        try:
            entries = cls.model_validate(file.estimator)
            return entries, entries._layout(file.network.input_shape)
        except ValueError as error:
            raise RunError(
                f"{path} is damaged: its entries for an estimator are not valid ({brief(error)})",
                fix="Copy it again from its source.",
            ) from error

    def _layout(self, shape: tuple[int, ...]) -> Layout:
        default = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
        example, image = self.given or default, self.image or default
        names = len(self.feature_names or ())
        if not math.prod(example) == math.prod(image) == math.prod(shape):
            raise ValueError(f"{example} and {image} do not fit the network's shape {shape}")
        if names not in (0, math.prod(shape)):
            raise ValueError(f"it names {names} features of {math.prod(shape)}")
        return Layout(example, image, shape)


class PersistentAutoencoder(FittedAutoencoder):
    """The methods of `Autoencoder` that write and read it."""

    device: str

    def save(self, path: str | Path) -> None:
        """Write a model file, for `load`, `latentscape.load`, ``embed`` and ``export``.

        It has no training codes, which `sample` needs if the network has no prior. Pickle and
        joblib keep them.

        Parameters
        ----------
        path : str or Path
            By convention ``model.safetensors``. An existing file is replaced.

        Raises
        ------
        NotFittedError
            Before `fit`.
        RunError
            If it cannot be written.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        about = _Entries(
            given=self.layout_.example_shape,
            image=self.layout_.image_shape,
            feature_names=None if names is None else tuple(names),
            history=self.history_,
            unit=self._unit,
        )
        weights = self.network_.state_dict()
        save_model(Path(path), weights, self.recipe_, (), about.model_dump(mode="json"))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        device: str = "auto",
        trust: Sequence[str] = (),
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
    ) -> Self:
        """Read a model file, or the model of a run, as a fitted estimator.

        Parameters
        ----------
        path : str or Path
            A file that `save` wrote, the ``model.safetensors`` of a run, or a run directory.
        device : str
            ``auto``, ``cpu``, ``cuda`` or ``mps``.
        trust, encoder, decoder
            For networks of your own; see `latentscape.load`.

        Returns
        -------
        Autoencoder
            Its parameter `recipe` is the whole recipe of the file.

        Raises
        ------
        RunError
            If there is no sound model.
        ConfigError
            If the model is conditioned on labels; or if a network of somebody's own is not there,
            is not trusted, or does not fit.
        """
        with trusting(trust), offering(encoder, decoder):
            file = read_model(path)
        check_offered(file.recipe.model, encoder, decoder)
        refuse_condition(file.recipe)
        entries, layout = _Entries.of(Path(path), file)
        is_unit = entries.unit in (None, _width(file.recipe))  # Else the range was learnt from X.
        estimator = cls(
            file.recipe,
            image_shape=None if layout.example_shape == layout.image_shape else layout.image_shape,
            value_range=range_in(file.recipe) if is_unit else None,
            validation_fraction=file.recipe.data.validation,
            encoder=encoder,
            decoder=decoder,
            device=device,
            random_state=file.recipe.train.seed,
        )
        run = open_run(path) if Path(path).is_dir() else None
        estimator.run_, estimator.layout_ = run, layout
        estimator._take_over(file, entries)
        return estimator

    def _take_over(self, file: ModelFile, entries: _Entries) -> None:
        """Set the learned attributes from a file."""
        self.network_, self.recipe_ = file.network.to(choose_device(self.device)), file.recipe
        self.history_ = self.run_.history.records() if self.run_ else entries.history
        self.n_iter_ = len(self.history_)
        self._moments, self._training_codes = {}, None
        self._unit = entries.unit or _width(file.recipe)
        self.n_features_in_ = math.prod(self.layout_.network_shape)
        if entries.feature_names:
            self.feature_names_in_ = np.array(entries.feature_names, dtype=object)

    def __getstate__(self) -> Json:
        """Return arrays and settings, so that a pickle has no objects of ours or of torch.

        Networks of the user's own are kept as objects: nothing else says how to make them.
        """
        state = dict(super().__getstate__())
        if "network_" in state:
            weights = self.network_.state_dict().items()
            state["network_"] = {name: value.cpu().numpy() for name, value in weights}
            state["_own_networks"] = own_in(self.network_)
            state["recipe_"] = self.recipe_.model_dump(mode="json", exclude_none=True)
            state["layout_"] = asdict(self.layout_)
            state["run_"] = self.run_ and self.run_.path
        return state

    def __setstate__(self, state: Json) -> None:
        own = (state := dict(state)).pop("_own_networks", {})
        super().__setstate__({**_NEWER, **state})
        if "network_" in state:
            self.recipe_ = Recipe.model_validate(state["recipe_"])
            # By order, because the names were others in version 0.1.0.
            self.layout_ = Layout(*state["layout_"].values())
            self._training_codes = state.get("_training_codes", state.get("_some_codes"))
            self._unit = state.get("_unit", _width(self.recipe_))
            self.run_ = state["run_"] and Run(state["run_"])
            with offering(own.get("encoder"), own.get("decoder")):
                network = Network(self.recipe_.model, self.recipe_.objective)
            weights = state["network_"].items()
            network.load_state_dict({name: torch.tensor(value) for name, value in weights})
            self.network_ = network.to(self._device_or_cpu()).eval()

    def _device_or_cpu(self) -> torch.device:
        """Return the device, or the CPU on a machine that has no such device."""
        try:
            return choose_device(self.device)
        except ConfigError as error:
            warnings.warn(f"{error} Going on with the CPU.", stacklevel=3)
            return torch.device("cpu")


def _width(recipe: Recipe) -> float:
    low, high = range_in(recipe)
    return high - low
