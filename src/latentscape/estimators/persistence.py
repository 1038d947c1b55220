"""Model files and pickles of a fitted autoencoder."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from latentscape.config import Recipe
from latentscape.core.errors import ConfigError, RunError
from latentscape.core.findings import Json
from latentscape.core.runtime import choose_device
from latentscape.core.trust import trusting
from latentscape.estimators.examples import range_in
from latentscape.estimators.fitted import FittedAutoencoder
from latentscape.estimators.layout import Layout, layout_from_file
from latentscape.estimators.settings import refuse_condition
from latentscape.model import Network
from latentscape.model.own import check_offered, offering, own_in
from latentscape.runs import ModelFile, Run, open_run, read_model, save_model

_NEWER = {"as_published": False, "encoder": None, "decoder": None, "start_from": None}
"""Parameters that pickles of earlier versions lack."""


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
        about = {
            "given": self.layout_.example_shape,
            "image": self.layout_.image_shape,
            "feature_names": None if names is None else names.tolist(),
            "history": self.history_,
            "unit": self._unit,
        }
        save_model(Path(path), self.network_.state_dict(), self.recipe_, (), about)

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
        layout = _layout_of(Path(path), file)
        estimator = cls(
            file.recipe,
            image_shape=None if layout.example_shape == layout.image_shape else layout.image_shape,
            value_range=None if _has_learnt_range(file) else range_in(file.recipe),
            validation_fraction=file.recipe.data.validation,
            encoder=encoder,
            decoder=decoder,
            device=device,
            random_state=file.recipe.train.seed,
        )
        estimator._take_over(file, layout, open_run(path) if Path(path).is_dir() else None)
        return estimator

    def _take_over(self, file: ModelFile, layout: Layout, run: Run | None) -> None:
        """Set the learned attributes from a file."""
        self.network_ = file.network.to(choose_device(self.device))
        self.recipe_, self.layout_, self.run_ = file.recipe, layout, run
        self.history_ = run.history.records() if run else file.estimator.get("history", [])
        self.n_iter_ = len(self.history_)
        self._moments, self._training_codes = {}, None
        self._unit = _unit_in(file)
        self.n_features_in_ = math.prod(layout.network_shape)
        if names := file.estimator.get("feature_names"):
            self.feature_names_in_ = np.array(names, dtype=object)

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


def _unit_in(file: ModelFile) -> float:
    """Return what counts as 1 in a score: the whole range, unless the file says otherwise."""
    return float(file.estimator.get("unit", _width(file.recipe)))


def _has_learnt_range(file: ModelFile) -> bool:
    """Whether the range was learnt from X: then it is no unit of scores."""
    return _unit_in(file) != _width(file.recipe)


def _width(recipe: Recipe) -> float:
    low, high = range_in(recipe)
    return high - low


def _layout_of(path: Path, file: ModelFile) -> Layout:
    """Return the layout in a model file, once all that it has for an estimator is checked."""
    about, shape = file.estimator, file.network.input_shape
    names = about.get("feature_names")
    try:
        layout = layout_from_file(shape, about)
        if not isinstance(about.get("history", []), list):
            raise ValueError("its history is not a list")
        if not 0 < _unit_in(file) < math.inf:
            raise ValueError(f"its unit is {about['unit']}")
        if names and len(names) != math.prod(shape):
            raise ValueError(f"it names {len(names)} features of {math.prod(shape)}")
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: its entries for an estimator are not valid ({error})",
            fix="Copy it again from its source.",
        ) from error
    return layout
