"""An autoencoder as a scikit-learn transformer."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from torch import nn

from latentscape.api.preparing import own_networks, prepare, resolve_again
from latentscape.config import Changes, Recipe
from latentscape.core.errors import Interrupted
from latentscape.core.findings import Json, to_json
from latentscape.core.records import Dataset, Split
from latentscape.core.runtime import choose_device
from latentscape.data import binarize_split, hold_out
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.doctor.patient import Patient
from latentscape.estimators.examples import (
    check_examples,
    check_range,
    dataset_of,
    labelled,
    range_of,
    seed_of,
    unit_of,
)
from latentscape.estimators.fitted import mixture_codes
from latentscape.estimators.layout import learn_layout
from latentscape.estimators.persistence import PersistentAutoencoder
from latentscape.estimators.settings import (
    PATHS,
    check_layout,
    choose_recipe,
    for_streaming,
    labels_for,
    resolve_recipe,
)
from latentscape.estimators.streaming import Moments, new_network, train_epoch
from latentscape.estimators.tasks import Task
from latentscape.model import Network
from latentscape.runs import Run
from latentscape.runs.facts import Event, History
from latentscape.runs.starting import EarlierModel
from latentscape.terminal import shown
from latentscape.training.memory import check_network

_UNTIMED = {"lr": 0.0, "seconds": 0.0, "images_per_second": 0.0}
"""What ``partial_fit`` does not measure of an epoch."""


class Autoencoder(PersistentAutoencoder):
    """An autoencoder: images or vectors to codes, and back.

    Parameters
    ----------
    recipe : str, Path or Recipe, optional
        Name of a recipe (``latentscape recipes``), a YAML file, or a recipe itself. Fully connected
        recipes take images and vectors, convolutional ones images. By default X decides in ``fit``:
        the convolutional ``"conv-bn"`` for images of 16 x 16 pixels and more, the fully connected
        ``"simple-20"`` for smaller ones and for vectors.
    latent_dim, max_epochs, batch_size, lr : int, int, int, float, optional
        Length of a code (of each of its vectors, if it is vector-quantised; by default that of the
        recipe), epochs, examples per step and learning rate (by default fitted to the number of
        examples; see `as_published`).
    changes : dict, optional
        Other settings of the recipe's ``model``, ``objective`` and ``train``, ``data.binarize``,
        and ``data.store`` of an X that you have mapped, by their dotted paths:
        ``{"train.optimizer": "sgd", "model.likelihood": "gaussian"}``.
    encoder, decoder : nn.Module, optional
        Networks of your own, in place of the recipe's; see `latentscape.train`. Every fit starts
        from a copy of them, weights and all, and leaves the objects themselves as they are.
    as_published : bool
        Whether ``fit`` trains as the origin of the recipe did, and is not fitted to the number of
        examples; see `latentscape.train`.
    image_shape : tuple of int, optional
        (H, W), (C, H, W) or (H, W, C) of images that X holds as flat vectors. If both the first
        and the last axis could be the channels (1, 3 or 4 long), the first one is.
    value_range : tuple of float, optional
        The values in X that stand for 0 and for 1. By default (0, 255) for unsigned 8-bit integers,
        (0, 1) for other numbers that lie between, and otherwise the smallest and the largest number
        in the X of ``fit``, over all features. If features have different units, scale them first.
        A range that is set, or that of 8-bit integers, is also the scale of the scores.
    validation_fraction : float
        Share of X that ``fit`` holds out for the validation loss, and for early stopping if
        ``changes`` sets ``train.patience``.
    start_from : str, Path or Run, optional
        A finished run, or a model file: a new network begins with its weights, as far as they fit;
        see `latentscape.train`. Without a `recipe` it is the one of that run.
    folder : str or Path, optional
        Where ``fit`` keeps a run directory after it has ended well. Its name comes from recipe,
        settings and data, and the same fit replaces it. It has no test part: use `score`. By
        default nothing is written to disk.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    verbose : bool
        Whether to show progress.
    random_state : int, RandomState or None
        Draws initial weights, batches and the validation part. The same number makes the same
        codes on the same machine.

    Attributes
    ----------
    network_ : Network
        The trained network.
    recipe_ : Recipe
        The whole resolved recipe.
    history_ : list of dict
        A record per epoch: each loss term in nats per example, and seconds.
    n_iter_ : int
        Epochs trained. After early stopping, the network is that of the best of them.
    run_ : Run or None
        The run directory, if `folder` is set.
    layout_ : Layout
        The shape of an example in X, and the shape that the network takes.
    n_features_in_ : int
        Numbers in an example.
    feature_names_in_ : ndarray of str
        Names of the columns, if X was a data frame.

    Notes
    -----
    ``X`` is (n, D), or images (n, H, W), (n, C, H, W) or (n, H, W, C), with 1, 3 or 4 channels
    in the last axis. After a fit to images, other methods also take them as flat vectors. Codes are
    means: ``transform`` draws nothing, and the code of an example does not depend on the other
    examples in X.

    Examples
    --------
    >>> from latentscape import Autoencoder, load_data
    >>> digits = load_data("mnist-5k").images
    >>> codes = Autoencoder("simple-20", max_epochs=2).fit_transform(digits)
    >>> codes.shape
    (5000, 20)
    """

    def __init__(
        self,
        recipe: str | Path | Recipe | None = None,
        *,
        latent_dim: int | None = None,
        max_epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        changes: Changes | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        as_published: bool = False,
        image_shape: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        validation_fraction: float = 0.1,
        start_from: str | Path | Run | None = None,
        folder: str | Path | None = None,
        device: str = "auto",
        verbose: bool = False,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.recipe = recipe
        self.latent_dim = latent_dim
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.changes = changes
        self.encoder = encoder
        self.decoder = decoder
        self.as_published = as_published
        self.image_shape = image_shape
        self.value_range = value_range
        self.validation_fraction = validation_fraction
        self.start_from = start_from
        self.folder = folder
        self.device = device
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like
            (n, D), or images; see the notes of the class. At least two examples.
        y : array-like, optional
            (n,) labels, for a recipe that trains with them. Other recipes ignore them.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        DataError
            If X and the settings do not fit each other, or the recipe needs labels.
        ConfigError
            If there is no such recipe or setting, or the recipe is conditioned on labels.
        TrainingError
            If the loss is still not finite after several roll-backs.
        RunError
            If `folder` cannot be written to.

        Notes
        -----
        A fit that fails leaves the estimator as it was before.
        """
        task = self._new_task(X, y)
        with shown(quiet=not self.verbose):
            try:
                network, state = task.train(self.folder, choose_device(self.device))
            except Interrupted:
                # A grid search goes on after any other error.
                raise KeyboardInterrupt from None
        run = None if self.folder is None else Run(Path(self.folder) / task.run_name)
        history = [to_json(epoch) for epoch in state.history]
        return self._settle(task, network, history, run=run, events=state.events)

    def partial_fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train one more epoch, on X, with the full learning rate of the recipe as published.

        The state of the optimizer is kept between calls, until the next ``fit``. The parameters
        `lr` and `batch_size` may change between calls.

        Parameters
        ----------
        X : array-like
            As for `fit`. The first call fixes shape and `value_range`. Set the range if later
            values may lie outside.
        y : array-like, optional
            Ignored.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        DataError
            As for `fit`; also if X has values outside the range that the likelihood needs.
        ConfigError
            As for `fit`; also if the recipe trains with labels, since one X need not have all.
        TrainingError
            If the loss or a weight is no longer finite.

        Notes
        -----
        A call that fails leaves the estimator as it was before. Nothing is stopped early or
        averaged: ``train.patience`` and ``train.average`` are left out.
        """
        fitted = hasattr(self, "network_")
        task = self._next_task(X) if fitted else self._new_task(X, None, streaming=True)
        network = self.network_ if fitted else new_network(task, choose_device(self.device))
        history, moments = (self.history_, self._moments) if fitted else ([], {})
        losses, moments = train_epoch(network, task.recipe, task.split, moments, len(history))
        record = {"epoch": len(history) + 1, "train": to_json(losses), "validation": None}
        return self._settle(task, network, [*history, record], moments=moments)

    def diagnose(self, X: ArrayLike, y: ArrayLike | None = None) -> Diagnoses:
        """Say what is wrong with the network, why, and which settings mend it.

        Parameters
        ----------
        X : array-like
            The X of `fit`: of it the share that was held out then is looked at.
        y : array-like, optional
            (n,) labels, which only show whether they leak into X.

        Returns
        -------
        Diagnoses
            The likeliest cause first. The settings that mend it, ``changes`` of each diagnosis, can
            be given as the parameter `changes`.

        Raises
        ------
        NotFittedError, ValueError
            As for `transform`.
        """
        return examine(self._patient(X, y))

    def _patient(self, X: ArrayLike, y: ArrayLike | None, clusters: int | None = None) -> Patient:
        """Return the network and X, divided as in `fit`, for the doctor."""
        dataset, recipe = self._inputs(X), self.recipe_
        # `partial_fit` holds nothing out.
        was_held_out = any(record.get("validation") for record in self.history_)
        share = self.validation_fraction if was_held_out else 0.0
        records = [{**_UNTIMED, **record} for record in self.history_]
        # Training knew labels only where the recipe needs them, and the split depends on them.
        known = labelled(dataset, labels_for(recipe, y))
        split = binarize_split(hold_out(known, share, recipe.data.seed), recipe.data.binarize)
        return Patient(
            recipe,
            replace(split, dataset=labelled(split.dataset, y)),
            self.network_,
            history=History.model_validate({"epochs": records}),
            events=getattr(self, "_events", ()),
            clusters=clusters,
        )

    def _new_task(self, X: ArrayLike, y: ArrayLike | None, *, streaming: bool = False) -> Task:
        """Learn shape, range and recipe from X, and split X. Nothing in the estimator changes."""
        features = clone(self)
        values = check_examples(features, X, reset=True)
        layout = learn_layout(np.shape(values)[1:], self.image_shape)
        held_out = 0.0 if streaming else self.validation_fraction
        seed, settings = seed_of(self.random_state), self._recipe_settings()
        earlier = None if self.start_from is None else EarlierModel.open(self.start_from)
        published = choose_recipe(layout) if self.recipe is None else self.recipe
        if earlier is not None and self.recipe is None:
            published = resolve_again(earlier.recipe, X)
        own = own_networks(published, self.encoder, self.decoder)
        asked = published, settings, {**(self.changes or {}), **own}, held_out, seed
        recipe = resolve_recipe(*asked)
        check_layout(recipe, layout)
        if streaming:
            recipe = for_streaming(recipe, settings)
        value_range = range_of(values, self.value_range)
        unlabelled = dataset_of(layout, values, value_range, recipe)
        dataset = labelled(unlabelled, labels_for(recipe, y))
        unit = unit_of(values, self.value_range)
        if not (streaming or self.as_published):
            recipe = resolve_recipe(*asked, hold_out(dataset, held_out, recipe.data.seed))
        recipe, split = _split(recipe, dataset, held_out)
        check_network(recipe, len(split.train), choose_device(self.device))
        task = Task(features, layout, recipe, split, unit, earlier)
        _ = task.start  # Refuses weights of which none fits.
        return task

    def _next_task(self, X: ArrayLike) -> Task:
        """Arrange X for one more epoch."""
        recipe = for_streaming(self.recipe_, self._recipe_settings())
        return Task(self, self.layout_, *_split(recipe, self._dataset(X), 0.0), self._unit)

    def _recipe_settings(self) -> Changes:
        """Return the settings of the recipe that parameters stand for which are set."""
        asked = {path: getattr(self, name) for name, path in PATHS.items()}
        return {path: value for path, value in asked.items() if value is not None}

    def _settle(
        self,
        task: Task,
        network: Network,
        history: list[Json],
        *,
        run: Run | None = None,
        moments: Moments | None = None,
        events: Sequence[Event] = (),
    ) -> Self:
        """Set all learned attributes, after everything that can fail."""
        training_codes = mixture_codes(network, task.split)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(task.features, name):
                setattr(self, name, getattr(task.features, name))
            elif hasattr(self, name):
                delattr(self, name)
        self.network_, self.recipe_, self.layout_ = network, task.recipe, task.layout
        self.history_, self.n_iter_, self.run_ = history, len(history), run
        self._moments, self._training_codes = moments or {}, training_codes
        self._unit, self._events = task.unit, tuple(events)
        return self


def _split(recipe: Recipe, dataset: Dataset, validation: float) -> tuple[Recipe, Split]:
    """Return the recipe, prepared for a dataset, and the split of that dataset."""
    check_range(recipe, dataset)
    split = hold_out(dataset, validation, recipe.data.seed)
    return prepare(recipe, split), binarize_split(split, recipe.data.binarize)
